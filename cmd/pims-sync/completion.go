package main

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/pims-sync/pims-sync/internal/cli"
)

// The scripts ask the binary that they complete (CompleteCmd), so they never get old.
//
//go:embed completion
var completionScripts embed.FS

// CompletionCmd prints a shell's completion script.
type CompletionCmd struct {
	Shell string `arg:"" help:"The shell: ${enum}." enum:"bash,zsh,fish"`
}

// Run prints the script, which says in its first lines how to use it.
func (s CompletionCmd) Run(std cli.Streams, c *cli.Config) error {
	script, err := completionScripts.ReadFile("completion/pims-sync." + s.Shell)
	if err != nil {
		return err
	}
	return cli.Show(std, c, map[string]any{"script": string(script)}, func(w io.Writer) { fmt.Fprint(w, string(script)) })
}

// CompleteCmd is the command that the scripts call.
type CompleteCmd struct {
	Words []string `arg:"" optional:"" help:"The words after the program's name, up to the one to complete."`
}

// Run prints one candidate per line: the word, a tab, its meaning.
func (s CompleteCmd) Run(command *kong.Context, std cli.Streams) error {
	for _, c := range candidates(command.Model.Node, s.Words) {
		if _, err := fmt.Fprintf(std.Out, "%s\t%s\n", c.word, strings.Join(strings.Fields(c.help), " ")); err != nil {
			return err
		}
	}
	return nil
}

// candidate is a word that is possible on the command line.
type candidate struct{ word, help string }

// candidates returns the words that the last of the words can become: commands, flags, or
// the values of a flag or argument that has an enum. It returns none for a value that only
// the user knows, such as an id or a file. Bash passes "--flag=value" as three words, the
// other shells as one.
func candidates(app *kong.Node, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	before, last := words[:len(words)-1], words[len(words)-1]
	node, open := reached(app, before)
	var all []candidate
	switch name, _, assigned := strings.Cut(last, "="); {
	case open != nil:
		last = strings.TrimPrefix(last, "=")
		all = values(open.Value, "")
	case assigned:
		if flag := flagNamed(node, name); flag != nil {
			all = values(flag.Value, name+"=")
		}
	case strings.HasPrefix(last, "-"):
		for _, flag := range flagsOf(node) {
			all = append(all, candidate{"--" + flag.Name, flag.Help})
			if flag.Tag.Negatable != "" {
				all = append(all, candidate{"--no-" + flag.Name, "Not: " + flag.Help})
			}
		}
	default:
		for _, child := range node.Children {
			if !child.Hidden {
				all = append(all, candidate{child.Name, child.Help})
			}
		}
		for _, argument := range node.Positional {
			all = append(all, values(argument, "")...)
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, last) })
}

// reached returns the command that the words name, and the flag that still waits for
// its value.
func reached(node *kong.Node, words []string) (*kong.Node, *kong.Flag) {
	var open *kong.Flag
	for _, word := range words {
		name, _, assigned := strings.Cut(word, "=")
		switch {
		case word == "=":
		case open != nil:
			open = nil
		case strings.HasPrefix(word, "-"):
			if flag := flagNamed(node, name); flag != nil && !assigned && !flag.IsBool() {
				open = flag
			}
		default:
			if i := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word }); i >= 0 {
				node = node.Children[i]
			}
		}
	}
	return node, open
}

// flagsOf returns the visible flags of a command and of the commands above it.
func flagsOf(node *kong.Node) []*kong.Flag { return slices.Concat(node.AllFlags(true)...) }

func flagNamed(node *kong.Node, name string) *kong.Flag {
	for _, flag := range flagsOf(node) {
		if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

// values returns what a flag or an argument may be, each after the prefix.
func values(value *kong.Value, prefix string) []candidate {
	if value.Enum == "" {
		return nil
	}
	var all []candidate
	for _, word := range value.EnumSlice() {
		all = append(all, candidate{prefix + word, value.Help})
	}
	return all
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A block is a fenced block of a page.
type block struct {
	page     string // its path from the repository's root
	line     int    // of its first line of content
	language string
	lines    []string
	follows  bool // nothing but blank lines is between it and the block before
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

func (b block) text() string { return strings.Join(b.lines, "\n") }

// runs reports whether its lines are commands.
func (b block) runs() bool { return b.language == "sh" || b.language == "console" }

// A step is a block of commands, and the block after it that shows their output.
type step struct {
	commands block
	output   *block
}

// thePages are the pages with commands, in the order in which the README names them.
func thePages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	return append([]string{"../../README.md"}, pages...)
}

// steps are the steps of a page, in order.
func steps(t *testing.T, path string) []step {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var all []step
	blocks := parseBlocks(strings.TrimPrefix(path, "../../"), string(content))
	for i, b := range blocks {
		if !b.runs() {
			continue
		}
		s := step{commands: b}
		if i+1 < len(blocks) {
			if next := blocks[i+1]; next.follows && (next.language == "" || next.language == "json") {
				s.output = &next
			}
		}
		all = append(all, s)
	}
	return all
}

// parseBlocks finds the fenced blocks of a page.
func parseBlocks(page, content string) []block {
	var all []block
	var open *block
	follows := false
	for i, line := range strings.Split(content, "\n") {
		fence, marked := strings.CutPrefix(line, "```")
		switch {
		case marked && open == nil:
			open = &block{page: page, line: i + 2, language: fence, follows: follows}
		case marked:
			all = append(all, *open)
			open, follows = nil, true
		case open != nil:
			open.lines = append(open.lines, line)
		case strings.TrimSpace(line) != "":
			follows = false
		}
	}
	return all
}

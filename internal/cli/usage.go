package cli

import (
	"errors"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// UsageError is the error of a command line that cannot be parsed or carried out as it is.
type UsageError struct{ err error }

func (e UsageError) Error() string { return e.err.Error() }

func (e UsageError) Unwrap() error { return e.err }

// Usage returns the error of a command line that cannot be carried out as it is.
func Usage(err error) error { return UsageError{err} }

// Say returns what a failed command prints, in one line, and whether its command line is
// what is wrong. Then the line names what was typed and ends with the help that tells what
// there is: of the command, or where none was recognised, of the program. command may be
// nil.
func Say(command *kong.Context, err error) (line string, usage bool) {
	if request, ok := errors.AsType[*syncs.Failure](err); ok && request.Field != "" {
		err = Usage(errors.New(asTyped(command, request)))
	}
	line = strings.ReplaceAll(err.Error(), "\n", " ")
	if _, usage = errors.AsType[UsageError](err); !usage {
		return line, false
	}
	path := "pims-sync"
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok && command == nil {
		command = wrong.Context
	}
	if command != nil && command.Selected() != nil {
		path = command.Selected().FullPath()
	}
	return line + "; `" + path + " --help` shows what there is", true
}

// EndsEarly reports whether all that is wrong with a command line is that it ends before the
// command, such as `pims-sync clinic`. The error is Parse's.
func EndsEarly(err error) bool {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	return ok && strings.HasPrefix(wrong.Error(), "expected one of ")
}

// word is a name of a field in a message. One of several words, such as startDate, cannot be
// mistaken for prose.
var word = regexp.MustCompile(`[A-Za-z][A-Za-z.]*`)

// asTyped says what is wrong with a field of a request in the terms of a command line, whose
// flags and arguments stand for fields. One whose name differs says which in its tag
// `field:"…"`.
func asTyped(command *kong.Context, wrong *syncs.Failure) string {
	typed := make(map[string]string) // by the name of the field
	if command != nil && command.Selected() != nil {
		for _, flag := range command.Selected().Flags {
			name := "--" + flag.Name
			typed[fieldName(flag.Name)] = name
			for field := range strings.FieldsSeq(flag.Tag.Get("field")) {
				typed[fieldName(field)] = name
			}
		}
		for _, argument := range command.Selected().Positional {
			typed[fieldName(argument.Name)] = argument.Summary()
		}
	}
	first := true
	said := word.ReplaceAllStringFunc(wrong.Message, func(name string) string {
		begins := first
		first = false
		if to, known := typed[fieldName(name)]; known && (begins && name == wrong.Field || isCamel(name)) {
			return to
		}
		return name
	})
	if to, known := typed[fieldName(wrong.Field)]; known && !strings.Contains(said, to) {
		return to + ": " + said
	}
	return said
}

// fieldName returns a name of a field or flag so that those that mean the same are the same.
func fieldName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "-", "")) }

// isCamel reports whether a word begins small and goes on with a capital, as a field of
// several words does.
func isCamel(name string) bool {
	return strings.ToLower(name[:1]) == name[:1] && strings.ToLower(name) != name
}

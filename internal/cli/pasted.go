package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// checkSettings refuses environment variables that were pasted with quotation marks, blanks
// or line ends around them, because these would become a part of the value. DATABASE_URL
// and ENCRYPTION_KEY are checked where they are read. A list of hosts or addresses may
// contain blanks. The error does not show the value.
func checkSettings(command *kong.Context) error {
	for _, flag := range command.Flags() {
		for _, name := range flag.Envs {
			value := os.Getenv(name)
			if value == "" || toldElsewhere[name] || givenAsFlag(command, flag) {
				continue
			}
			switch trimmed := strings.TrimSpace(value); {
			case trimmed != value && !mayHaveBlanks[name]:
				return fmt.Errorf("%s has blanks or a line end around its value; write it without them", name)
			case strings.ContainsRune(quotationMarks, firstRune(trimmed)):
				return fmt.Errorf("the value of %s is in quotation marks, which belong to a shell; write it without them", name)
			}
		}
	}
	return nil
}

const quotationMarks = "\"'`\u201c\u201d\u2018\u2019"

var (
	toldElsewhere = map[string]bool{"DATABASE_URL": true, "ENCRYPTION_KEY": true}
	mayHaveBlanks = map[string]bool{"PIMS_ALLOWED_HOSTS": true, "TRUSTED_PROXIES": true}
)

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return -1
}

// givenAsFlag reports whether the command line sets the flag, which takes precedence over
// the environment.
func givenAsFlag(command *kong.Context, flag *kong.Flag) bool {
	return slices.ContainsFunc(command.Path, func(p *kong.Path) bool { return p.Flag == flag })
}

// Parse reads the command line. It reports a wrongly pasted setting before the errors that
// result from it.
func Parse(parser *kong.Kong, args []string) (*kong.Context, error) {
	command, err := parser.Parse(args)
	known := command
	if wrong := (*kong.ParseError)(nil); errors.As(err, &wrong) {
		known = wrong.Context
	}
	if known != nil {
		if pasted := checkSettings(known); pasted != nil {
			return nil, pasted
		}
	}
	return command, err
}

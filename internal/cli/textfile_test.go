package cli

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestThePasswordIsTheFirstLineOfStandardInput(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"hunter22":                           "hunter22",
		"hunter22\n":                         "hunter22",
		"hunter22\r\n":                       "hunter22",
		"hunter22\r":                         "hunter22",
		"hunter22\nsecond line\n":            "hunter22",
		"hunter22\rsecond line\r":            "hunter22",
		"\uFEFFhunter22\r\n":                 "hunter22",
		"\uFEFFhunter22":                     "hunter22",
		"  two  blanks \t\n":                 "  two  blanks \t",
		"pässwörd ✓\n":                       "pässwörd ✓",
		"in\uFEFFside\n":                     "in\uFEFFside",
		strings.Repeat("x", 64<<10-1) + "\n": strings.Repeat("x", 64<<10-1),
	} {
		got, err := ReadPassword(strings.NewReader(input))
		require.NoError(t, err, "%.40q", input)
		require.Equal(t, want, got)
	}
}

func TestAPasswordThatWouldBeAnotherOneIsRefused(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"":                                    "no password on its first line",
		"\n":                                  "no password on its first line",
		"\r\nhunter22":                        "no password on its first line",
		"\uFEFF\r\n":                          "no password on its first line",
		"\xff\xfeh\x00u\x00n\x00\r\x00\n\x00": "save it as UTF-8",
		"\xfe\xff\x00h\x00u\x00n":             "save it as UTF-8",
		"\xff\xfe\x00\x00h\x00\x00\x00":       "save it as UTF-8",
		"\x00\x00\xfe\xff\x00\x00\x00h":       "save it as UTF-8",
		"h\x00u\x00n\x00":                     "save it as UTF-8",
		"p\xe4ssword\n":                       "save it as UTF-8",
		strings.Repeat("hunter22", 10_000):    "longer than 65536 bytes",
	} {
		password, err := ReadPassword(strings.NewReader(input))
		require.ErrorContains(t, err, want, "%.40q", input)
		require.Empty(t, password)
		require.NotContains(t, err.Error(), "hun")
	}
	_, err := ReadPassword(iotest.ErrReader(errors.New("broken pipe")))
	require.ErrorContains(t, err, "reading the password from standard input: broken pipe")
}

package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestOnlyAYesIsAYes(t *testing.T) {
	t.Parallel()
	for want, answers := range map[bool][]string{
		true:  {"y\n", "Y\n", "yes\r\n", " YES \n", "y"},
		false: {"\n", "", "n\n", "yep\n", "no\ny\n"},
	} {
		for _, answer := range answers {
			var said bytes.Buffer
			yes, err := Ask(Streams{In: strings.NewReader(answer), Err: &said}, "Do it? [y/N] ")
			require.NoError(t, err)
			require.Equal(t, want, yes, "%q", answer)
			require.Equal(t, "Do it? [y/N] ", said.String())
		}
	}
	_, err := Ask(Streams{In: iotest.ErrReader(errors.New("gone")), Err: &bytes.Buffer{}}, "")
	require.Error(t, err)
}

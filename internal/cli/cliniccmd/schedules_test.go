package cliniccmd

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASchedulesFileMayBeginWithAByteOrderMark(t *testing.T) {
	t.Parallel()
	command := SchedulesSetCmd{File: "-"}
	document, err := command.read(strings.NewReader("\uFEFF[]\r\n"))
	require.NoError(t, err)
	require.JSONEq(t, `[]`, string(document))
	for input, want := range map[string]string{
		"\xff\xfe[\x00]\x00": "save it as UTF-8",
		"[":                  "not valid JSON",
	} {
		_, err := command.read(strings.NewReader(input))
		require.ErrorContains(t, err, want)
	}
	_, err = command.read(io.LimitReader(zeros{}, 2<<20))
	require.ErrorContains(t, err, "longer than 1048576 bytes")
}

// zeros is digits without an end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

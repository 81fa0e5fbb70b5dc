package anonymous_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// unpack returns the text of an encoded recording.
func unpack(t *testing.T, document []byte) string {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(document))
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	return string(text)
}

//go:build !race

package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxLines is how many lines of Go a package has at most, without its tests and without what
// is generated: what is larger has a second subject (docs/decisions/2026-11-29-rooms.md).
const maxLines = 3000

// A simulator is a whole PIMS.
const simulator = "internal/pims/idexxneo/neosim"

func TestNoPackageIsTooLarge(t *testing.T) {
	t.Parallel()
	lines := make(map[string]int)
	for _, top := range []string{"internal", "cmd"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err == nil && !bytes.HasPrefix(text, []byte("// Code generated")) {
				lines[strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), root+"/")] += bytes.Count(text, []byte("\n"))
			}
			return err
		}))
	}
	require.Greater(t, lines["internal/casesync"], 1000, "the packages were not found")
	require.Greater(t, lines[simulator], maxLines, "the simulator is no exception any more: take it out")
	delete(lines, simulator)
	for pkg, n := range lines {
		require.LessOrEqual(t, n, maxLines, "%s: give its second subject a package of its own", pkg)
	}
}

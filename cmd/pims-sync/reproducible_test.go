package main

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTwoBuildsInTwoFoldersAreOneBinary(t *testing.T) {
	t.Parallel()
	const checkout = "../.."
	elsewhere := t.TempDir()
	for _, folder := range []string{"cmd", "internal"} {
		require.NoError(t, os.CopyFS(filepath.Join(elsewhere, folder), os.DirFS(filepath.Join(checkout, folder))))
	}
	for _, file := range []string{"Makefile", "go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(checkout, file))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(elsewhere, file), content, 0o644))
	}
	here, there := built(t, checkout, "v1.2.3"), built(t, elsewhere, "v1.2.3")
	require.Equal(t, sha256.Sum256(here), sha256.Sum256(there))
	require.NotContains(t, string(there), elsewhere)
}

// built is the binary that `make build` makes of a folder.
func built(t *testing.T, folder, version string) []byte {
	t.Helper()
	bin := t.TempDir()
	build := exec.Command("make", "--directory", folder, "build", "BIN="+bin, "VERSION="+version, "COMMIT=4be3de42c9da0f1f4bd61a5b8b6e4ec5a8f3e0d1")
	build.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { // `make test` hands its own variables down
		return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "MFLAGS=")
	})
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	binary, err := os.ReadFile(filepath.Join(bin, "pims-sync"))
	require.NoError(t, err)
	return binary
}

package browser

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFolderForProfilesIsOursAlone(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.Mkdir(open, 0o700))
	require.NoError(t, os.Chmod(open, 0o777))
	f, err := openFolder(open, log)
	require.NoError(t, err)
	require.NoError(t, f.remove())
	info, err := os.Stat(open)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "what others may read is closed to them")

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(open, link))
	_, err = openFolder(link, log)
	require.ErrorContains(t, err, "is not a folder")

	others := "/"
	if os.Geteuid() == 0 {
		others = filepath.Join(t.TempDir(), "others")
		require.NoError(t, os.Mkdir(others, 0o700))
		require.NoError(t, os.Chown(others, 65534, 65534))
	}
	_, err = openFolder(others, log)
	require.ErrorContains(t, err, "belongs to another user")
	require.Empty(t, entries(t, open))
}

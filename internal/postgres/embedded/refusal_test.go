package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAClusterOfAnotherMajorVersionIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	version := filepath.Join(c.data(), "PG_VERSION")
	require.NoError(t, os.WriteFile(version, []byte("14\n"), 0o600))
	before := files(t, c.data())

	_, err := Open(t.Context(), Options{Dir: dir})
	require.ErrorContains(t, err, "made by PostgreSQL 14, but this machine has ")
	require.ErrorContains(t, err, "set DATA_DIR to a new folder")
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, before, files(t, c.data()))
	require.True(t, isFree(t, c))
}

// files lists what is in a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}))
	return paths
}

func TestAFolderThatIsNoClusterIsRefused(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]map[string]string{
		"nothing of PostgreSQL in it": {"letter.txt": "dear"},
		"a version that is none":      {"PG_VERSION": "fifteen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			c := clusterIn(dir)
			require.NoError(t, makeFolder(c.data()))
			for file, text := range content {
				require.NoError(t, os.WriteFile(filepath.Join(c.data(), file), []byte(text), 0o600))
			}
			before := files(t, c.data())

			_, err := Open(t.Context(), Options{Dir: dir})
			require.ErrorContains(t, err, c.data())
			require.ErrorContains(t, err, "set DATA_DIR to another folder")
			require.Equal(t, before, files(t, c.data()))
		})
	}
}

func TestAFolderThatTheServersUserCannotReachIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(newDir(t), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700)) // root's, PostgreSQL's user stays out
	if os.Geteuid() != 0 {
		require.NoError(t, os.Chmod(closed, 0)) // we stay out ourselves
	}

	_, err := Open(t.Context(), Options{Dir: filepath.Join(closed, "data")})
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, "set DATA_DIR to a folder")
	require.NotContains(t, err.Error(), "\n")
}

func TestAFolderThatCannotBeMadeIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(newDir(t), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))

	_, err := Open(t.Context(), Options{Dir: filepath.Join(file, "data")})
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, "set DATA_DIR to a folder that this user may write")
}

func TestAFolderMustBeNamed(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Options{})
	require.ErrorContains(t, err, "set DATA_DIR")
}

func TestALockFileThatIsALinkIsNotFollowed(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := clusterIn(dir)
	target := filepath.Join(dir, "target")
	require.NoError(t, makeFolder(c.home))
	require.NoError(t, os.Symlink(target, c.lock()))

	_, err := Open(t.Context(), Options{Dir: dir})
	require.ErrorContains(t, err, c.lock())
	require.NoFileExists(t, target)
	require.NoError(t, os.Remove(c.lock()))
}

func TestDescribeSaysSoWhenTheServerSaidNothing(t *testing.T) {
	t.Parallel()
	c := clusterIn(newDir(t))
	require.NoError(t, makeFolder(c.home))
	log, err := c.newLog("15.0")
	require.NoError(t, err)
	require.NoError(t, log.Close())

	require.EqualError(t, describe("postgres", errExited, c.log()),
		"postgres ended: exit status 0, and said nothing in "+c.log()+": is the disk full?")
}

func TestDescribeQuotesTheFirstComplaintsElseTheLastLines(t *testing.T) {
	t.Parallel()
	log := filepath.Join(newDir(t), "server.log")
	for said, quoted := range map[string]string{
		"a\nb\n\nc\nd\n": "b | c | d",
		"ok\nrunning ... 2026-01-02 03:04:05 UTC [6] FATAL:  no space\nHINT:  make some\nPANIC:  x\nERROR:  y\nbye\n": "FATAL:  no space | HINT:  make some | PANIC:  x",
		"initdb: error: no user\n": "error: no user",
	} {
		require.NoError(t, os.WriteFile(log, []byte("ours\n"+said), 0o600))

		require.EqualError(t, describe("initdb", os.ErrClosed, log),
			"initdb ended: file already closed, saying: "+quoted+" (more in "+log+")")
	}
}

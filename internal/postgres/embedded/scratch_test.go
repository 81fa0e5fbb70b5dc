package embedded

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAScratchDatabaseIsFastItsOwnAndGoneAfterClose(t *testing.T) {
	t.Parallel()
	one, err := OpenScratch(t.Context(), "", nil)
	require.NoError(t, err)
	two, err := OpenScratch(t.Context(), "", nil)
	require.NoError(t, err)

	require.True(t, one.Owner())
	require.True(t, two.Owner())
	require.NotEqual(t, one.URL(), two.URL())
	require.Equal(t, "off", query(t, one.URL(), `SHOW fsync`))

	for _, db := range []*Database{one, two} {
		require.DirExists(t, db.server.scratch)
		require.NoError(t, db.Close(t.Context()))
		require.NoDirExists(t, db.server.scratch)
	}
}

func TestTheSweepRemovesOnlyWhatKilledProcessesLeft(t *testing.T) {
	t.Parallel()
	parent := newDir(t)
	folder := func(name string, age time.Duration, withLock bool) string {
		dir := filepath.Join(parent, name)
		require.NoError(t, makeFolder(dir))
		if withLock {
			require.NoError(t, makeFolder(clusterIn(dir).home))
			lock, err := openLock(clusterIn(dir).lock())
			require.NoError(t, err)
			require.NoError(t, lock.Close())
		}
		then := time.Now().Add(-age)
		require.NoError(t, os.Chtimes(dir, then, then))
		return dir
	}
	abandoned := folder(scratchPrefix+"abandoned", time.Hour, true)
	unborn := folder(scratchPrefix+"unborn", time.Hour, false)
	young := folder(scratchPrefix+"young", 0, true)
	other := folder("another-program", time.Hour, true)
	inUse := folder(scratchPrefix+"in-use", time.Hour, true)
	lock, err := openLock(clusterIn(inUse).lock())
	require.NoError(t, err)
	defer func() { require.NoError(t, lock.Close()) }()
	locked, err := tryLock(lock)
	require.NoError(t, err)
	require.True(t, locked)

	sweepScratch(parent)
	require.NoDirExists(t, abandoned)
	require.NoDirExists(t, unborn)
	require.DirExists(t, young)
	require.DirExists(t, other)
	require.DirExists(t, inUse)
}

func TestAScratchDatabaseThatCannotStartLeavesNoFolder(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	parent := newDir(t)

	_, err := openScratch(ctx, parent, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{parent}, files(t, parent))
}

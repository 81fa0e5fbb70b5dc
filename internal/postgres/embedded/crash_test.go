package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAKilledOwnerTakesTheServerWithItAndTheNextOpenWorks(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	owner := startHolder(t, dir)
	remember(t, owner.URL)

	owner.kill(t)
	eventuallyFree(t, c, 5*time.Second)
	require.NoFileExists(t, pidFilePath(c.data()), "the server shut down in order")

	db := openDB(t, dir)
	require.True(t, db.Owner())
	recall(t, db.URL())
}

func TestAKilledServerIsNoticedAndTheNextOpenRecoversTheData(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	db := openDB(t, dir)
	remember(t, db.URL())

	require.NoError(t, syscall.Kill(postmaster(t, c), syscall.SIGKILL))
	eventuallyDone(t, db)
	require.ErrorContains(t, db.Err(), "signal: killed")
	require.FileExists(t, pidFilePath(c.data()))
	require.NoError(t, db.Close(t.Context()), "nothing is left to close")

	again := openDB(t, dir)
	require.True(t, again.Owner())
	recall(t, again.URL())
}

func TestACloseOutOfTimeKillsTheServerAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	db, err := Open(t.Context(), Options{Dir: dir})
	require.NoError(t, err)
	remember(t, db.URL())
	late, cancel := context.WithCancel(t.Context())
	cancel()

	require.ErrorContains(t, db.Close(late), "was killed")
	require.NoError(t, db.Err(), "that it ended was asked for")
	require.FileExists(t, c.log())

	recall(t, openDB(t, dir).URL())
}

func TestALeftPIDFileWhosePIDIsAnothersNowIsNoHindrance(t *testing.T) {
	t.Parallel()
	strangers, _ := newCluster(t)
	stranger := openDB(t, strangers) // a living process of the same user
	dir, c := newCluster(t)
	stale := fmt.Sprintf("%d\n%s\n1700000000\n5432\n%s\n\n  5432001 7\nready   \n",
		stranger.server.pid(), c.data(), filepath.Join(c.home, "socket"))
	require.NoError(t, os.WriteFile(pidFilePath(c.data()), []byte(stale), 0o600))

	db := openDB(t, dir)
	require.True(t, db.Owner())
	require.Equal(t, "1", query(t, db.URL(), `SELECT 1::text`))
}

func TestATornPIDFileIsNoHindrance(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	require.NoError(t, os.WriteFile(pidFilePath(c.data()), []byte("12"), 0o600))

	require.True(t, openDB(t, dir).Owner())
}

func TestAServerStartedByHandIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	byHand := startByHand(t, c)

	_, err := Open(t.Context(), Options{Dir: dir})
	require.ErrorContains(t, err, "that pims-sync did not start")
	require.ErrorContains(t, err, fmt.Sprintf("pid %d", byHand.pid()))
	require.Equal(t, "1", query(t, byHand.url(), `SELECT 1::text`))
}

// startByHand runs a server on the cluster as a person would, without our lock.
func startByHand(t *testing.T, c cluster) *server {
	t.Helper()
	b := newBuilder(t, c)
	socketDir := filepath.Join(newDir(t), "s")
	require.NoError(t, b.makeOwn(socketDir))
	cmd := b.command("postgres", append(b.serverArgs(socketDir), "-D", c.data())...)
	cmd.ExtraFiles = nil
	p, err := startProcess(cmd)
	require.NoError(t, err)
	s := &server{process: p, address: address{socketDir, port}}
	t.Cleanup(func() { require.NoError(t, s.stop(context.WithoutCancel(t.Context()))) })
	require.NoError(t, s.awaitReady(t.Context(), c.data()))
	return s
}

func TestWhatAnInterruptedInitdbLeftIsReplaced(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := clusterIn(dir)
	require.NoError(t, os.MkdirAll(filepath.Join(c.unfinished(), "base"), 0o711))
	require.NoError(t, os.Chmod(c.home, 0o711))
	require.NoError(t, os.WriteFile(filepath.Join(c.unfinished(), "PG_VERSION"), []byte("15\n"), 0o600))

	db := openDB(t, dir)
	require.Equal(t, "1", query(t, db.URL(), `SELECT 1::text`))
	require.NoDirExists(t, c.unfinished())
}

func TestAFailedStartQuotesTheServersLastWordsInOneLine(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	require.NoError(t, os.Remove(filepath.Join(c.data(), "global", "pg_control")))

	_, err := Open(t.Context(), Options{Dir: dir})
	require.ErrorContains(t, err, "pg_control")
	require.ErrorContains(t, err, c.log())
	require.NotContains(t, err.Error(), "\n")

	require.True(t, isFree(t, c))
}

func TestACancelledStartLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := clusterIn(dir)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := Open(cancelled, Options{Dir: dir})
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, isFree(t, c))

	b := newBuilder(t, c)
	require.ErrorIs(t, b.makeCluster(cancelled), context.Canceled)
	require.NoDirExists(t, c.data())

	require.NoError(t, b.makeCluster(t.Context()))
	_, err = b.start(cancelled)
	require.ErrorIs(t, err, context.Canceled)
	require.NoFileExists(t, pidFilePath(c.data()))
}

// newBuilder is what bringUp makes before it starts a program.
func newBuilder(t *testing.T, c cluster) *builder {
	t.Helper()
	b := builder{cluster: c, profile: disposable()}
	major, err := c.major()
	require.NoError(t, err)
	b.installation, err = findInstallation(t.Context(), major)
	require.NoError(t, err)
	b.account, err = serverAccount(c.data())
	require.NoError(t, err)
	b.lock, err = openLock(c.lock())
	require.NoError(t, err)
	b.output, err = c.newLog(b.version)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(b.lock.Close(), b.output.Close())) })
	return &b
}

func TestAPIDFileTellsALivingServerFromADeadOne(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	a := address{socketDir: dir, port: "5432"}
	require.False(t, pidFile{}.answers(), "a torn file")
	require.False(t, pidFile{address: a}.answers(), "no socket")

	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", a.socket())
	require.NoError(t, err)
	unix, ok := listener.(*net.UnixListener)
	require.True(t, ok)
	unix.SetUnlinkOnClose(false)
	require.True(t, pidFile{address: a}.answers(), "a listener")

	require.NoError(t, listener.Close())
	require.FileExists(t, a.socket())
	require.False(t, pidFile{address: a}.answers(), "a left socket")
}

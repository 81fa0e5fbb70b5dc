package embedded

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestTheFirstToOpenAFolderStartsAServerThatKeepsItsDataSafe(t *testing.T) {
	t.Parallel()
	db := openDB(t, newDir(t))

	require.True(t, db.Owner())
	for setting, value := range map[string]string{
		"server_encoding":  "UTF8",
		"listen_addresses": "",
		"fsync":            "on",
		"full_page_writes": "on",
		"data_checksums":   "on",
		"TimeZone":         "UTC",
	} {
		require.Equal(t, value, query(t, db.URL(), "SHOW "+setting), setting)
	}
	require.Equal(t, "C", query(t, db.URL(), `SELECT datcollate FROM pg_database WHERE datname = current_database()`))
}

func TestTheDataSurviveACloseAndANewOpen(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	db := openDB(t, dir)
	remember(t, db.URL())
	require.NoError(t, db.Close(t.Context()))

	require.NoError(t, db.Err())
	require.True(t, isClosed(db.Done()))
	require.NoError(t, db.Close(t.Context()), "a second Close")
	require.NoFileExists(t, pidFilePath(clusterIn(dir).data()), "the server shut down in order")

	again := openDB(t, dir)
	require.True(t, again.Owner())
	recall(t, again.URL())
}

func TestAnotherProcessJoinsTheRunningServer(t *testing.T) {
	t.Parallel()
	dir, _ := newCluster(t)
	owner := startHolder(t, dir)
	require.True(t, owner.Owner)
	remember(t, owner.URL)

	db := openDB(t, dir)
	require.False(t, db.Owner())
	require.Equal(t, owner.URL, db.URL())
	recall(t, db.URL())

	require.NoError(t, db.Close(t.Context()))
	recall(t, owner.URL)
}

func TestOneWhoJoinedLearnsThatTheOwnerEndedAndCanTakeOver(t *testing.T) {
	t.Parallel()
	dir, _ := newCluster(t)
	owner := startHolder(t, dir)
	remember(t, owner.URL)
	db := openDB(t, dir)

	require.NoError(t, db.Err())
	owner.leave()
	eventuallyDone(t, db)
	require.ErrorIs(t, db.Err(), errEnded)

	next := openDB(t, dir)
	require.True(t, next.Owner())
	recall(t, next.URL())
}

func TestWhoWaitsBecomesOwnerWhenThePresentOneEnds(t *testing.T) {
	t.Parallel()
	dir, _ := newCluster(t)
	owner := startHolder(t, dir)
	go owner.leave()

	db, err := Open(t.Context(), Options{Dir: dir, Wait: time.Minute})
	require.NoError(t, err)
	require.True(t, db.Owner())
	require.NoError(t, db.Close(t.Context()))
}

func TestWhoWaitsInVainJoins(t *testing.T) {
	t.Parallel()
	dir, _ := newCluster(t)
	startHolder(t, dir)
	const wait = 100 * time.Millisecond

	began := time.Now()
	db, err := Open(t.Context(), Options{Dir: dir, Wait: wait})
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), wait)
	require.False(t, db.Owner())
	require.NoError(t, db.Close(t.Context()))
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir, _ := newCluster(t)
	startHolder(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()

	_, err := Open(ctx, Options{Dir: dir, Wait: time.Minute})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestOfSeveralStartersAtOnceExactlyOneOwns(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	opened := make([]func() *holder, 4)
	for i := range opened {
		opened[i] = beginHolder(t, dir)
	}

	owners, urls := 0, map[string]bool{}
	for _, wait := range opened {
		h := wait()
		urls[h.URL] = true
		if h.Owner {
			owners++
		}
		require.Equal(t, "1", query(t, h.URL, `SELECT 1::text`))
	}
	require.Equal(t, 1, owners)
	require.Len(t, urls, 1)
}

func TestOpensWithinOneProcessShareTheServerToo(t *testing.T) {
	t.Parallel()
	dir, _ := newCluster(t)
	dbs := make([]*Database, 3)
	var g errgroup.Group
	for i := range dbs {
		g.Go(func() (err error) {
			dbs[i], err = Open(t.Context(), Options{Dir: dir})
			return err
		})
	}
	require.NoError(t, g.Wait())

	owners := 0
	for _, db := range dbs {
		if db.Owner() {
			owners++
		}
	}
	require.Equal(t, 1, owners)
	for _, db := range dbs {
		require.NoError(t, db.Close(t.Context()))
	}
}

func TestAPathTooLongForASocketIsNoHindrance(t *testing.T) {
	t.Parallel()
	dir := newDir(t) + "/" + strings.Repeat("long, and with a comma ", 8)
	db := openDB(t, dir)
	other := startHolder(t, dir)

	require.False(t, other.Owner)
	remember(t, db.URL())
	recall(t, other.URL)

	socketDir := db.address.socketDir
	require.NotContains(t, socketDir, dir)
	info, err := os.Stat(socketDir)
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o700, info.Mode())

	require.NoError(t, db.Close(t.Context()))
	require.NoDirExists(t, socketDir)
}

func TestTheServerRunsApartFromRootAndFromOurTerminal(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	db := openDB(t, dir)

	info, err := os.Stat(pidFilePath(c.data()))
	require.NoError(t, err)
	require.Positive(t, uidOf(info), "the file's maker is the server's user")

	group, err := syscall.Getpgid(db.server.pid())
	require.NoError(t, err)
	require.NotEqual(t, syscall.Getpgrp(), group, "Ctrl-C reaches a whole process group")

	folder, err := os.Stat(db.address.socketDir)
	require.NoError(t, err)
	require.Equal(t, os.ModeDir|0o700, folder.Mode(), "whoever reaches the socket is trusted")
}

func TestTheServerLearnsNothingFromOurEnvironment(t *testing.T) {
	t.Parallel()
	cmd := (&builder{installation: installation{bin: "/pg/bin"}}).command("postgres")

	require.Equal(t, []string{"PATH=/pg/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}, cmd.Env)
}

func TestTheServersLogHoldsNoStatementAndStartsAnewWithTheServer(t *testing.T) {
	t.Parallel()
	dir, c := newCluster(t)
	db := openDB(t, dir)
	remember(t, db.URL())
	_, err := run(t, db.URL(), `DO $$ BEGIN RAISE WARNING 'Bella'; END $$; SELECT 'Bella'::int`)
	require.ErrorContains(t, err, "Bella")

	require.NoError(t, db.Close(t.Context()))
	log, err := os.ReadFile(c.log()) // R40
	require.NoError(t, err)
	require.NotContains(t, string(log), "Bella")
	require.Contains(t, string(log), "database system is shut down")

	openDB(t, dir)
	old, err := os.ReadFile(c.oldLog())
	require.NoError(t, err)
	require.Equal(t, log, old)
}

//nolint:paralleltest // it writes a program, which no other process may have open when it is run
func TestAnOrdinaryUserHasADatabaseToo(t *testing.T) {
	if os.Geteuid() == 0 {
		rerunAs(t, "nobody")
		return
	}
	dir := newDir(t)
	db := openDB(t, dir)
	require.True(t, db.Owner())
	remember(t, db.URL())
	other := startHolder(t, dir)
	require.False(t, other.Owner)
	recall(t, other.URL)

	require.NoError(t, db.Close(t.Context()))
	again := openDB(t, dir)
	require.True(t, again.Owner())
	recall(t, again.URL())
}

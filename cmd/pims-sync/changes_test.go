package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// A heard is what a command has printed so far.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

// R46: whoever follows misses nothing and need not begin again.
func TestChangesAreFollowedThroughARestartOfTheDatabase(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	open := func(address string) *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		return conn
	}
	other, err := url.Parse(address)
	require.NoError(t, err)
	name := strings.TrimPrefix(other.Path, "/")
	other.Path = "/postgres"
	server := open(other.String())
	exec := func(conn *pgx.Conn, sql string) {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	writer := open(address)
	exec(writer, "insert into clinics (id, name, timezone) values ('0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', 'Harbor Lights', 'UTC')")
	insert := func(conn *pgx.Conn) {
		exec(conn, "insert into cases (clinic_id, status) select id, 'draft' from clinics")
	}
	insert(writer)

	ctx, stop := context.WithCancel(t.Context())
	var out, said heard
	ended := make(chan int, 1)
	follow := func(after ...string) {
		args := append([]string{"cases", "changes", "--clinic", "Harbor Lights", "--follow", "--database-url", address}, after...)
		ended <- run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &said})
	}
	go follow()
	eventually(t, func() bool { return strings.Count(out.String(), "created") == 1 }, "the first change")

	exec(server, fmt.Sprintf("alter database %q allow_connections false", name))
	exec(server, fmt.Sprintf("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'", name))
	eventually(t, func() bool { return strings.Contains(said.String(), "trying again in") }, "a word on stderr")
	exec(server, fmt.Sprintf("alter database %q allow_connections true", name))
	insert(open(address))
	eventually(t, func() bool { return strings.Count(out.String(), "created") == 2 }, "the second change")
	require.Contains(t, said.String(), "The database is there again.")

	stop()
	require.Equal(t, exitDone, <-ended)
	_, cursor, found := strings.Cut(said.String(), "The last cursor: ")
	require.True(t, found, said.String())
	cursor, next, _ := strings.Cut(cursor, "\n")
	require.Equal(t, "To go on from there: pims-sync cases changes --clinic 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --after "+cursor+" --follow\n", next)

	again := open(address)
	insert(again)
	code, rest, _ := inProcess(t, "cases", "changes", "--clinic", "Harbor Lights", "--after", cursor, "--database-url", address)
	require.Equal(t, exitDone, code)
	require.Equal(t, 1, strings.Count(rest, "created"), rest)

	// What it goes on from may be removed meanwhile.
	exec(again, "select pims_sync_feed_forget(now() + interval '1 hour')")
	code, _, refused := inProcess(t, "cases", "changes", "--clinic", "Harbor Lights", "--after", cursor, "--follow", "--database-url", address)
	require.Equal(t, exitFailed, code)
	require.Contains(t, refused, "`pims-sync cases changes --clinic 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --after now` prints a new cursor")
	require.NotContains(t, refused, "after=now")
}

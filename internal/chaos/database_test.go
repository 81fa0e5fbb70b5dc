package chaos

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
)

// ours marks the harness's own connections, which the nemesis spares.
const ours = "chaos"

// A database is the PostgreSQL that all replicas share. It is killed and started
// again at one address.
type database struct {
	dir    string
	server *embedded.Database
	pool   *pgxpool.Pool
}

func newDatabase(t *testing.T, dir string) *database {
	t.Helper()
	d := &database{dir: dir}
	d.start(t)
	config, err := pgxpool.ParseConfig(d.server.URL())
	require.NoError(t, err)
	config.ConnConfig.RuntimeParams["application_name"] = ours
	d.pool, err = pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() {
		d.pool.Close()
		require.NoError(t, d.server.Close(context.Background()))
	})
	return d
}

func (d *database) start(t *testing.T) {
	t.Helper()
	var err error
	d.server, err = embedded.Open(t.Context(), embedded.Options{Dir: d.dir})
	require.NoError(t, err)
}

// crash ends the server without any shutdown, by this signal, and starts it again.
func (d *database) crash(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(d.postmaster(t), signal))
	<-d.server.Done()
	require.NoError(t, d.server.Close(t.Context()))
	d.start(t)
	d.pool.Reset()
	require.Eventually(t, func() bool { return d.pool.Ping(t.Context()) == nil }, recovery, 10*time.Millisecond)
}

// postmaster is the server's process.
func (d *database) postmaster(t *testing.T) int {
	t.Helper()
	var pid int
	err := filepath.WalkDir(d.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "postmaster.pid" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(string(content), "\n")
		pid, err = strconv.Atoi(first)
		return err
	})
	require.NoError(t, err)
	require.Positive(t, pid)
	return pid
}

// terminate ends connections of the replicas, at most so many, and returns how many.
func (d *database) terminate(t *testing.T, most int) int {
	t.Helper()
	return one[int](t, d, `
		select count(pg_terminate_backend(pid)) from (
			select pid from pg_stat_activity
			where backend_type = 'client backend' and application_name <> $1 order by random() limit $2) as victims`, ours, most)
}

// activity tells what all connections do, and which ones they wait for.
func (d *database) activity(t *testing.T) string {
	t.Helper()
	return strings.Join(column[string](t, d, `
		select concat_ws(' ', pid, application_name, state, 'since', clock_timestamp() - state_change, 'transaction', clock_timestamp() - xact_start,
			wait_event_type, wait_event, 'blocked by', pg_blocking_pids(pid), regexp_replace(query, '\s+', ' ', 'g'))
		from pg_stat_activity where backend_type = 'client backend' order by xact_start`), "\n")
}

// one returns the one value that a query selects.
func one[T any](t *testing.T, d *database, sql string, args ...any) T {
	t.Helper()
	all := column[T](t, d, sql, args...)
	require.Len(t, all, 1, sql)
	return all[0]
}

// column returns the values of the one column that a query selects.
func column[T any](t *testing.T, d *database, sql string, args ...any) []T {
	t.Helper()
	return collect(t, d, pgx.RowTo[T], sql, args...)
}

// collect returns what a query selects.
func collect[T any](t *testing.T, d *database, to pgx.RowToFunc[T], sql string, args ...any) []T {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, to)
	require.NoError(t, err, sql)
	return all
}

package chaos

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// A world is what the nemesis rages in.
type world struct {
	dir, binary, key string
	settings         []string // of the product, besides those of every world
	zone             *time.Location
	database         *database
	replicas         []*replica
	practices        []*practice
	listeners        []*listener
	desks            []*desk
	made             atomic.Int64 // changes that the desks made
	watch            *watch
	told             time.Duration // the longest wait whose story was told
}

// newWorld makes a world without replicas and practices, whose processes are told
// these settings, as NAME=value.
func newWorld(t *testing.T, settings ...string) *world {
	t.Helper()
	// Short, since a socket's path is, and open to the user that PostgreSQL runs as.
	dir, err := os.MkdirTemp("/tmp", "pschaos-") //nolint:usetesting // as it says
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o755))
	w := &world{dir: dir, binary: build(t, dir), key: seal.NewKey(), settings: settings, zone: timetest.ZoneAtNoon(t)}
	w.database = newDatabase(t, filepath.Join(dir, "data"))
	w.run(t, "", "migrate")
	w.watch = newWatch(t, w.database)
	return w
}

// addReplica starts a replica.
func (w *world) addReplica(t *testing.T) *replica {
	t.Helper()
	r := &replica{world: w}
	t.Cleanup(r.kill)
	r.start(t)
	w.replicas = append(w.replicas, r)
	return r
}

// env is what all processes of the product are told.
func (w *world) env() []string {
	var clock []string // internal/dates moves it, and the zone
	for _, name := range []string{"PIMS_SYNC_TEST_SHIFT", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			clock = append(clock, name+"="+value)
		}
	}
	return append(append(clock,
		"PATH="+os.Getenv("PATH"), "HOME="+w.dir, "TMPDIR="+filepath.Join(w.dir, "tmp"),
		"DATABASE_URL="+w.database.server.URL(), "ENCRYPTION_KEY="+w.key,
		"PIMS_ALLOWED_HOSTS=127.0.0.1", "PIMS_RATE_LIMIT=0", "API_RATE_LIMIT=0", "API_SYNC_STARTS=0", "PORT=0", "LOG_FORMAT=json",
	), w.settings...)
}

// replicaNames are the processes that have said that they live.
func (w *world) replicaNames(t *testing.T) []string {
	t.Helper()
	return column[string](t, w.database, `select name from replicas`)
}

// shutDown ends all replicas in good order and looks for what they leave.
func (w *world) shutDown(t *testing.T) {
	t.Helper()
	for _, r := range w.replicas {
		r.terminate(t)
	}
	w.requireNoBrowser(t)
}

// requireNoBrowser fails where a process works in the replicas' folder for
// temporary files: only their browsers do.
func (w *world) requireNoBrowser(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return len(browsersIn(filepath.Join(w.dir, "tmp"))) == 0 }, 10*time.Second, 20*time.Millisecond,
		"a browser of a killed replica is left")
}

// browsersIn are the processes that were started with a path below the folder.
func browsersIn(folder string) []string {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var found []string
	for _, path := range lines {
		if content, err := os.ReadFile(path); err == nil && bytes.Contains(content, []byte(folder)) {
			found = append(found, strings.ReplaceAll(string(content), "\x00", " "))
		}
	}
	return found
}

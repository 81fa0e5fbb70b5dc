package chaos

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// A world is what the nemesis rages in.
type world struct {
	dir, binary, key string
	zone             *time.Location
	database         *database
	replicas         []*replica
	practices        []*practice
	watch            *watch
}

func newWorld(t *testing.T) *world {
	t.Helper()
	// Short, since a socket's path is, and open to the user that PostgreSQL runs as.
	dir, err := os.MkdirTemp("/tmp", "pschaos-") //nolint:usetesting // as it says
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o755))
	w := &world{dir: dir, binary: build(t, dir), key: clinic.NewKey(), zone: zoneAtNoon(t)}
	w.database = newDatabase(t, filepath.Join(dir, "data"))
	w.run(t, "", "migrate")
	for range replicas {
		r := &replica{world: w}
		t.Cleanup(r.kill)
		r.start(t)
		w.replicas = append(w.replicas, r)
	}
	for i := range clinics {
		w.practices = append(w.practices, newPractice(t, w, uint64(i+1)))
	}
	w.watch = newWatch(t, w.database)
	return w
}

// env is what all processes of the product are told.
func (w *world) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + filepath.Join(w.dir, "tmp"),
		"DATABASE_URL=" + w.database.server.URL(), "ENCRYPTION_KEY=" + w.key,
		"PIMS_ALLOWED_HOSTS=127.0.0.1", "PIMS_RATE_LIMIT=0", "PORT=0", "LOG_FORMAT=json",
		"SYNC_LEASE=" + lease.String(), "SYNC_WAIT_MS=30000", "SYNC_TIMEOUT_MS=30000",
	}
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

// zoneAtNoon is a time zone where it is about noon now, so that no run sees the
// end of a day.
func zoneAtNoon(t *testing.T) *time.Location {
	t.Helper()
	east := 12 - time.Now().UTC().Hour()
	loc, err := time.LoadLocation(fmt.Sprintf("Etc/GMT%+d", -east)) // in these names, east is minus
	require.NoError(t, err)
	return loc
}

package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cluster names the places of one embedded database on disk.
//
// Its home belongs to the user who runs pims-sync. Only the data directory and
// the socket folder belong to the user whom PostgreSQL runs as, so that root
// never writes in a folder where a lesser user could have put a link.
type cluster struct {
	home string // Dir/postgres
}

// clusterIn returns the cluster of a data folder.
func clusterIn(dir string) cluster { return cluster{home: filepath.Join(dir, "postgres")} }

func (c cluster) lock() string   { return filepath.Join(c.home, "lock") }
func (c cluster) data() string   { return filepath.Join(c.home, "data") }
func (c cluster) log() string    { return filepath.Join(c.home, "server.log") }
func (c cluster) oldLog() string { return filepath.Join(c.home, "server.log.1") }

// Exists reports whether a data folder has a database.
func Exists(dir string) bool {
	major, err := clusterIn(dir).major()
	return err != nil || major > 0
}

// unfinished is the data directory while initdb works on it. It is renamed when it is
// complete, so that data never names an incomplete one.
func (c cluster) unfinished() string { return filepath.Join(c.home, "data.unfinished") }

// maxSocketPath is the longest path of a Unix socket, in bytes, that every
// system takes: macOS has 104 with the final NUL, Linux 108.
const maxSocketPath = 103

// socketDir is the folder for the server's socket: in home, or where home's
// path is too long (or has a comma, which separates hosts in a connection
// string) one in the temp folder. Others learn it from the pid file.
func (c cluster) socketDir() (string, error) {
	sum := sha256.Sum256([]byte(c.home))
	short := fmt.Sprintf("pims-sync-%d-%x", os.Geteuid(), sum[:6])
	for _, dir := range []string{
		filepath.Join(c.home, "socket"),
		filepath.Join(os.TempDir(), short),
		filepath.Join("/tmp", short),
	} {
		if a := (address{dir, port}); len(a.socket()) <= maxSocketPath && !strings.Contains(dir, ",") {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no folder has a path short enough for a Unix socket (%d bytes): set TMPDIR to a shorter one", maxSocketPath)
}

// major returns which PostgreSQL major version made the data directory; 0 means that there
// is none yet.
func (c cluster) major() (int, error) {
	content, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(c.data()); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%s is no PostgreSQL data directory: %w: restore it, or set DATA_DIR to another folder", c.data(), err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION names no version: restore it, or set DATA_DIR to another folder", c.data())
	}
	return major, nil
}

// clearStalePIDFile removes the pid file that a killed server left. PostgreSQL itself would
// take it for that of a running server once another process has its pid. The caller holds
// the lock, so no server of ours is running. A server that a person started by hand is
// recognised, because it answers, and left alone.
func (c cluster) clearStalePIDFile() error {
	pf, err := readPIDFile(c.data())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if pf.answers() {
		return fmt.Errorf("a PostgreSQL server that pims-sync did not start (pid %d) works on %s: stop it, or set DATABASE_URL to use it", pf.pid, c.data())
	}
	return os.Remove(pidFilePath(c.data()))
}

// makeFolder makes a folder and those above it that are missing.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	mode := folderMode()
	if err := os.Mkdir(dir, mode); err != nil {
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil // another process was faster
		}
		return err
	}
	return os.Chmod(dir, mode) // whatever the umask took away
}

// folderMode returns the mode of a folder on the path to the data directory. Other users
// may pass through root's folders, because PostgreSQL then runs as another user.
func folderMode() os.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

// syncFolder makes a rename in the folder survive a power cut.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

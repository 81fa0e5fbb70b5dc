package browser

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// folderPrefix begins the names of our folders inside Options.TempDir. Nothing else in it
// is touched.
const folderPrefix = "pims-sync-browser-"

// A folder is one Chromium's private folder for profiles. Its lock ends with the process,
// which distinguishes it from a folder that a killed process left.
type folder struct {
	path string
	lock *os.File
}

// openFolder makes a new folder inside parent and removes the folders of killed processes.
// A folder that cannot be removed is logged and left.
func openFolder(parent string, log *slog.Logger) (*folder, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	if err := checkPrivate(parent); err != nil {
		return nil, err
	}
	// The parent stays locked until the new folder has its own lock. Otherwise another
	// process could remove the new folder in between.
	guard, err := lockFolder(parent, syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer func() { _ = guard.Close() }()

	if err := removeDeadFolders(parent); err != nil {
		log.Warn("browser files of a killed process are left behind", "error", err)
	}
	path, err := os.MkdirTemp(parent, folderPrefix+"*")
	if err != nil {
		return nil, err
	}
	lock, err := lockFolder(path, syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &folder{path: path, lock: lock}, nil
}

// checkPrivate returns an error where a folder is not ours alone: another user may have made
// it beforehand where everybody may make folders. A folder of ours that others may read is
// closed to them.
func checkPrivate(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder; remove it", path)
	case known && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user (%d); remove it, or choose another folder by TMPDIR or DATA_DIR", path, owner.Uid)
	case info.Mode().Perm()&0o077 != 0:
		return os.Chmod(path, 0o700) //nolint:gosec // a folder needs its x
	default:
		return nil
	}
}

// remove deletes the folder with all that is in it.
func (f *folder) remove() error {
	return errors.Join(removeAll(f.path), f.lock.Close())
}

func removeDeadFolders(parent string) error {
	entries, err := os.ReadDir(parent)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), folderPrefix) {
			err = errors.Join(err, removeIfDead(filepath.Join(parent, entry.Name())))
		}
	}
	return err
}

func removeIfDead(path string) error {
	lock, err := lockFolder(path, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, os.ErrNotExist) {
		return nil // it lives, or is gone already
	}
	if err != nil {
		return err
	}
	return errors.Join(removeAll(path), lock.Close())
}

// lockFolder opens a folder and takes its lock. Closing the file releases the lock, and so
// does any end of the process.
func lockFolder(path string, how int) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// removeAll deletes a folder into which a killed browser's children may still write.
func removeAll(path string) error {
	const patience = 2 * time.Second
	deadline := time.Now().Add(patience)
	for {
		err := os.RemoveAll(path)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // nothing tells when the last child has died
	}
}

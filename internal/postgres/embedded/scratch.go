package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	scratchPrefix = "pims-sync-scratch-"
	// scratchGrace protects a scratch folder that is being made and has no
	// locked lock file yet.
	scratchGrace = time.Minute
)

// OpenScratch starts a database of its own in a new folder, with settings that give up
// safety in a crash for speed, and owns it; Close also removes the folder. parent is where
// the folder is made; "": in the temp folder. It is for the demo and for tests: each test
// process has a server of its own, so none can take it away from another, and it starts in
// about 0.6 s. If a process ends without Close, the server ends with it, and the next
// OpenScratch removes the folder.
func OpenScratch(ctx context.Context, parent string, logger *slog.Logger) (*Database, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	db, err := openScratch(ctx, parent, logger)
	if err != nil {
		return nil, fmt.Errorf("open a scratch database: %w", err)
	}
	return db, nil
}

// openScratch is OpenScratch without the default folder.
func openScratch(ctx context.Context, parent string, logger *slog.Logger) (*Database, error) {
	sweepScratch(parent)
	dir, err := os.MkdirTemp(parent, scratchPrefix)
	if err != nil {
		return nil, fmt.Errorf("%w: set TMPDIR to a folder that this user may write", err)
	}
	if err := os.Chmod(dir, folderMode()); err != nil {
		return nil, err
	}
	p := disposable()
	p.scratch = dir
	db, err := open(ctx, clusterIn(dir), Options{Logger: logger}, p)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return db, nil
}

// sweepScratch removes the scratch folders that killed processes of this user
// left. What cannot be removed now is left to the next.
func sweepScratch(parent string) {
	entries, _ := os.ReadDir(parent) // without it there is nothing to sweep
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), scratchPrefix) {
			removeIfAbandoned(filepath.Join(parent, e.Name()))
		}
	}
}

// removeIfAbandoned removes a scratch folder of this user whose lock is free.
func removeIfAbandoned(dir string) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || uidOf(info) != os.Geteuid() || time.Since(info.ModTime()) < scratchGrace {
		return
	}
	lock, err := openLock(clusterIn(dir).lock())
	if errors.Is(err, fs.ErrNotExist) {
		_ = os.RemoveAll(dir) // its maker was killed before there was a lock
		return
	}
	if err != nil {
		return
	}
	defer lock.Close() //nolint:errcheck // nothing was written
	if abandoned, err := tryLock(lock); err == nil && abandoned {
		_ = os.RemoveAll(dir)
	}
}

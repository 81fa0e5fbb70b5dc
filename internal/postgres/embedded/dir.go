package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// rootDir is the data folder of pims-sync where it runs as root.
const rootDir = "/var/lib/pims-sync"

// DefaultDir is the data folder where DATA_DIR names none (docs/interface.md §Environment): /var/lib/pims-sync as root, else pims-sync in the user's data
// folder, which is $XDG_DATA_HOME or ~/.local/share, on macOS
// ~/Library/Application Support.
//
// getenv is os.Getenv.
func DefaultDir(getenv func(string) string) (string, error) {
	return defaultDir(os.Geteuid(), runtime.GOOS, getenv)
}

func defaultDir(euid int, goos string, getenv func(string) string) (string, error) {
	if euid == 0 {
		return rootDir, nil
	}
	if xdg := getenv("XDG_DATA_HOME"); filepath.IsAbs(xdg) { // a relative one is to be ignored
		return filepath.Join(xdg, "pims-sync"), nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("this user has no home folder: set DATA_DIR")
	}
	if goos == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "pims-sync"), nil
	}
	return filepath.Join(home, ".local", "share", "pims-sync"), nil
}

package browser

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// Find returns the path of the browser's executable: the configured one where path is set
// (a path or a name), else the first of those that this kind of system installs. It returns
// a program and not the shell script in front of it, because a browser behind a script
// outlives the script. The error is pims.ErrBrowserUnavailable and says what to install.
func Find(path string) (string, error) {
	return systemFinder(runtime.GOOS, false).find(path)
}

// A finder looks for a browser. The first name and the first folder take precedence.
type finder struct {
	lookPath func(name string) (string, error)
	names    []string // looked up in PATH
	places   []string // looked at after it
	behind   []string // folders with the programs behind wrapper scripts
}

func systemFinder(system string, visible bool) finder {
	f := finder{
		lookPath: exec.LookPath,
		names:    []string{"chromium-headless-shell", "chrome-headless-shell", "headless-shell", "headless_shell"},
		behind:   []string{"/usr/lib/chromium", "/usr/lib64/chromium-browser", "/usr/lib/chromium-browser"},
		places:   []string{"/usr/lib/chromium/chromium-headless-shell", "/usr/lib/chromium/chromium"},
	}
	if visible {
		f.names, f.places = nil, f.places[1:] // a headless shell has no window
	}
	f.names = append(f.names, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
	if system == "darwin" {
		f.places = []string{
			"/Applications/Chromium.app/Contents/MacOS/Chromium",
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
		}
	}
	return f
}

func (f finder) find(path string) (string, error) {
	if path != "" {
		found, err := f.lookPath(path)
		if err != nil {
			return "", fmt.Errorf("CHROMIUM_PATH names %s: %w: %w", path, errors.Unwrap(err), pims.ErrBrowserUnavailable)
		}
		return f.program(found), nil
	}
	for _, candidate := range slices.Concat(f.names, f.places) {
		found, err := f.lookPath(candidate)
		if err != nil || isSnap(found) {
			continue
		}
		return f.program(found), nil
	}
	return "", fmt.Errorf("no Chromium found: %w; run apt-get install chromium-headless-shell, or set CHROMIUM_PATH to the executable of a Chromium or Chrome", pims.ErrBrowserUnavailable)
}

// program returns the executable behind a shell script. It returns path itself where path
// is not a script or the executable is unknown.
func (f finder) program(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	if !isScript(path) {
		return path
	}
	name := filepath.Base(path)
	candidates := []string{filepath.Join(filepath.Dir(path), "chrome")} // Google's sits beside its script
	for _, folder := range f.behind {
		candidates = append(candidates, filepath.Join(folder, name))
	}
	for _, candidate := range candidates {
		if found, err := f.lookPath(candidate); err == nil && !isScript(found) {
			return found
		}
	}
	return path
}

// isScript reports whether a file is run by an interpreter.
func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 2)
	_, err = io.ReadFull(f, head)
	return err == nil && bytes.Equal(head, []byte("#!"))
}

// isSnap reports whether a program is a snap. A snap cannot see our folders.
func isSnap(path string) bool {
	if resolved, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(resolved) == "snap" {
		return true
	}
	if strings.HasPrefix(path, "/snap/") {
		return true
	}
	if !isScript(path) {
		return false
	}
	script, err := os.ReadFile(path)
	return err == nil && bytes.Contains(script, []byte("/snap/bin/"))
}

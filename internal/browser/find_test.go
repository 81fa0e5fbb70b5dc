package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// fakeSystem is a system with the files that a test puts there. Its PATH is bin.
type fakeSystem struct {
	t    *testing.T
	root string
}

func newFakeSystem(t *testing.T) fakeSystem {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return fakeSystem{t, root}
}

func (s fakeSystem) install(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(s.t, os.WriteFile(path, []byte(content), 0o700))
	return path
}

func (s fakeSystem) link(name, to string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(filepath.Join(s.root, name)), 0o700))
	require.NoError(s.t, os.Symlink(to, filepath.Join(s.root, name)))
}

// finder looks for what systemFinder looks for, but below the root.
func (s fakeSystem) finder(system string, visible bool) finder {
	f := systemFinder(system, visible)
	for _, paths := range [][]string{f.places, f.behind} {
		for i := range paths {
			paths[i] = filepath.Join(s.root, paths[i])
		}
	}
	f.lookPath = func(name string) (string, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.root, "bin", name)
		}
		return exec.LookPath(name)
	}
	return f
}

const (
	program = "\x7fELF"
	wrapper = "#!/bin/sh\nexec something\n"
)

func TestFindPrefersABrowserWithoutAWindow(t *testing.T) {
	t.Parallel()
	s := newFakeSystem(t)
	chromium := s.install("bin/chromium", program)
	shell := s.install("bin/chromium-headless-shell", program)

	found, err := s.finder("linux", false).find("")
	require.NoError(t, err)
	require.Equal(t, shell, found)

	found, err = s.finder("linux", true).find("")
	require.NoError(t, err)
	require.Equal(t, chromium, found, "a headless shell cannot show a window")
}

func TestFindLooksBehindScripts(t *testing.T) {
	t.Parallel()

	t.Run("of Debian's headless shell", func(t *testing.T) {
		t.Parallel()
		s := newFakeSystem(t)
		s.install("bin/chromium-headless-shell", wrapper)
		want := s.install("usr/lib/chromium/chromium-headless-shell", program)
		found, err := s.finder("linux", false).find("")
		require.NoError(t, err)
		require.Equal(t, want, found)

		found, err = s.finder("linux", false).find("chromium-headless-shell")
		require.NoError(t, err)
		require.Equal(t, want, found, "also where it is configured")
	})

	t.Run("of Google Chrome", func(t *testing.T) {
		t.Parallel()
		s := newFakeSystem(t)
		s.link("bin/google-chrome", s.install("opt/google/chrome/google-chrome", wrapper))
		want := s.install("opt/google/chrome/chrome", program)
		found, err := s.finder("linux", false).find("")
		require.NoError(t, err)
		require.Equal(t, want, found)
	})

	t.Run("and takes one that has nothing behind it", func(t *testing.T) {
		t.Parallel()
		s := newFakeSystem(t)
		want := s.install("bin/chrome", wrapper)
		found, err := s.finder("linux", false).find("")
		require.NoError(t, err)
		require.Equal(t, want, found)
	})
}

func TestFindLooksOutsideThePath(t *testing.T) {
	t.Parallel()
	for system, place := range map[string]string{
		"linux":  "/usr/lib/chromium/chromium",
		"darwin": "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		s := newFakeSystem(t)
		want := s.install(place, program)
		found, err := s.finder(system, false).find("")
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
}

func TestFindPassesSnapsBy(t *testing.T) {
	t.Parallel()
	s := newFakeSystem(t)
	s.link("bin/chromium", s.install("usr/bin/snap", program))
	s.install("bin/chromium-browser", "#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n")
	want := s.install("bin/google-chrome", program)
	found, err := s.finder("linux", false).find("")
	require.NoError(t, err)
	require.Equal(t, want, found)
}

func TestFindSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	_, err := newFakeSystem(t).finder("linux", false).find("")
	require.ErrorIs(t, err, pims.ErrBrowserUnavailable)
	require.ErrorContains(t, err, "apt-get install chromium-headless-shell")
	require.ErrorContains(t, err, "CHROMIUM_PATH")
}

func TestFindDoesNotReplaceAConfiguredBrowser(t *testing.T) {
	t.Parallel()
	s := newFakeSystem(t)
	s.install("bin/chromium", program)
	missing := filepath.Join(s.root, "opt/chromium")
	_, err := s.finder("linux", false).find(missing)
	require.ErrorIs(t, err, pims.ErrBrowserUnavailable)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "CHROMIUM_PATH names "+missing)
}

func TestFindFindsTheBrowserOfThisMachine(t *testing.T) {
	t.Parallel()
	path, err := Find("")
	require.NoError(t, err, "these tests need a browser")
	require.False(t, isScript(path))
}

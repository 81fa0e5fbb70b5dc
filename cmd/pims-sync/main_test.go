package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// TestMain is also the program itself: called by the name pims-sync, the test
// binary does what pims-sync does. Scripts and process tests find it in PATH, and
// the benchmarks their bare client.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"pims-sync": main, bareClientName: bareClient, bareServerName: serveBare})
}

// suite runs the tests and ends what they shared.
type suite struct{ *testing.M }

func (s suite) Run() int {
	// The tests wait for browsers, servers and leases most of their time.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	// Under the race detector each command would sleep for a second at its end.
	if err := os.Setenv("GORACE", raceOptions); err != nil {
		panic(err)
	}
	code := pgtest.Main(s.M)
	chromium.close()
	return code
}

const raceOptions = "atexit_sleep_ms=10"

// chromium is the browser of all tests that do not test the browser's own life:
// one start, many logins.
var chromium sharedBrowser

type sharedBrowser struct {
	once    sync.Once
	browser *browser.Chromium
}

func (s *sharedBrowser) get() *browser.Chromium {
	s.once.Do(func() { s.browser = browser.New(browser.Options{MaxLogins: 6}) })
	return s.browser
}

func (s *sharedBrowser) close() {
	if s.browser != nil {
		s.browser.Close()
	}
}

// program is the path of pims-sync, in a folder that other users may enter, too.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("pims-sync")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755))
	return path
}

// openDir is a temporary folder that other users may enter: run by root, the
// embedded PostgreSQL works as another user.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

// passedOn are the variables that a process gets from the tests: their clock and zone, which
// internal/dates moves, and where it writes which code it ran. `make cover` names a folder
// into which every user may write; that of go test itself is its own.
func passedOn() []string {
	var set []string
	if dir := os.Getenv("PIMS_SYNC_COVERED"); dir != "" {
		set = append(set, "GOCOVERDIR="+dir)
	}
	for _, name := range []string{"PIMS_SYNC_TEST_SHIFT", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			set = append(set, name+"="+value)
		}
	}
	return set
}

// theDay is the date whose calendar the tests' practices have, whatever the date: no
// number and no name that a test sees depends on the day on which it runs (R59).
var theDay = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

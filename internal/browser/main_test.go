package browser

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(orphanVariable); folder != "" {
		beOrphanMaker(folder)
	}
	goleak.VerifyTestMain(m)
}

// orphanVariable makes the test binary start a browser, print its process id, and wait to be
// killed.
const orphanVariable = "PIMS_SYNC_TEST_ORPHAN"

func beOrphanMaker(folder string) {
	w := newWitness(folder)
	c := New(Options{TempDir: folder, Logger: slog.New(w)})
	if _, err := c.acquire(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(w.started[0])
	select {}
}

// newChromium makes a Chromium with a folder of its own. At the test's end, nothing
// of it may be left.
func newChromium(t *testing.T, options Options) (*Chromium, *witness) {
	t.Helper()
	_, err := Find("")
	require.NoError(t, err, "these tests need a browser")
	w := newWitness(t.TempDir())
	options.TempDir, options.Logger = w.folder, slog.New(w)
	c := New(options)
	t.Cleanup(func() {
		c.Close()
		w.requireNone(t)
		require.Empty(t, entries(t, w.folder), "Close must leave no file")
	})
	return c, w
}

// entries are the names in a folder.
func entries(t *testing.T, folder string) []string {
	t.Helper()
	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	names := make([]string, len(found))
	for i, entry := range found {
		names[i] = entry.Name()
	}
	return names
}

// profiles are the paths of the browsers' profiles in a Chromium's TempDir.
func profiles(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	for _, name := range entries(t, folder) {
		found = append(found, entries(t, folder+"/"+name)...)
	}
	return found
}

// script makes a program of the lines of a shell script.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700))
	return path
}

// eventually waits for a condition, for the 5 s within which all must be gone and
// done.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come true in time that %s", what)
		}
	}
}

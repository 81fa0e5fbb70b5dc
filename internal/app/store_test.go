package app

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
)

// openDir is a folder that the database's own user can reach, too.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

func TestTheGeneratedKeyIsOneForAllWhoMakeItAtOnce(t *testing.T) { // R37
	t.Parallel()
	path := filepath.Join(t.TempDir(), keyFile)
	keys := make([]string, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() { keys[i], _ = generatedKey(path) })
	}
	group.Wait()
	require.NotEmpty(t, keys[0])
	for _, key := range keys {
		require.Equal(t, keys[0], key)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no draft is left")

	_, err = generatedKey(filepath.Join(t.TempDir(), "no", "folder", keyFile))
	require.ErrorContains(t, err, "encryption key")
}

func TestAServerTakesTheDatabaseOverWhenItsOwnerEnds(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	dir, log := openDir(t), slog.New(slog.DiscardHandler)
	owner, err := embedded.Open(t.Context(), embedded.Options{Dir: dir})
	require.NoError(t, err)
	s, err := OpenStore(t.Context(), Settings{DataDir: dir}, log, 0)
	require.NoError(t, err)
	defer s.Close()
	require.False(t, s.embedded.Owner())

	var said logtest.Book
	kept := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { kept <- s.KeepUp(ctx, slog.New(slog.NewTextHandler(&said, nil))) }()
	defer func() { cancel(); require.NoError(t, <-kept) }() // else it opens what the end of the test closes
	require.NoError(t, owner.Close(t.Context()))
	require.Eventually(t, func() bool {
		s.mu.Lock()
		owner := s.embedded.Owner()
		s.mu.Unlock()
		_, err := s.Clinics().Clinics(t.Context())
		return err == nil && owner && strings.Contains(said.String(), "opening it again")
	}, 45*time.Second, 5*time.Millisecond, "the database does not come back")
	select {
	case err := <-kept:
		require.NoError(t, err, "it ended")
	default:
	}
}

func TestAServerWhoseDatabaseIsGoneForGoodSaysSo(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s, err := OpenStore(t.Context(), Settings{DataDir: dir}, slog.New(slog.DiscardHandler), 0)
	require.NoError(t, err)
	defer s.Close()
	kept := make(chan error, 1)
	go func() { kept <- s.KeepUp(t.Context(), slog.New(slog.DiscardHandler)) }()
	// Another major version's data has come into its place.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres", "data", "PG_VERSION"), []byte("99\n"), 0o600))
	require.NoError(t, s.embedded.Close(t.Context()))
	require.ErrorContains(t, <-kept, "does not start again")
}

package main

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
)

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
	s, err := openStore(t.Context(), &Config{DataDir: dir}, log, 0)
	require.NoError(t, err)
	defer s.close()
	require.False(t, s.embedded.Owner())

	var said logBook
	kept := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { kept <- s.keepUp(ctx, slog.New(slog.NewTextHandler(&said, nil))) }()
	defer func() { cancel(); require.NoError(t, <-kept) }() // else it opens what the end of the test closes
	require.NoError(t, owner.Close(t.Context()))
	eventually(t, func() bool {
		s.mu.Lock()
		owner := s.embedded.Owner()
		s.mu.Unlock()
		_, err := s.Clinics().Clinics(t.Context())
		return err == nil && owner && strings.Contains(said.String(), "opening it again")
	}, "the database does not come back")
	select {
	case err := <-kept:
		require.NoError(t, err, "it ended")
	default:
	}
}

func TestASyncIsFollowedThoughTheDatabaseIsStartedAgain(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	dir, log := openDir(t), slog.New(slog.DiscardHandler)
	owner, err := embedded.Open(t.Context(), embedded.Options{Dir: dir})
	require.NoError(t, err)
	c := &Config{DataDir: dir, JSON: true}
	s, err := openStore(t.Context(), c, log, 0)
	require.NoError(t, err)
	defer s.close()
	e, err := newEngine(t.Context(), c, s, log, engineOptions{private: true})
	require.NoError(t, err)
	defer e.close()
	added, err := s.Clinics().Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC", Active: true})
	require.NoError(t, err)
	audit := casesync.Audit{ID: uuid.New(), ClinicID: added.ID}
	_, err = s.Pool().Exec(t.Context(), `insert into case_sync_audits (id, clinic_id, sync_type, status, trigger) values ($1, $2, 'inbound', 'in_progress', 'api')`, audit.ID, added.ID)
	require.NoError(t, err)

	type end struct {
		audit casesync.Audit
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		now, err := follow(t.Context(), streams{out: io.Discard, err: io.Discard}, c, e, audit)
		ended <- end{now, err}
	}()
	require.NoError(t, owner.Close(t.Context()))
	again, err := embedded.Open(t.Context(), embedded.Options{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close(context.Background())) }()
	eventually(t, func() bool {
		_, err := s.Pool().Exec(t.Context(), `update case_sync_audits set status = 'completed', completed_at = now()`)
		return err == nil
	}, "the database does not come back")
	last := <-ended
	require.NoError(t, last.err)
	require.Equal(t, casesync.StatusCompleted, last.audit.Status)
}

func TestAServerWhoseDatabaseIsGoneForGoodSaysSo(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	s, err := openStore(t.Context(), &Config{DataDir: dir}, slog.New(slog.DiscardHandler), 0)
	require.NoError(t, err)
	defer s.close()
	kept := make(chan error, 1)
	go func() { kept <- s.keepUp(t.Context(), slog.New(slog.DiscardHandler)) }()
	// Another major version's data has come into its place.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres", "data", "PG_VERSION"), []byte("99\n"), 0o600))
	require.NoError(t, s.embedded.Close(t.Context()))
	require.ErrorContains(t, <-kept, "does not start again")
}

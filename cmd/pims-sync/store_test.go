package main

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/cli/synccmd"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestASyncIsFollowedThoughTheDatabaseIsStartedAgain(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	dir, log := openDir(t), slog.New(slog.DiscardHandler)
	owner, err := embedded.Open(t.Context(), embedded.Options{Dir: dir})
	require.NoError(t, err)
	c := &cli.Config{DataDir: dir, JSON: true}
	s, err := cli.OpenStore(t.Context(), c, log, 0)
	require.NoError(t, err)
	defer s.Close()
	e, err := cli.NewEngine(t.Context(), c, s, log, app.EngineOptions{Private: true})
	require.NoError(t, err)
	defer e.Close()
	added, err := s.Clinics().Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC", Active: true})
	require.NoError(t, err)
	audit := syncs.Audit{ID: uuid.New(), ClinicID: added.ID}
	require.NoError(t, s.InClinic(t.Context(), "begin a sync", added.ID, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into case_sync_audits (id, clinic_id, sync_type, status, trigger) values ($1, $2, 'inbound', 'in_progress', 'api')`, audit.ID, added.ID)
		return err
	}))

	type end struct {
		audit syncs.Audit
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		now, err := synccmd.Follow(t.Context(), cli.Streams{Out: io.Discard, Err: io.Discard}, c, e, audit)
		ended <- end{now, err}
	}()
	require.NoError(t, owner.Close(t.Context()))
	again, err := embedded.Open(t.Context(), embedded.Options{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close(context.Background())) }()
	eventually(t, func() bool {
		err := s.InClinic(t.Context(), "end the sync", added.ID, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `update case_sync_audits set status = 'completed', completed_at = now()`)
			return err
		})
		return err == nil
	}, "the database does not come back")
	last := <-ended
	require.NoError(t, last.err)
	require.Equal(t, syncs.StatusCompleted, last.audit.Status)
}

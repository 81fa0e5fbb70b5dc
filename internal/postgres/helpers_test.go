package postgres_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// exec runs a statement as another program would.
func exec(t *testing.T, db *postgres.DB, sql string, args ...any) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err, sql)
}

// scan returns the one value that a query has.
func scan[T any](t *testing.T, db *postgres.DB, sql string, args ...any) T {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql, args...)
	require.NoError(t, err, sql)
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return value
}

// column returns the first column of a query's rows.
func column[T any](t *testing.T, db *postgres.DB, sql string, args ...any) []T {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql, args...)
	require.NoError(t, err, sql)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return values
}

// monday is when the tests happen.
var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// provider is whose cases the tests write.
const provider = "idexx_neo"

// newClinic adds a clinic as another program would.
func newClinic(t *testing.T, db *postgres.DB) uuid.UUID {
	t.Helper()
	return scan[uuid.UUID](t, db, "insert into clinics (name, timezone) values ('Harbour Vets', 'America/New_York') returning id")
}

// queued is an audit that is to be queued.
func queued(clinicID uuid.UUID, kind syncs.Type) syncs.Audit {
	return syncs.Audit{ID: uuid.New(), ClinicID: clinicID, Type: kind, Trigger: syncs.TriggerAPI, CreatedAt: monday}
}

// noJob is the job of a test that needs none.
func noJob(pgx.Tx) error { return nil }

// running starts a sync and claims it.
func running(t *testing.T, db *postgres.DB, clinicID uuid.UUID, kind syncs.Type) syncs.Lease {
	t.Helper()
	id, err := syncstore.NewAudits(db).Enqueue(t.Context(), queued(clinicID, kind), "", noJob)
	require.NoError(t, err)
	return claimed(t, db, id)
}

// claimed claims a queued sync.
func claimed(t *testing.T, db *postgres.DB, id uuid.UUID) syncs.Lease {
	t.Helper()
	run, err := syncstore.NewAudits(db).Claim(t.Context(), id, "worker", time.Minute, monday.Add(time.Second))
	require.NoError(t, err)
	return run.Lease
}

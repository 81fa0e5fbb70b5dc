package practicestore_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/practicestore"
	"github.com/pims-sync/pims-sync/internal/practice"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A sync that our side refused, a dry run, a phase and what is not over are no checks of
// the practice (R61).
func TestThePracticeSeesTheChecksThatWereMade(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	at := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	var id uuid.UUID
	require.NoError(t, db.Pool().QueryRow(t.Context(), "insert into clinics (name, timezone) values ('Harbour Vets', 'UTC') returning id").Scan(&id))
	minute := 0
	add := func(status, code, request string, parent *uuid.UUID) (audit uuid.UUID) {
		t.Helper()
		minute++
		began := at.Add(time.Duration(minute) * time.Minute)
		require.NoError(t, db.Pool().QueryRow(t.Context(), `
			insert into case_sync_audits (clinic_id, parent_id, sync_type, status, error_code, request, created_at, started_at, completed_at)
			values ($1, $2, 'full', $3, nullif($4, ''), $5, $6, $6, case when $3 in ('completed', 'failed') then $6::timestamptz end)
			returning id`, id, parent, status, code, request, began).Scan(&audit))
		return audit
	}
	master := add("completed", "", "{}", nil)
	add("failed", "forbidden", "{}", nil)
	add("failed", "invalid_request", "{}", nil)
	add("failed", "timezone_missing", "{}", nil)
	add("failed", "pims_error", `{"dryRun": true}`, nil)
	add("failed", "pims_error", "{}", &master)
	add("failed", "pims_unreachable", "{}", nil)
	add("completed", "snapshot_incomplete", "{}", nil)
	add("queued", "", "{}", nil)

	all, err := practicestore.New(db).Outcomes(t.Context(), id, at)
	require.NoError(t, err)
	for i := range all {
		all[i].At = all[i].At.UTC()
	}
	require.Equal(t, []practice.Outcome{
		{At: at.Add(time.Minute), Completed: true},
		{At: at.Add(7 * time.Minute)},
		{At: at.Add(8 * time.Minute), Completed: true},
	}, all)
}

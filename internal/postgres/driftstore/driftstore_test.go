package driftstore_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/postgres/driftstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestTheFormOfAnswersIsKeptUnderTheLease(t *testing.T) { // R30, R51
	t.Parallel()
	db := pgtest.New(t)
	lease := syncs.Lease{ClinicID: uuid.New(), AuditID: uuid.New(), Attempt: 1}
	_, err := db.Pool().Exec(t.Context(), "insert into clinics (id) values ($1)", lease.ClinicID)
	require.NoError(t, err)
	_, err = db.Pool().Exec(t.Context(), "insert into case_sync_audits (id, clinic_id, sync_type, status, attempt) values ($1, $2, 'full', 'in_progress', 1)", lease.AuditID, lease.ClinicID)
	require.NoError(t, err)
	store := driftstore.New(db)
	keep := func(lease syncs.Lease, kind syncs.Type, b *drift.Baseline, accepted []string, news ...drift.Finding) error {
		return store.KeepBaselines(t.Context(), lease, "some_pims", kind, map[string]*drift.Baseline{"calendar": b}, accepted, news)
	}
	read := func(kind syncs.Type) map[string]*drift.Baseline {
		found, err := store.Baselines(t.Context(), lease.ClinicID, "some_pims", kind)
		require.NoError(t, err)
		return found
	}
	row := &drift.Field{Came: 2.00049, Filled: 1, Twice: 1, Kinds: map[string]float64{"text": 1}, Shapes: map[string]float64{"9": 1}}
	b := &drift.Baseline{
		Profile: drift.Profile{Answers: 1, Rows: 2, Forms: map[string]float64{"list": 1}, Fields: map[string]*drift.Field{"id": row}},
		Days:    1, Last: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Keys: []string{"calendar id new"},
	}
	news := make([]drift.Finding, 25)
	for i := range news {
		news[i] = drift.Finding{Endpoint: "calendar", Field: "f" + strconv.Itoa(i), Kind: drift.New}
	}
	require.NoError(t, keep(lease, syncs.TypeReconciliation, b, nil))
	require.NoError(t, keep(lease, syncs.TypeFull, b, nil, news...))
	found := read(syncs.TypeFull)["calendar"]
	require.True(t, b.Last.Equal(found.Last))
	found.Last, row.Came = b.Last, 2
	require.Equal(t, b, found, "rounded to thousandths")
	var changes int
	require.NoError(t, db.Pool().QueryRow(t.Context(), "select jsonb_array_length(data -> 'changes') from pims_sync_feed_pending where type = 'pims.drift'").Scan(&changes))
	require.Equal(t, 20, changes, "of one event")

	require.NoError(t, keep(lease, syncs.TypeFull, b, []string{"calendar"}))
	require.Empty(t, read(syncs.TypeReconciliation), "what a person accepted is another form than theirs")
	var told time.Time
	require.NoError(t, db.Pool().QueryRow(t.Context(), "select told_at from pims_fields").Scan(&told))
	require.True(t, b.Last.Equal(told), "since it was told")

	lost := lease
	lost.Attempt = 2
	require.ErrorIs(t, keep(lost, syncs.TypeFull, b, nil), syncs.ErrLeaseLost)

	_, err = db.Pool().Exec(t.Context(), `update pims_fields set profile = '[]'`)
	require.NoError(t, err)
	_, err = store.Baselines(t.Context(), lease.ClinicID, "some_pims", syncs.TypeFull)
	require.ErrorContains(t, err, "pims_fields.profile", "a damaged row is no baseline")
}

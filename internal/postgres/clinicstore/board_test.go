package clinicstore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// The reading of all clinics that keeps nothing is the oracle.
func TestABoardSaysWhatReadingAllClinicsSays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := clinicstore.NewClinics(db)
	board := clinicstore.NewBoard(store)
	now := time.Now().UTC().Truncate(time.Second)
	sql := func(statement string, args ...any) {
		_, err := db.Pool().Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	sql(`insert into clinics (name, timezone) select 'Clinic ' || n, 'UTC' from generate_series(1, 6) n`)
	const one = `(select id from clinics where name = $1)`
	random := rand.New(rand.NewPCG(7, 11))
	syncing := make(map[string]bool)
	for step := range 80 {
		name := fmt.Sprintf("Clinic %d", 1+random.IntN(6))
		switch random.IntN(8) {
		case 0, 1:
			if !syncing[name] {
				sql(`insert into case_sync_audits (clinic_id, sync_type, status, started_at) values (`+one+`, 'full', 'in_progress', $2)`, name, now)
			}
			syncing[name] = true
		case 2, 3:
			if syncing[name] {
				sql(`insert into case_sync_audits (clinic_id, sync_type, status, started_at, completed_at, parent_id)
					select clinic_id, 'inbound', 'completed', started_at, $2, id from case_sync_audits where status = 'in_progress' and clinic_id = `+one, name, now)
			}
		case 4:
			sql(`update case_sync_audits set status = $3, error_code = $4, completed_at = $2 where status = 'in_progress' and parent_id is null and clinic_id = `+one,
				name, now, []string{"completed", "failed"}[step%2], []any{nil, "pims_unreachable"}[step%2])
			syncing[name] = false
		case 5:
			sql(`insert into pims_credentials (clinic_id, provider, sealed, updated_at) values (`+one+`, 'idexx_neo', '\x00', $2)
				on conflict (clinic_id) do update set updated_at = $2, suspended_at = $2`, name, now)
		case 6:
			sql(`update clinics set name = name || ' ' where name = $1`, name) // no time tells it
			sql(`update clinics set name = rtrim(name)`)
		default:
			sql(`insert into pims_sync_unusual (sync_id, clinic_id, sync_type, began, findings) select id, clinic_id, 'inbound', $2, '[]'
				from case_sync_audits where clinic_id = `+one+` and sync_type = 'inbound' limit 1 on conflict do nothing`, name, now)
		}
		if random.IntN(3) == 0 {
			now = now.Add(time.Duration(random.IntN(90)) * time.Second)
		}
		if step == 40 {
			now = now.Add(-time.Hour) // the clock went back
		}
		want, err := store.Conditions(t.Context(), uuid.Nil, now)
		require.NoError(t, err)
		found, err := board.Conditions(t.Context(), uuid.Nil, now)
		require.NoError(t, err)
		require.Equal(t, want, found, "step %d", step)
		found[0].Phases[0].Scheduled = true // what a caller adds does not stay
	}
	sql(`insert into clinics (name, timezone, created_at) values ('Another', 'UTC', $1)`, now.AddDate(-1, 0, 0))
	found, err := board.Conditions(t.Context(), uuid.Nil, now)
	require.NoError(t, err)
	require.Len(t, found[0].Phases, 3, "a clinic that is older than the last look is read too")
	sql(`delete from clinics where name = 'Another'`)
	found, err = board.Conditions(t.Context(), uuid.Nil, now)
	require.NoError(t, err)
	require.Len(t, found, 6)
}

func TestABoardLearnsFromWhatTheSchedulerReads(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := clinicstore.NewClinics(db)
	board, now := clinicstore.NewBoard(store), time.Now()
	var id uuid.UUID
	require.NoError(t, db.Pool().QueryRow(t.Context(), `insert into clinics (name, timezone) values ('Harbour Vets', 'UTC') returning id`).Scan(&id))
	_, err := board.Conditions(t.Context(), uuid.Nil, now)
	require.NoError(t, err)
	now = now.Add(time.Hour)
	_, err = db.Pool().Exec(t.Context(), `insert into case_sync_audits (clinic_id, sync_type, status, started_at, completed_at)
		values ($1, 'inbound', 'completed', $2::timestamptz - interval '70 minutes', $2::timestamptz - interval '70 minutes')`, id, now.UTC())
	require.NoError(t, err)
	_, err = board.ConditionsOf(t.Context(), []uuid.UUID{id}, now)
	require.NoError(t, err)
	found, err := board.Conditions(t.Context(), uuid.Nil, now.Add(time.Hour))
	require.NoError(t, err)
	require.False(t, found[0].Phases[0].LastSuccess.IsZero())
}

package trendstore_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/trends"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func TestADayIsCountedUntilItIsOver(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := trendstore.New(db)
	run := func(at time.Time, status, code string, took, late time.Duration, dry bool) {
		t.Helper()
		_, err := db.Pool().Exec(t.Context(), `
			with c as (insert into clinics (name, timezone) values ('Harbor Lights ' || gen_random_uuid(), 'America/New_York') returning id),
			master as (
				insert into case_sync_audits (clinic_id, sync_type, status, error_code, request, cases_created, cases_deleted, created_at, due_at, started_at, completed_at)
				select id, 'full', $2, nullif($3, ''), jsonb_build_object('dryRun', $6::boolean), 4, 1, $1, $1::timestamptz - $5::interval, $1, $1::timestamptz + $4::interval from c returning id, clinic_id)
			insert into case_sync_audits (clinic_id, parent_id, sync_type, status, cases_created, created_at) select clinic_id, id, 'inbound', $2, 4, $1 from master`,
			at, status, code, took, late, dry)
		require.NoError(t, err)
	}
	last := func() []trends.Day {
		t.Helper()
		days, err := trends.Last(t.Context(), s, 3, now)
		require.NoError(t, err)
		require.Len(t, days, 3)
		return days
	}
	require.NoError(t, s.Count(t.Context(), now), "without a sync")
	require.Zero(t, last()[2].Syncs())

	yesterday := now.AddDate(0, 0, -1)
	for i := range 20 {
		run(yesterday.Add(time.Duration(i)*time.Minute), "completed", "", time.Duration(i+1)*time.Second, time.Minute, false)
	}
	run(yesterday, "failed", "pims_auth_rejected", time.Second, 0, false)
	run(yesterday, "completed", "", time.Hour, 0, true)
	run(now.AddDate(0, 0, -120), "completed", "", time.Second, 0, false)
	require.NoError(t, s.Count(t.Context(), now))
	day := last()[1]
	require.Equal(t, "2026-03-09", day.Date.String())
	require.Equal(t, []int{20, 1, 0, 20, 1, 1}, []int{day.Completed, day.Failed, day.Cancelled, day.ClinicsSynced, day.ClinicsFailed, day.LoginsRefused})
	require.Equal(t, []int{84, 21}, []int{day.Created, day.Deleted}, "a phase counts with its full sync")
	require.InDelta(t, 10.5, day.TookHalf.Seconds(), .01)
	require.InDelta(t, 19.05, day.TookMost.Seconds(), .01)
	require.Equal(t, time.Minute, day.LateHalf)
	require.Zero(t, last()[2].Syncs())

	run(now, "completed", "", time.Second, 0, false)
	run(yesterday, "cancelled", "", time.Second, 0, false)
	require.NoError(t, s.Count(t.Context(), now.Add(time.Hour)))
	require.Equal(t, 1, last()[2].Completed)
	require.Equal(t, 22, last()[1].Syncs(), "what ended late is counted with its day")

	run(now.Add(-2*time.Hour), "completed", "", time.Second, 60*24*time.Hour, false)
	require.NoError(t, s.Count(t.Context(), now.Add(time.Hour)), "after a stop of months")
	require.Equal(t, 2, last()[2].Completed)
	old, err := s.Totals(t.Context(), last()[0].Date.AddDays(-200))
	require.NoError(t, err)
	require.Len(t, old, 2)
}

package scheduler_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestTheDefaultSchedulesAreSound(t *testing.T) { // R33
	t.Parallel()
	entries, problems := clinic.ParseSchedules(clinic.DefaultSchedules(), scheduler.CheckEntry)
	require.Len(t, entries, 3)
	require.Empty(t, problems)
}

func TestAnEntryWithABadCronIsReportedAndTheOthersCount(t *testing.T) { // R33
	t.Parallel()
	entries, problems := clinic.ParseSchedules([]byte(`[
		{"type": "inbound", "cron": "0 6 * * *"},
		{"type": "cases", "cron": "0 8,14,25 * * *"},
		{"type": "reconciliation", "cron": "0 2 31 FEB *", "enabled": false},
		{"type": "full", "cron": "0 3 * * SUN"}
	]`), scheduler.CheckEntry)

	require.Len(t, entries, 2)
	require.Equal(t, syncs.TypeInbound, entries[0].Type)
	require.Equal(t, syncs.TypeFull, entries[1].Type)
	require.Equal(t, []clinic.ScheduleProblem{
		{Index: 1, Reason: `cron "0 8,14,25 * * *": hour: 25 is not between 0 and 23`},
		{Index: 2, Reason: `cron "0 2 31 FEB *" never fires: none of its months has one of its days`},
	}, problems)
}

func TestReconciliationIsCaughtUpLonger(t *testing.T) { // R34
	t.Parallel()
	want := map[syncs.Type]time.Duration{
		syncs.TypeInbound: 6 * time.Hour, syncs.TypeCases: 6 * time.Hour, syncs.TypeFull: 6 * time.Hour,
		syncs.TypeReconciliation: 12 * time.Hour,
	}
	for _, syncType := range syncs.Types() {
		require.Equal(t, want[syncType], scheduler.CatchUp(syncType), syncType)
	}
}

func TestJitterSpreadsClinicsEvenlyAndIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	const clinics, limit, slots = 6000, 10 * time.Minute, 10
	var perSlot [slots]int
	for i := range clinics {
		var id [16]byte
		binary.BigEndian.PutUint64(id[8:], uint64(i)) // ids that hardly differ
		jitter := scheduler.Jitter(id, limit)
		require.Equal(t, jitter, scheduler.Jitter(id, limit))
		require.GreaterOrEqual(t, jitter, time.Duration(0))
		require.Less(t, jitter, limit)
		perSlot[jitter/(limit/slots)]++
	}
	for slot, n := range perSlot {
		require.InDelta(t, clinics/slots, n, 0.2*clinics/slots, "minute %d", slot)
	}
}

func TestWithoutALimitThereIsNoJitter(t *testing.T) {
	t.Parallel()
	require.Zero(t, scheduler.Jitter([16]byte{1}, 0))
	require.Zero(t, scheduler.Jitter([16]byte{1}, -time.Minute))
}

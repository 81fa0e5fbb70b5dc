package casesync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// aWeek is a calendar of twelve visits on the days before Monday, the 2nd of
// March, known and reconciled: 1 to 12.
func (p *practice) aWeek() {
	p.Helper()
	var visits []pims.Appointment
	for i := range 12 {
		visits = append(visits, p.visit(fmt.Sprint(1+i), fmt.Sprintf("2026-02-%02d %02d:00", 23+i%6, 9+i/6)))
	}
	p.seen(visits...)
	require.Equal(p, 12, p.sync(syncs.TypeReconciliation).Stats.CasesChecked)
	require.Zero(p, p.fake.Count(pimstest.OpFind))
	p.fake.ForgetCalls()
}

// deleted are the PIMS ids of the soft-deleted cases.
func (p *practice) deleted() []string {
	p.Helper()
	return column[string](p, "select pims_id from cases where clinic_id = $1 and metadata #>> '{reconciliation,softDeleted}' = 'true' order by pims_id")
}

func TestACaseWhoseAppointmentIsGoneIsSoftDeletedWithItsStateBefore(t *testing.T) { // W9, R24
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("4")
	o := p.sync(syncs.TypeReconciliation)
	c := p.stored("4")
	require.Equal(t, syncs.Stats{CasesChecked: 12, CasesDeleted: 1, DeletedIDs: []uuid.UUID{c.ID}}, o.Stats)
	require.Equal(t, []string{"reviewed", "reviewed"}, []string{c.Status, c.SyncStatus})
	require.Equal(t, &cases.Deletion{
		SoftDeleted: true, Reason: "Removed from PIMS", DeletedAt: p.clock.Now().UTC(), SyncID: o.audit.ID, StatusBefore: "draft", SyncStatusBefore: "draft",
	}, c.Deletion)
	require.Equal(t, []string{"4"}, p.deleted())
	require.Equal(t, 2, p.fake.Count(pimstest.OpFind), "the lookup proved itself, then looked")
	calls := p.fake.Calls()
	require.Equal(t, "2026-02-26..2026-02-26 America/New_York", calls[len(calls)-1].Window.String(), "the orphan's day was read a second time")
	require.Equal(t, 1, p.counted.actions[syncs.ActionDeleted])

	p.pass(24 * time.Hour)
	require.Zero(t, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted, "once is enough")
}

func TestAnAppointmentThatReturnsRestoresItsCase(t *testing.T) { // R16, R25
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.edit("5", "status = 'approved'")
	before := []cases.Case{p.stored("4"), p.stored("5")}
	gone := p.calendar[3:5]
	returns := []pims.Appointment{gone[0], gone[1]}
	p.remove("4", "5")
	require.Equal(t, 2, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted)
	require.Equal(t, "reviewed", p.stored("5").Status, "a soft delete writes the status whatever it was (R10)")

	p.enter(returns...)
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, []int{2, 2}, []int{o.Stats.CasesRestored, o.Stats.CasesUpdated})
	for _, want := range before {
		got := p.stored(want.PIMSID)
		got.Version, got.UpdatedAt = want.Version, want.UpdatedAt
		require.Equal(t, want, got, "equal by value to what it was")
	}
	require.Empty(t, p.deleted())
}

func TestWhatAPersonRestoredIsNoCandidateUntilItHasBeenSeenAgain(t *testing.T) { // R24
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	before, returns := p.stored("4"), p.calendar[3]
	p.remove("4")
	p.sync(syncs.TypeReconciliation)
	_, err := casestore.NewCases(p.db).Restore(t.Context(), p.clinic.ID, []uuid.UUID{before.ID}, "os:operator", p.clock.Now())
	require.NoError(t, err)
	restored := p.stored("4")
	restored.Version, restored.UpdatedAt = before.Version, before.UpdatedAt
	require.Equal(t, before, restored)

	p.pass(time.Hour)
	require.Equal(t, 11, p.sync(syncs.TypeReconciliation).Stats.CasesChecked)
	require.Empty(t, p.deleted())
	p.enter(returns)
	require.Equal(t, 11, p.sync(syncs.TypeReconciliation, rehearsal).Stats.CasesChecked)
	p.remove("4")
	require.Equal(t, 11, p.sync(syncs.TypeReconciliation).Stats.CasesChecked, "a dry run has seen nothing (R26)")
	p.enter(returns)
	p.sync(syncs.TypeReconciliation)
	p.remove("4")
	require.Equal(t, 1, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted)
}

func TestASnapshotUpdatesWhatItFindsAndCreatesNothing(t *testing.T) { // R25
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.change("1", isCompleted)
	p.enter(p.visit("99", "2026-02-25 15:00"))
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, syncs.Stats{CasesChecked: 12, CasesUpdated: 1}, o.audit.Result.Stats)
	require.Equal(t, "pending", p.stored("1").Status)
	require.Equal(t, 12, scan[int](p, "select count(*) from cases where clinic_id = $1"))
}

func TestAVisitThatMovedOutOfTheWindowIsUpdatedAndNotDeleted(t *testing.T) { // R22
	t.Parallel()
	for name, noFinder := range map[string]bool{"by lookup": false, "by a wide fetch": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.fake.NoFinder = noFinder
			p.aWeek()
			p.change("3", p.begins("2026-04-20 10:00"))
			p.change("4", p.begins("2026-01-05 10:00"))
			o := p.sync(syncs.TypeReconciliation)
			require.Equal(t, []int{2, 0}, []int{o.Stats.CasesUpdated, o.Stats.CasesDeleted})
			require.Equal(t, "2026-04-20T10:00:00", p.stored("3").Appointment.Start)
			require.True(t, p.instant("2026-01-05 10:00").Equal(p.stored("4").ScheduledDate))
			require.Empty(t, p.deleted())
		})
	}
}

func TestAnEmptyCalendarWhoseVisitsAllMovedAwayIsNothingToRefuse(t *testing.T) { // R22, R23
	t.Parallel()
	p := newPractice(t)
	p.know(p.visits("v", 3, "2026-02-25 09:00")...)
	p.enter(p.visits("v", 3, "2026-04-20 09:00")...)
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, []int{3, 0}, []int{o.Stats.CasesUpdated, o.Stats.CasesDeleted})
	require.Empty(t, p.recorder.plans)
}

func TestACancelledAppointmentThatLeftTheCalendarIsDeletedAsCancelled(t *testing.T) { // R22
	t.Parallel()
	for name, at := range map[string]string{"on its day": "2026-02-25 09:00", "on another": "2026-04-20 10:00"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			p.fake.Hide("3")
			p.change("3", isCancelled, p.begins(at))
			require.Equal(t, 1, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted)
			require.Equal(t, "Cancelled in PIMS", p.stored("3").Deletion.Reason)
		})
	}
}

func TestOnlyCandidatesAreEverDeleted(t *testing.T) { // R21, R24, W9
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.know(
		p.visit("future", "2026-03-02 09:01"), p.visit("tomorrow", "2026-03-03 09:00"), p.visit("begins now", "2026-03-02 09:00"),
		p.visit("eight days ago", "2026-02-22 23:59"), p.visit("reviewed", "2026-02-24 15:00"), p.visit("deleted", "2026-02-24 15:15"),
		p.visit("no date", "2026-02-24 15:30"), p.visit("another provider", "2026-02-24 15:45"),
		p.visit("seven days ago", "2026-02-23 00:00"), p.visit("just now", "2026-03-02 08:59"),
	)
	p.edit("reviewed", "status = 'reviewed'")
	p.edit("deleted", `metadata = metadata || '{"reconciliation": {"softDeleted": true}}'`)
	p.edit("no date", "scheduled_date = null")
	p.edit("another provider", "provider = 'another'")
	p.exec("insert into cases (clinic_id, scheduled_date, status) values ($1, $2, 'draft')", p.instant("2026-02-24 16:00"))
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, []int{14, 2}, []int{o.Stats.CasesChecked, o.Stats.CasesDeleted})
	require.Equal(t, []string{"deleted", "just now", "seven days ago"}, p.deleted())
}

func TestLookaheadLetsFutureCasesBeDeletedUnderTheSameGuards(t *testing.T) { // R4
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visits("f", 6, "2026-03-05 09:00")...)
	p.sync(syncs.TypeInbound)
	p.remove("f000")
	require.Zero(t, p.sync(syncs.TypeReconciliation, syncs.Options{LookaheadDays: new(2)}).Stats.CasesChecked)
	require.Equal(t, 1, p.sync(syncs.TypeReconciliation, syncs.Options{LookaheadDays: new(3)}).Stats.CasesDeleted)
	p.remove("f001", "f002", "f003", "f004", "f005")
	p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation, syncs.Options{LookaheadDays: new(3)})
}

func TestWhatIsCreatedAfterThePIMSWasReadIsNoOrphan(t *testing.T) { // R21
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.duringFetch(func() { p.know(p.visit("99", "2026-02-25 15:00")) })
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, []int{12, 0}, []int{o.Stats.CasesChecked, o.Stats.CasesDeleted})
	p.again = nil // the next one may look at it
}

func TestACaseThatAnybodyChangedSinceItWasReadIsLeftAlone(t *testing.T) { // R24
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("1", "2", "3", "4")
	p.store.before = at("SoftDelete", func() error {
		p.edit("1", "status = 'approved'")
		p.edit("2", "patient_name = 'Zzbiscuit'")
		p.edit("3", `metadata = metadata || '{"tag": 1}'`)
		return nil
	})
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, []uuid.UUID{p.stored("4").ID}, o.Stats.DeletedIDs)
	require.Equal(t, []string{"4"}, p.deleted())
	p.store.before = nil
	require.Equal(t, 3, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted, "the next night looks at them again")
}

func TestADeletionKeepsForeignMetadataAndNotes(t *testing.T) { // R11
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.record(p.held("51", "4", "2026-02-26 09:00"))
	p.sync(syncs.TypeCases)
	p.edit("4", `metadata = metadata || '{"invoice": {"n": 1.50}}'`)
	const rest = "select (metadata - 'reconciliation')::text from cases where clinic_id = $1 and pims_id = '4'"
	before := scan[string](p, rest)
	p.remove("4")
	require.Equal(t, 1, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted)
	require.Equal(t, before, scan[string](p, rest))
	require.NotNil(t, p.stored("4").Consultation)
}

func TestAnIncompleteCalendarProvesNothing(t *testing.T) { // R6
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("4")
	p.change("1", isCompleted)
	p.fake.SetFlaws(nil, 1, 0)
	p.requireNothingWritten(func() {
		o := p.fail(syncs.CodeSnapshotIncomplete, syncs.TypeReconciliation)
		require.Equal(t, 1, o.audit.Result.Warnings.UnidentifiedRows)
		require.Zero(t, p.fake.Count(pimstest.OpFind))
	})
}

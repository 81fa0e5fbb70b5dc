package casesync_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// phases are the three in their order.
var phases = []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation}

// ran are the phases that have an audit, with its end.
func ran(o outcome) (ran []string) {
	for i := range o.audit.Children {
		ran = append(ran, string(o.audit.Children[i].Type)+" "+string(o.audit.Children[i].Status))
	}
	return ran
}

// aRound is a week of visits, with notes and with visits to come, synchronised once.
func (p *practice) aRound() {
	p.Helper()
	p.aWeek()
	p.record(p.held("51", "1", "2026-02-23 09:00"), p.held("52", "2", "2026-02-24 09:00", unfinished))
	p.enter(p.visit("20", "2026-03-02 08:00"), p.visit("21", "2026-03-02 15:00"), p.visit("22", "2026-03-09 15:00"))
	p.sync(syncs.TypeFull)
	p.fake.ForgetCalls()
}

func TestAFullSyncIsOneLoginOneFetchAndThreePhases(t *testing.T) { // R27
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.at("2026-03-03 06:00")
	p.enter(p.visit("23", "2026-03-03 10:00"))   // a new one
	p.change("21", p.begins("2026-03-05 15:00")) // one that moved to the future
	p.change("2", isCompleted)                   // one of the past that went on
	p.remove("3")                                // one that is gone
	p.record(p.held("52", "2", "2026-02-24 09:00"))

	o := p.sync(syncs.TypeFull)
	require.Equal(t, 1, p.fake.Count(pimstest.OpLogin))
	require.Equal(t, []string{"2026-02-24..2026-03-10 America/New_York", "2026-02-25..2026-02-25 America/New_York"}, p.fetches(),
		"one fetch of all days, and the orphan's day once more")
	require.Equal(t, 1, p.fake.Count(pimstest.OpSearch))
	require.Equal(t, []string{"inbound completed", "cases completed", "reconciliation completed"}, ran(o))
	require.Empty(t, o.audit.Result.Skipped)
	inbound, cases, reconciliation := o.phase(t, phases[0]), o.phase(t, phases[1]), o.phase(t, phases[2])
	require.Equal(t, syncs.Stats{AppointmentsFound: 3, CasesCreated: 1, CasesUpdated: 1, CasesUnchanged: 1}, inbound.Result.Stats)
	require.Equal(t, 3, o.Stats.AppointmentsFound, "an appointment that two phases looked at was found once")
	require.Equal(t, 1, cases.Result.Stats.CasesEnriched)
	require.Equal(t, []int{1, 1}, []int{reconciliation.Result.Stats.CasesUpdated, reconciliation.Result.Stats.CasesDeleted})
	require.Equal(t, []string{"3"}, p.deleted())
	require.Equal(t, reconciliation.ID, p.stored("3").Deletion.SyncID, "syncId is the reconciliation's own audit (R24)")
	require.Equal(t, []string{"sync:" + inbound.ID.String()},
		column[string](p, "select distinct actor from case_events where clinic_id = $1 and case_id = $2 and field = 'scheduled_date'", p.stored("21").ID), "R14")
	require.Equal(t, p.stored("3").ID, o.audit.Result.Stats.DeletedIDs[0])
}

func TestDaysFarApartAreFetchedApart(t *testing.T) { // R27: no day that no phase needs
	t.Parallel()
	p := newPractice(t)
	p.sync(syncs.TypeFull, syncs.Options{StartDate: timetest.Date(t, "2026-04-01"), EndDate: timetest.Date(t, "2026-04-03")})
	require.Equal(t, []string{"2026-02-23..2026-03-02 America/New_York", "2026-04-01..2026-04-03 America/New_York"}, p.fetches())
}

func TestOnlyTheInboundWindowCreatesInAFullSync(t *testing.T) { // R25
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-02-25 09:00"), p.visit("2", "2026-03-02 09:00"), p.visit("3", "2026-03-11 09:00"))
	o := p.sync(syncs.TypeFull)
	require.Equal(t, 1, o.Stats.CasesCreated)
	require.Equal(t, []string{"2"}, column[string](p, "select pims_id from cases where clinic_id = $1"))
}

func TestARefusedLoginEndsEverything(t *testing.T) { // R27, W16
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.fake.SetPassword("Zzchanged")
	p.requireNothingWritten(func() {
		o := p.fail(syncs.CodeAuthRejected, syncs.TypeFull)
		require.Equal(t, "PIMS authentication failed: Invalid credentials", o.audit.Result.Error)
		require.Empty(t, o.audit.Children)
		for _, kind := range phases {
			require.NotEmpty(t, o.audit.Result.Skipped[kind], kind)
			alone := p.fail(syncs.CodeAuthRejected, kind)
			require.Empty(t, alone.audit.Result.Skipped)
		}
	})
	require.Empty(t, p.fetches())
}

func TestASessionThatDiesEndsEverythingAfterIt(t *testing.T) { // R27
	t.Parallel()
	expired := fmt.Errorf("asked: %w", pims.ErrSessionExpired)
	for _, tc := range []struct {
		name    string
		op      pimstest.Op
		ran     []string
		skipped map[syncs.Type]string
	}{
		{
			"in the fetch", pimstest.OpAppointments,
			[]string{"inbound failed"},
			map[syncs.Type]string{
				syncs.TypeCases:          "the sync ended during the inbound phase",
				syncs.TypeReconciliation: "the sync ended during the inbound phase",
			},
		},
		{
			"in the search", pimstest.OpSearch,
			[]string{"inbound completed", "cases failed"},
			map[syncs.Type]string{syncs.TypeReconciliation: "the sync ended during the cases phase"},
		},
		{
			"in a view", pimstest.OpConsultation,
			[]string{"inbound completed", "cases failed"},
			map[syncs.Type]string{syncs.TypeReconciliation: "the sync ended during the cases phase"},
		},
		{"in a lookup", pimstest.OpFind, []string{"inbound completed", "cases completed", "reconciliation failed"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aRound()
			p.remove("4")
			p.dies(tc.op, expired)
			o := p.fail(syncs.CodeAuthExpired, syncs.TypeFull, one)
			require.Equal(t, tc.ran, ran(o))
			require.Equal(t, tc.skipped, o.audit.Result.Skipped)
			require.Empty(t, p.deleted())
		})
	}
}

func TestAFailedInboundLeavesTheCasesPhaseToRun(t *testing.T) { // R27
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.remove("4")
	p.pass(time.Hour)
	p.record(p.held("52", "2", "2026-02-24 09:00"))
	p.fake.FailNext(pimstest.OpAppointments, fmt.Errorf("fetch: %w", pims.ErrSchemaDrift))
	o := p.fail(syncs.CodeSchemaDrift, syncs.TypeFull)
	require.Equal(t, []string{"inbound failed", "cases completed"}, ran(o))
	require.Equal(t, 1, o.Stats.CasesEnriched)
	require.Equal(t, map[syncs.Type]string{syncs.TypeReconciliation: "the inbound phase was not clean"}, o.audit.Result.Skipped)
	require.Equal(t, syncs.CodeSchemaDrift, o.phase(t, syncs.TypeInbound).Result.Code)
	require.Empty(t, p.deleted())
}

func TestAnInboundThatLeftRowsOutKeepsReconciliationFromRunning(t *testing.T) { // R6, R27
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.remove("4")
	p.enter(p.visit("24", "2026-03-03 09:00"))
	p.fake.SetFlaws(nil, 1, 0)
	o := p.fail(syncs.CodeSnapshotIncomplete, syncs.TypeFull)
	require.Equal(t, []string{"inbound completed", "cases completed"}, ran(o))
	inbound := o.phase(t, syncs.TypeInbound)
	require.Equal(t, syncs.CodeSnapshotIncomplete, inbound.Result.Code)
	require.Equal(t, 1, inbound.Result.Stats.CasesCreated, "the others are written")
	require.Equal(t, inbound.Result.Error, o.audit.Result.Error)
	require.Contains(t, o.audit.Result.Skipped, syncs.TypeReconciliation)
	require.Empty(t, p.deleted())
}

func TestFailedItemsOfEnrichmentEndNothing(t *testing.T) { // R27
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.remove("4")
	p.fake.FailConsultation("52", pims.ErrRemote)
	o := p.sync(syncs.TypeFull)
	require.Len(t, o.audit.Result.Failures, 1)
	require.Equal(t, o.phase(t, syncs.TypeCases).Result.Failures, o.audit.Result.Failures)
	require.Equal(t, []string{"4"}, p.deleted())
	p.fake.FailConsultation("52", nil)
}

func TestAFailedCasesPhaseLeavesReconciliationToRun(t *testing.T) { // R27
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.remove("4")
	p.fake.FailNext(pimstest.OpSearch, fmt.Errorf("search: %w", pims.ErrRemote))
	o := p.fail(syncs.CodePIMSError, syncs.TypeFull)
	require.Equal(t, []string{"inbound completed", "cases failed", "reconciliation completed"}, ran(o))
	require.Equal(t, []string{"4"}, p.deleted())
}

func TestTheMasterTakesCodeErrorAndPlanOfTheFirstThatFailed(t *testing.T) { // R27
	t.Parallel()
	t.Run("reconciliation alone", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.aRound()
		p.remove("1", "2", "3", "4", "5", "6", "7")
		o := p.fail(syncs.CodeDeletionGuard, syncs.TypeFull)
		child := o.phase(t, syncs.TypeReconciliation)
		require.Equal(t, syncs.StatusFailed, child.Status)
		require.Equal(t, child.Result.Error, o.audit.Result.Error)
		require.Equal(t, child.Result.PlanID, o.audit.Result.PlanID)
		plan := p.plan(o.audit.Result.PlanID)
		require.Equal(t, child.ID, plan.SyncID)
		require.Equal(t, syncs.TypeReconciliation, plan.SyncType)
	})
	t.Run("cases before reconciliation", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.aRound()
		p.remove("1", "2", "3", "4", "5", "6", "7")
		p.fake.FailNext(pimstest.OpSearch, fmt.Errorf("search: %w", pims.ErrRemote))
		o := p.fail(syncs.CodePIMSError, syncs.TypeFull)
		require.Zero(t, o.audit.Result.PlanID)
		require.Equal(t, syncs.CodeDeletionGuard, o.phase(t, syncs.TypeReconciliation).Result.Code)
	})
	t.Run("a guard of inbound before cases", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.aRound()
		p.know(p.visits("k", 9, "2026-03-04 08:00")...)
		p.calendar = nil
		p.enter(p.visits("f", 9, "2026-03-04 08:00")...)
		p.fake.FailNext(pimstest.OpSearch, fmt.Errorf("search: %w", pims.ErrRemote))
		p.requireNothingWritten(func() {
			o := p.fail(syncs.CodeWrongPractice, syncs.TypeFull)
			require.Equal(t, []string{"inbound failed", "cases failed"}, ran(o))
			require.Equal(t, o.phase(t, syncs.TypeInbound).ID, p.plan(o.audit.Result.PlanID).SyncID)
		})
	})
}

func TestWhatTheInboundPhaseWroteIsWhatReconciliationJudges(t *testing.T) { // R21: local rows first, then fresh versions of them
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.remove("20") // today's: of both windows
	p.change("21", isCompleted)
	p.duringFetch(func() { // later than the local rows were read
		p.know(p.visit("99", "2026-02-25 15:00"))
		p.edit("20", `metadata = metadata || '{"tag": 1}'`)
	})
	o := p.sync(syncs.TypeFull)
	require.Equal(t, []string{"20"}, p.deleted())
	require.Equal(t, 13, o.phase(t, syncs.TypeReconciliation).Result.Stats.CasesChecked)
	p.again = nil // the next one may look at the late one
}

func TestAPhaseWhoseAuditCannotBeOpenedDoesNotRun(t *testing.T) { // R27, R30
	t.Parallel()
	for _, tc := range []struct {
		kind syncs.Type
		err  error
		code syncs.Code
		ran  []string
	}{
		{syncs.TypeInbound, syncs.ErrDatabase, syncs.CodeDatabaseUnavailable, []string{"cases completed"}},
		{syncs.TypeCases, syncs.ErrDatabase, syncs.CodeDatabaseUnavailable, []string{"inbound completed", "reconciliation completed"}},
		{syncs.TypeReconciliation, syncs.ErrDatabase, syncs.CodeDatabaseUnavailable, []string{"inbound completed", "cases completed"}},
		{syncs.TypeInbound, syncs.ErrLeaseLost, syncs.CodeInterrupted, nil},
		{syncs.TypeCases, syncs.ErrLeaseLost, syncs.CodeInterrupted, []string{"inbound completed"}},
	} {
		t.Run(fmt.Sprintf("%s, %s", tc.kind, tc.code), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.recorder.beforeOpen = func(kind syncs.Type) error {
				if kind == tc.kind {
					return tc.err
				}
				return nil
			}
			o := p.fail(tc.code, syncs.TypeFull)
			require.Equal(t, tc.ran, ran(o))
			require.Equal(t, "its audit could not be opened", o.audit.Result.Skipped[tc.kind])
		})
	}
}

func TestADatabaseThatCannotBeReadEndsAFullSyncBeforeAnyFetch(t *testing.T) { // R21
	t.Parallel()
	p := newPractice(t)
	p.store.before = at("DeletionCandidates", func() error { return fmt.Errorf("reading: %w", syncs.ErrDatabase) })
	o := p.fail(syncs.CodeDatabaseUnavailable, syncs.TypeFull)
	require.Empty(t, o.audit.Children)
	require.Len(t, o.audit.Result.Skipped, 3)
	require.Empty(t, p.fetches())
}

// dies makes every call of op fail, but for the one with which a lookup proves
// itself.
func (p *practice) dies(op pimstest.Op, err error) {
	first := op == pimstest.OpFind
	p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op != op {
			return nil
		}
		if first {
			first = false
			return nil
		}
		return err
	})
}

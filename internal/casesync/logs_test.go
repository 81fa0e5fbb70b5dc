package casesync_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// of are the lines of one sync.
func (l *logbook) of(p *practice, audit *syncs.Audit) []map[string]any {
	p.Helper()
	return slices.DeleteFunc(l.Lines(p), func(line map[string]any) bool { return line["sync_id"] != audit.ID.String() })
}

// requireSyncLines demands the two lines of a sync that completed, in the form of
// the specification.
func (p *practice) requireSyncLines(audit *syncs.Audit, durationMS int) {
	p.Helper()
	lines := p.logs.of(p, audit)
	require.Len(p, lines, 2, "one line per event")
	stats := make(map[string]any)
	for _, count := range audit.Result.Stats.Counts(audit.Type) {
		stats[count.Name] = float64(count.Value)
	}
	for i, want := range []map[string]any{
		{"msg": "Sync started", "dry_run": false},
		{"msg": "Sync completed", "stats": stats, "duration_ms": float64(durationMS)},
	} {
		want["level"], want["namespace"] = "INFO", "pims-sync:"+string(audit.Type)
		want["clinic_id"], want["sync_id"] = p.clinic.ID.String(), audit.ID.String()
		delete(lines[i], "time")
		require.Equal(p, want, lines[i])
	}
}

func TestASyncIsLoggedAsTheSpecificationSays(t *testing.T) { // W20
	t.Parallel()
	for _, kind := range syncs.Types() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aRound()
			p.pass(time.Hour)
			p.remove("4")
			p.fake.OnCall(takes(p, 1500*time.Millisecond))
			o := p.sync(kind)
			p.fake.OnCall(nil)
			calls := len(p.fake.Calls()) - 1 // opening a session makes no request
			p.requireSyncLines(&o.audit, 1500*calls)
			for i := range o.audit.Children {
				require.Len(t, p.logs.of(p, &o.audit.Children[i]), 2)
			}
		})
	}
}

func TestThePhasesOfAFullSyncAreLoggedUnderTheirOwnAudits(t *testing.T) { // W20
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.logs.forget(p)
	o := p.sync(syncs.TypeFull)
	for i := range o.audit.Children {
		p.requireSyncLines(&o.audit.Children[i], 0)
	}
	var order []string
	for _, line := range p.logs.Lines(p) {
		order = append(order, fmt.Sprint(line["namespace"], " ", line["msg"]))
	}
	require.Equal(t, []string{
		"pims-sync:full Sync started",
		"pims-sync:inbound Sync started", "pims-sync:inbound Sync completed",
		"pims-sync:cases Sync started", "pims-sync:cases Sync completed",
		"pims-sync:reconciliation Sync started", "pims-sync:reconciliation Sync completed",
		"pims-sync:full Sync completed",
	}, order)
}

// takes lets every request to the PIMS take a time.
func takes(p *practice, d time.Duration) func(_ context.Context, call pimstest.Call) error {
	return func(_ context.Context, call pimstest.Call) error {
		if call.Op != pimstest.OpOpen {
			p.pass(d)
		}
		return nil
	}
}

func TestAFailureIsLoggedWithItsCodeAndItsError(t *testing.T) { // R38, W20
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("1", "2", "3", "4", "5", "6", "7")
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	lines := p.logs.of(p, &o.audit)
	require.Len(t, lines, 3)
	waits, failed := lines[1], lines[2]
	require.Equal(t, []any{"WARN", "A plan waits for a decision", o.audit.Result.PlanID.String(), "deletion_guard", 7.0, "2026-03-03T14:00:00Z"},
		[]any{waits["level"], waits["msg"], waits["plan_id"], waits["guard"], waits["cases"], waits["expires_at"]})
	require.Equal(t, []any{"ERROR", "Sync failed", "deletion_guard", o.audit.Result.Error},
		[]any{failed["level"], failed["msg"], failed["code"], failed["error"]})
	require.Contains(t, failed, "stats")
	require.Contains(t, failed, "duration_ms")
}

func TestTheLogTellsTheCauseOfAnInternalFailureAndTheAuditDoesNot(t *testing.T) { // R38
	t.Parallel()
	p := newPractice(t)
	p.fake.FailNext(pimstest.OpAppointments, fmt.Errorf("the moon is in the way"))
	o := p.fail(syncs.CodeInternal, syncs.TypeInbound)
	lines := p.logs.of(p, &o.audit)
	require.Contains(t, lines[len(lines)-1]["cause"], "the moon")
	require.NotContains(t, o.audit.Result.Error, "the moon")
}

func TestACompletedSyncThatLeftSomethingOutSaysSo(t *testing.T) { // R6
	t.Parallel()
	p := newPractice(t)
	p.fake.SetFlaws(nil, 1, 0)
	o := p.sync(syncs.TypeInbound)
	lines := p.logs.of(p, &o.audit)
	last := lines[len(lines)-1]
	require.Equal(t, []any{"INFO", "Sync completed", "snapshot_incomplete", o.audit.Result.Error}, []any{last["level"], last["msg"], last["code"], last["error"]})
}

func TestAConsultationThatFailedIsLoggedByIDs(t *testing.T) { // W15, R40
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", belongsTo("51")))
	p.fake.FailConsultation("51", &pims.RecordError{ID: "51", Field: "notes", Reason: "are no text"})
	o := p.sync(syncs.TypeCases)
	lines := p.logs.of(p, &o.audit)
	require.Len(t, lines, 3)
	line := lines[1]
	require.Equal(t, []any{"WARN", "Consultation not read", p.stored("1").ID.String(), "malformed"}, []any{line["level"], line["msg"], line["case_id"], line["code"]})
	p.fake.FailConsultation("51", nil)
	p.again = nil
}

func TestProgressNamesThePhaseAndTheStep(t *testing.T) { // docs/interface.md §Endpoints
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.pass(time.Hour)
	p.remove("4")
	var steps []string
	p.recorder.onReport = func(progress syncs.Progress) {
		step := fmt.Sprintf("%s %s", progress.Phase, progress.Step)
		require.LessOrEqual(t, progress.Done, progress.Total)
		if len(steps) == 0 || steps[len(steps)-1] != step {
			steps = append(steps, step)
		}
	}
	p.sync(syncs.TypeFull)
	p.recorder.onReport = nil
	require.Equal(t, []string{
		"inbound login", "inbound fetch", "inbound write", "cases fetch",
		"reconciliation look up", "reconciliation read again", "reconciliation write", "reconciliation delete",
	}, steps)
}

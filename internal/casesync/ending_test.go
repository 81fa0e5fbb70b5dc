package casesync_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// moments are where a sync can be ended from outside: what it is doing, and which
// phases of a full sync have begun by then.
var moments = []struct {
	name  string
	at    func(p *practice, end func())
	begun []syncs.Type
}{
	{"at the login", endAt(pimstest.OpLogin), nil},
	{"in the fetch", endAt(pimstest.OpAppointments), nil},
	{"while appointments are written", func(p *practice, end func()) {
		p.store.beforeWrite = func([]cases.Write) error { end(); return nil }
	}, phases[:1]},
	{"in the search", endAt(pimstest.OpSearch), phases[:2]},
	{"in a view", endAt(pimstest.OpConsultation), phases[:2]},
	{"in a lookup", endAt(pimstest.OpFind), phases},
	{"before the deletion", func(p *practice, end func()) { p.store.before = at("SoftDelete", func() error { end(); return nil }) }, phases},
}

func endAt(op pimstest.Op) func(p *practice, end func()) {
	return func(p *practice, end func()) {
		p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
			if call.Op == op {
				end()
			}
			return nil
		})
	}
}

func TestASyncThatIsEndedFromOutsideClosesItsPhasesAndSaysWhy(t *testing.T) { // R28, R30, R31
	t.Parallel()
	for _, cause := range []struct {
		err    error
		status syncs.Status
		code   syncs.Code
	}{
		{syncs.ErrCancelled, syncs.StatusCancelled, syncs.CodeCancelled},
		{syncs.ErrTimeout, syncs.StatusFailed, syncs.CodeTimeout},
		{syncs.ErrShutdown, syncs.StatusFailed, syncs.CodeInterrupted},
		{context.Canceled, syncs.StatusFailed, syncs.CodeInterrupted},
		{context.DeadlineExceeded, syncs.StatusFailed, syncs.CodeTimeout},
	} {
		for _, moment := range moments {
			t.Run(string(cause.code)+" "+moment.name, func(t *testing.T) {
				t.Parallel()
				p := newPractice(t)
				p.aRound()
				p.pass(time.Hour)
				p.change("21", isCompleted)
				p.remove("4")
				ctx, end := context.WithCancelCause(t.Context())
				defer end(nil)
				moment.at(p, func() { end(cause.err) })

				o := p.run(ctx, syncs.Run{Type: syncs.TypeFull})
				require.Equal(t, cause.status, o.audit.Status)
				require.Equal(t, cause.code, o.audit.Result.Code, o.audit.Result.Error)
				require.Len(t, o.audit.Children, len(moment.begun))
				for _, kind := range phases[len(moment.begun):] {
					require.Contains(t, o.audit.Result.Skipped[kind], "the sync ended")
				}
				for i := range o.audit.Children {
					child := &o.audit.Children[i]
					require.Equal(t, moment.begun[i], child.Type)
					if i < len(moment.begun)-1 {
						require.Equal(t, syncs.StatusCompleted, child.Status)
						continue
					}
					require.Equal(t, cause.status, child.Status)
					require.Equal(t, cause.code, child.Result.Code)
				}
				require.Empty(t, p.deleted())
				last := p.logs.Lines(p)
				require.Equal(t, string(cause.code), last[len(last)-1]["code"], "the log says it too")

				p.fake.OnCall(nil)
				p.store.beforeWrite, p.store.before = nil, nil
				p.sync(syncs.TypeFull)
				require.Equal(t, "pending", p.stored("21").Status, "the next one converges (R30)")
				require.Equal(t, []string{"4"}, p.deleted())
			})
		}
	}
}

func TestAPhaseThatIsEndedFromOutsideSaysWhy(t *testing.T) { // R28
	t.Parallel()
	for kind, op := range map[syncs.Type]pimstest.Op{
		syncs.TypeInbound:        pimstest.OpAppointments,
		syncs.TypeCases:          pimstest.OpConsultation,
		syncs.TypeReconciliation: pimstest.OpFind,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aRound()
			p.pass(time.Hour)
			p.remove("4")
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			endAt(op)(p, func() { end(syncs.ErrTimeout) })
			p.requireNothingWritten(func() {
				o := p.run(ctx, syncs.Run{Type: kind, Options: syncs.Options{Force: kind == syncs.TypeCases}})
				require.ErrorIs(t, o.err, syncs.ErrTimeout)
				require.Equal(t, syncs.CodeTimeout, o.audit.Result.Code)
				require.Equal(t, o.Stats.CasesFound, o.Stats.CasesFailed+o.Stats.CasesSkipped, "nobody is left uncounted")
				for _, failure := range o.Failures {
					require.Equal(t, syncs.ItemTimeout, failure.Code)
				}
			})
		})
	}
}

func TestAnAttemptThatLostItsLeaseWritesNothingMore(t *testing.T) { // R30
	t.Parallel()
	takenOver := func(p *practice) func([]cases.Write) error {
		return once(func() {
			p.exec("update case_sync_audits set attempt = attempt + 1 where clinic_id = $1 and status = 'in_progress' and parent_id is null")
		})
	}
	for _, kind := range []syncs.Type{syncs.TypeInbound, syncs.TypeFull} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			p.enter(p.visit("20", "2026-03-02 08:00"))
			p.remove("4")
			p.store.beforeWrite = takenOver(p)
			run := p.claim(syncs.Run{Type: kind})
			p.requireNothingWritten(func() {
				_, err := p.runner.Run(t.Context(), run)
				require.ErrorIs(t, err, syncs.ErrLeaseLost)
			})
			require.LessOrEqual(t, scan[int](p, "select count(*) from case_sync_audits where clinic_id = $1 and parent_id is not null"), 1, "no further phase began")

			run.Lease.Attempt++ // the other attempt
			require.NoError(t, syncstore.NewAudits(p.db).Finish(t.Context(), run.Lease, syncs.StatusFailed, syncs.Result{}, p.clock.Now()))
		})
	}
}

func TestAReconciliationThatLosesItsLeaseDeletesNothing(t *testing.T) { // R30
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("4")
	run := p.claim(syncs.Run{Type: syncs.TypeReconciliation})
	p.store.before = at("SoftDelete", func() error {
		return syncstore.NewAudits(p.db).Finish(t.Context(), run.Lease, syncs.StatusFailed, syncs.Result{}, p.clock.Now())
	})
	p.requireNothingWritten(func() {
		_, err := p.runner.Run(t.Context(), run)
		require.ErrorIs(t, err, syncs.ErrLeaseLost)
	})
}

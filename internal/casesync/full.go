package casesync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// closing bounds how long the audit of a phase may take to close when its sync is being
// ended.
const closing = 5 * time.Second

// A fullSync runs the three phases in turn, with one login and one fetch of the
// calendar (R27). W11.
type fullSync struct {
	*Runner
	master     phase
	connection Connection
	windows    syncs.Windows
	request    syncs.Run

	merged map[string]bool     // the appointments that inbound has merged
	begun  map[syncs.Type]bool // the phases that have an audit

	result syncs.Result // of the master: the sums
	err    error        // of the first phase that failed
}

func (r *Runner) full(ctx context.Context, p phase, connection Connection, windows syncs.Windows, run syncs.Run) (syncs.Result, error) {
	f := &fullSync{Runner: r, master: p, connection: connection, windows: windows, request: run, begun: make(map[syncs.Type]bool)}
	f.result.Skipped = make(map[syncs.Type]string)
	err := panics.Catch(func() error {
		f.run(ctx)
		return nil
	})
	if err != nil {
		f.panicked(err)
	}
	return f.result, f.err
}

// panicked ends the sync after a panic outside its phases. Phases that have not begun do
// not run (R27, R58).
func (f *fullSync) panicked(err error) {
	f.fail(err)
	for _, kind := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation} {
		if _, skipped := f.result.Skipped[kind]; !skipped && !f.begun[kind] {
			f.skip("an internal error ended the sync", kind)
		}
	}
}

func (f *fullSync) run(ctx context.Context) {
	reconciliation := f.reconciliation(f.master, f.connection, f.windows)
	candidates, err := reconciliation.candidates(ctx) // local rows first (R21)
	if err != nil {
		f.stop(err, beforeFirstPhase, syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation)
		return
	}
	snapshots, fetched := f.fetch(ctx)
	if ctx.Err() != nil {
		f.stop(context.Cause(ctx), beforeFirstPhase, syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation)
		return
	}
	inbound, clean := f.carryOut(ctx, syncs.TypeInbound, func(ctx context.Context, p phase) (syncs.Result, error) {
		if fetched != nil {
			return syncs.Result{}, fetched
		}
		snapshot := part(snapshots, f.windows.Inbound)
		f.merged = snapshot.AppointmentIDs()
		return f.inbound(ctx, p, f.windows, snapshot)
	})
	if f.over(ctx) {
		f.skip("the sync ended during the inbound phase", syncs.TypeCases, syncs.TypeReconciliation)
		return
	}
	f.carryOut(ctx, syncs.TypeCases, func(ctx context.Context, p phase) (syncs.Result, error) {
		return f.enrich(ctx, p, f.connection, f.windows, f.request.Options, snapshots)
	})
	switch {
	case f.over(ctx):
		f.skip("the sync ended during the cases phase", syncs.TypeReconciliation)
	case !clean || inbound.Code != "":
		f.skip("the inbound phase was not clean", syncs.TypeReconciliation)
		if clean { // it completed, but left rows out: the master is not complete
			f.fail(&syncs.Failure{Code: inbound.Code, Message: inbound.Error})
		}
	default:
		f.carryOut(ctx, syncs.TypeReconciliation, func(ctx context.Context, p phase) (syncs.Result, error) {
			reconciliation := f.reconciliation(p, f.connection, f.windows)
			candidates, err := reconciliation.fresh(ctx, candidates)
			if err != nil {
				return syncs.Result{}, err
			}
			return reconciliation.run(ctx, candidates, part(snapshots, f.windows.Reconciliation))
		})
	}
}

// fetch reads once all the days that inbound and reconciliation need.
func (f *fullSync) fetch(ctx context.Context) ([]*pims.Snapshot, error) {
	var snapshots []*pims.Snapshot
	for _, window := range pims.Cover(f.windows.Inbound, f.windows.Reconciliation) {
		snapshot, err := fetch(ctx, f.master, f.connection, window)
		if err != nil {
			return nil, err
		}
		snapshots = append(snapshots, snapshot)
	}
	return snapshots, nil
}

// part returns what the snapshots show of one phase's window.
func part(snapshots []*pims.Snapshot, window pims.Window) *pims.Snapshot {
	for _, s := range snapshots {
		if s.Window.Covers(window) {
			within := s.Within(window)
			return &within
		}
	}
	return &pims.Snapshot{Window: window, Unidentified: 1} // unreachable, because Cover covers every window; the snapshot proves nothing
}

// fresh returns the cases that are candidates now and were candidates before the PIMS was
// read (R21).
func (p *reconciliationPhase) fresh(ctx context.Context, before []cases.Case) ([]cases.Case, error) {
	if len(before) == 0 {
		return nil, nil
	}
	was := make(map[uuid.UUID]bool, len(before))
	for i := range before {
		was[before[i].ID] = true
	}
	now, err := p.candidates(ctx)
	return slices.DeleteFunc(now, func(c cases.Case) bool { return !was[c.ID] }), err
}

// carryOut runs one phase under an audit of its own, adds its counts to the master's, and
// returns whether it completed.
func (f *fullSync) carryOut(ctx context.Context, kind syncs.Type, run func(context.Context, phase) (syncs.Result, error)) (syncs.Result, bool) {
	id, err := f.o.Recorder.BeginPhase(ctx, f.request.Lease, kind, f.o.Now())
	if err != nil {
		f.fail(fmt.Errorf("opening the audit of the %s phase: %w", kind, err))
		f.skip("its audit could not be opened", kind)
		return syncs.Result{}, false
	}
	f.begun[kind] = true
	p := f.phase(f.request, kind, id)
	p.provider, p.usual, p.words, p.forms = f.master.provider, f.windows.Default[kind], f.master.words, f.master.forms
	if kind == syncs.TypeReconciliation { // it runs only after a clean inbound
		p.merged = f.merged
	}
	result, err := f.logged(ctx, p, func(ctx context.Context) (syncs.Result, error) { return run(f.telling(ctx, p), p) })
	result.CoversDefault = p.usual
	status, result := Conclude(result, err)

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if closeErr := f.o.Recorder.EndPhase(ending, f.request.Lease, id, status, result, f.o.Now()); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("closing the audit of the %s phase: %w", kind, closeErr))
	}
	f.result.Stats = f.result.Stats.Add(result.Stats)
	f.result.Failures = append(f.result.Failures, result.Failures...)
	if err != nil {
		f.fail(err)
		return result, false
	}
	return result, true
}

// over reports whether the sync can do nothing more: its session is lost for good, it is
// being ended, another attempt owns it, or a panic ended it.
func (f *fullSync) over(ctx context.Context) bool {
	if ctx.Err() != nil { // the context may have ended after the phase's last write, which returned no error
		f.fail(context.Cause(ctx))
	}
	return ctx.Err() != nil || endsSession(f.err) || errors.Is(f.err, syncs.ErrLeaseLost) || panics.In(f.err) != nil
}

// fail keeps the first failure (R27). A panic takes precedence over any other failure
// (R58).
func (f *fullSync) fail(err error) {
	if f.err == nil || panics.In(f.err) == nil && panics.In(err) != nil {
		f.err = err
	}
}

func (f *fullSync) skip(reason string, kinds ...syncs.Type) {
	for _, kind := range kinds {
		f.result.Skipped[kind] = reason
	}
}

func (f *fullSync) stop(err error, reason string, kinds ...syncs.Type) {
	f.fail(err)
	f.skip(reason, kinds...)
}

package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// retryPauses are the waits before a scheduled sync's second and third attempt (R32).
var retryPauses = [scheduledAttempts - 1]time.Duration{time.Minute, 5 * time.Minute}

const (
	scheduledAttempts = 3               // of a sync that a schedule started (R32)
	closing           = 5 * time.Second // how long closing an audit may take once the process ends
)

// SyncArgs are what the job of a sync carries: look at this sync's audit (R28).
type SyncArgs struct {
	SyncID uuid.UUID `json:"sync_id"`
}

// Kind names the job for River.
func (SyncArgs) Kind() string { return syncKind }

// workerOptions configure a worker.
type workerOptions struct {
	audits    *syncstore.Audits
	jobs      *jobs
	run       func(ctx context.Context, run syncs.Run) (syncs.Result, error)
	replica   string        // its name
	alone     bool          // it works only on what this process starts
	lease     time.Duration // of a claim
	timeLimit time.Duration // of an attempt's work (R28); 0: none
	now       func() time.Time
	observe   Observer
	log       *slog.Logger
}

// A worker claims and runs the syncs that jobs name.
type worker struct {
	river.WorkerDefaults[SyncArgs]
	o workerOptions

	mu      sync.Mutex
	running map[uuid.UUID]*ongoing
}

// An ongoing is an attempt at a sync that this replica works on.
type ongoing struct {
	end  context.CancelCauseFunc
	beat chan struct{} // a heartbeat is wanted now
}

func newWorker(o workerOptions) *worker {
	return &worker{o: o, running: make(map[uuid.UUID]*ongoing)}
}

// Work looks at the job's audit. It claims and runs the sync, or finds that there is
// nothing to do. Its errors are the database's; the outcome of a sync is in the audit.
func (w *worker) Work(ctx context.Context, job *river.Job[SyncArgs]) error {
	id := job.Args.SyncID
	err := panics.Catch(func() error { return w.look(ctx, job.ID, id) })
	panics.Logger(w.o.log, err).ErrorContext(ctx, "A panic kept a sync from being worked on or closed", "sync_id", id.String())
	return err
}

// look is Work for one sync.
func (w *worker) look(ctx context.Context, job int64, id uuid.UUID) error {
	if !w.o.alone { // then this replica may work on the older one, too
		overtakes, err := w.o.jobs.overtakes(ctx, id)
		if err != nil {
			return fmt.Errorf("claiming sync %s: %w", id, err)
		}
		if overtakes {
			return w.o.jobs.putOff(ctx, job, busyPause)
		}
	}
	run, err := w.o.audits.Claim(ctx, id, w.o.replica, w.o.lease, w.o.now())
	switch {
	case errors.Is(err, syncstore.ErrNotQueued):
		return nil // it ran, is over, or another worker has it: the job has nothing to do
	case errors.Is(err, syncstore.ErrClinicBusy):
		return w.o.jobs.putOff(ctx, job, busyPause) // R29: it waits its turn
	case err != nil:
		return fmt.Errorf("claiming sync %s: %w", id, err)
	}
	return w.work(ctx, run)
}

// work carries out a claimed attempt and closes its audit.
func (w *worker) work(ctx context.Context, run syncs.Run) error {
	started := w.o.now()
	w.o.observe.SyncStarted(run.Type)
	if !run.DueAt.IsZero() && run.Lease.Attempt == 1 {
		w.o.observe.SyncLate(started.Sub(run.DueAt))
	}
	ctx = postgres.Gathering(ctx)
	result, failure := w.attempt(ctx, run)
	var status syncs.Status
	err := panics.Catch(func() (err error) {
		status, err = w.conclude(ctx, run, result, failure)
		return err
	})
	if e := panics.In(err); e != nil { // the result itself may have caused the panic
		panics.Logger(w.o.log, e).ErrorContext(ctx, "A panic kept a sync from being closed with its result", attrs(run)...)
		status, err = w.conclude(ctx, run, syncs.Result{}, e)
	}
	if status == "" {
		w.o.observe.SyncGivenBack(run.Type)
	} else {
		w.o.observe.SyncEnded(run.Type, status, w.o.now().Sub(started))
	}
	return err
}

// conclude closes the audit of an attempt that ended with a result or a failure, and
// returns the sync's status. It returns no status where the sync is not over or belongs to
// another attempt. Its error is the database's; then a rescue continues the sync (R30).
func (w *worker) conclude(ctx context.Context, run syncs.Run, result syncs.Result, failure error) (syncs.Status, error) {
	if errors.Is(failure, syncs.ErrLeaseLost) { // R30: this attempt may not write any more
		w.takenOver(ctx, run)
		return "", nil
	}
	// Even when the process is ending, there is time to close the audit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if again, ok := w.again(run, failure); ok {
		switch err := w.giveBack(ctx, run, again); {
		case err == nil:
			return "", nil
		case errors.Is(err, syncs.ErrLeaseLost):
			w.takenOver(ctx, run)
			return "", nil
		case errors.Is(err, syncstore.ErrAlreadyQueued): // R29: the queued sync will do the same
		default:
			return "", fmt.Errorf("giving sync %s back to the queue: %w", run.Lease.AuditID, err)
		}
	}
	status, result := casesync.Conclude(result, failure)
	switch err := w.o.audits.Finish(ctx, run.Lease, status, result, w.o.now()); {
	case errors.Is(err, syncs.ErrLeaseLost):
		w.takenOver(ctx, run)
		return "", nil
	case err != nil:
		return "", fmt.Errorf("closing the audit of sync %s: %w", run.Lease.AuditID, err)
	}
	return status, nil
}

// giveBack makes an attempt's audit queued again and inserts a job for it that is due after
// a pause, in one transaction (R28). The error is postgres.ErrAlreadyQueued where a sync of
// its type already waits (R29).
func (w *worker) giveBack(ctx context.Context, run syncs.Run, pause time.Duration) error {
	return w.o.audits.GiveBack(ctx, run.Lease, w.o.now(), func(tx pgx.Tx) error {
		return w.o.jobs.callFor(ctx, tx, river.QueueDefault, pause, run.Lease.AuditID)
	})
}

// takenOver logs that another attempt has taken the sync over (R30).
func (w *worker) takenOver(ctx context.Context, run syncs.Run) {
	w.o.log.WarnContext(ctx, "Sync was taken over by another attempt", "sync_id", run.Lease.AuditID.String(), "attempt", run.Lease.Attempt)
}

// attrs identify a run in a log line.
func attrs(run syncs.Run) []any {
	return []any{"sync_id", run.Lease.AuditID.String(), "clinic_id", run.Lease.ClinicID.String(), "attempt", run.Lease.Attempt}
}

// attempt runs the sync under its time limit and its lease. Where the attempt was ended
// from outside, the error is the reason; a panic in any of its goroutines is such a reason
// (R58).
func (w *worker) attempt(ctx context.Context, run syncs.Run) (result syncs.Result, err error) {
	// The context is detached, so that only our own causes end the attempt.
	work, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	panicked := func(e *panics.Error) { end(e) }
	work = panics.WithOwner(work, panicked)
	stopWatching := panics.AfterEnd(ctx, func() { end(syncs.ErrShutdown) }, panicked)
	defer stopWatching()
	a := &ongoing{end, make(chan struct{}, 1)}
	w.track(run.Lease, a)
	defer w.untrack(run.Lease)

	limited, cancel := syncs.WithWorkLimit(work, w.o.timeLimit)
	defer cancel()
	beating, stopBeating := context.WithCancel(limited)
	beats := make(chan struct{})
	panics.Go(func() {
		defer close(beats)
		w.heartbeat(beating, run.Lease, a)
	}, panicked)
	defer func() { stopBeating(); <-beats }()

	returned := false
	err = panics.Catch(func() (err error) {
		result, err = w.o.run(limited, run)
		returned = true
		return err
	})
	if !returned { // a returned error is already logged
		panics.Logger(w.o.log, err).ErrorContext(ctx, "A panic ended a sync", attrs(run)...)
	}
	if err != nil && limited.Err() != nil && panics.In(err) == nil {
		err = context.Cause(limited)
	}
	return result, err
}

// again reports whether another attempt follows one that ended with err, and after which
// pause (R31, R32).
func (w *worker) again(run syncs.Run, err error) (pause time.Duration, again bool) {
	switch {
	case err == nil || errors.Is(err, syncs.ErrCancelled) || panics.In(err) != nil: // R58
		return 0, false
	case errors.Is(err, syncs.ErrShutdown):
		return 0, run.Lease.Attempt < maxAttempts
	case run.Trigger != syncs.TriggerSchedule || run.Lease.Attempt >= scheduledAttempts:
		return 0, false
	default:
		return retryPauses[run.Lease.Attempt-1], casesync.Explain(err).Code.Retryable()
	}
}

// heartbeat extends the lease, and ends the attempt when the lease is lost or the sync is
// cancelled (R30).
func (w *worker) heartbeat(ctx context.Context, lease syncs.Lease, a *ongoing) {
	ticker := time.NewTicker(w.o.lease / 3)
	defer ticker.Stop()
	held := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-a.beat:
		}
		cancelled, err := w.o.audits.Heartbeat(ctx, lease, w.o.lease)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, syncs.ErrLeaseLost):
			a.end(syncs.ErrLeaseLost)
			return
		case err == nil && cancelled:
			a.end(syncs.ErrCancelled)
			return
		case err == nil:
			held = time.Now()
		case time.Since(held) > w.o.lease: // the database is unreachable, and another replica may have taken over
			a.end(fmt.Errorf("%w: no heartbeat for %s", syncs.ErrLeaseLost, w.o.lease))
			return
		default:
			w.o.log.WarnContext(ctx, "Heartbeat failed", "sync_id", lease.AuditID.String(), "error", err.Error())
		}
	}
}

func (w *worker) track(lease syncs.Lease, a *ongoing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[lease.AuditID] = a
}

func (w *worker) untrack(lease syncs.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, lease.AuditID)
}

// end ends a sync that this replica works on; any other it leaves alone.
func (w *worker) end(id uuid.UUID, cause error) {
	w.mu.Lock()
	a := w.running[id]
	w.mu.Unlock()
	if a != nil {
		a.end(cause)
	}
}

// beatAll lets each sync of this replica have a heartbeat now.
func (w *worker) beatAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.running {
		select {
		case a.beat <- struct{}{}:
		default: // it will have one
		}
	}
}

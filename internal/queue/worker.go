package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// retryPauses are the waits before a scheduled sync's second and third attempt (R32).
var retryPauses = [scheduledAttempts - 1]time.Duration{time.Minute, 5 * time.Minute}

const (
	scheduledAttempts = 3               // of a sync that a schedule started (R32)
	closing           = 5 * time.Second // how long closing an audit may take once the process ends
)

// A worker carries out River's jobs.
type worker struct {
	river.WorkerDefaults[SyncArgs]
	queue *Queue
}

// Work looks at the job's audit. It claims and runs the sync, or finds that there is
// nothing to do. Its errors are the database's; the outcome of a sync is in the audit.
func (w *worker) Work(ctx context.Context, job *river.Job[SyncArgs]) error {
	id := job.Args.SyncID
	err := panics.Catch(func() error { return w.queue.look(ctx, job.ID, id) })
	panics.Logger(w.queue.log, err).ErrorContext(ctx, "A panic kept a sync from being worked on or closed", "sync_id", id.String())
	return err
}

// look is Work for one sync.
func (q *Queue) look(ctx context.Context, job int64, id uuid.UUID) error {
	if !q.o.Private { // then this replica may work on the older one, too
		overtakes, err := q.o.Audits.Overtakes(ctx, id)
		if err != nil {
			return fmt.Errorf("claiming sync %s: %w", id, err)
		}
		if overtakes {
			return q.putOff(ctx, job)
		}
	}
	run, err := q.o.Audits.Claim(ctx, id, q.o.Name, q.o.Lease, q.o.Now())
	switch {
	case errors.Is(err, postgres.ErrNotQueued):
		return nil // it ran, is over, or another worker has it: the job has nothing to do
	case errors.Is(err, postgres.ErrClinicBusy):
		return q.putOff(ctx, job) // R29: it waits its turn
	case err != nil:
		return fmt.Errorf("claiming sync %s: %w", id, err)
	}
	return q.work(ctx, run)
}

// putOff makes a job due again after a pause, by the database's clock. River's own snooze
// uses the replica's clock, and does nothing to a job that does not run (R3).
func (q *Queue) putOff(ctx context.Context, job int64) error {
	if err := q.o.Audits.PutOff(ctx, job, busyPause); err != nil {
		return fmt.Errorf("putting a job off: %w", err)
	}
	return river.JobSnooze(busyPause)
}

// work carries out a claimed attempt and closes its audit.
func (q *Queue) work(ctx context.Context, run syncs.Run) error {
	started := q.o.Now()
	q.o.Observe.SyncStarted(run.Type)
	if !run.DueAt.IsZero() && run.Lease.Attempt == 1 {
		q.o.Observe.SyncLate(started.Sub(run.DueAt))
	}
	result, failure := q.attempt(ctx, run)
	var status syncs.Status
	err := panics.Catch(func() (err error) {
		status, err = q.conclude(ctx, run, result, failure)
		return err
	})
	if e := panics.In(err); e != nil { // the result itself may have caused the panic
		panics.Logger(q.log, e).ErrorContext(ctx, "A panic kept a sync from being closed with its result", attrs(run)...)
		status, err = q.conclude(ctx, run, syncs.Result{}, e)
	}
	if status == "" {
		q.o.Observe.SyncGivenBack(run.Type)
	} else {
		q.o.Observe.SyncEnded(run.Type, status, q.o.Now().Sub(started))
	}
	return err
}

// conclude closes the audit of an attempt that ended with a result or a failure, and
// returns the sync's status. It returns no status where the sync is not over or belongs to
// another attempt. Its error is the database's; then a rescue continues the sync (R30).
func (q *Queue) conclude(ctx context.Context, run syncs.Run, result syncs.Result, failure error) (syncs.Status, error) {
	if errors.Is(failure, syncs.ErrLeaseLost) { // R30: this attempt may not write any more
		q.takenOver(ctx, run)
		return "", nil
	}
	// Even when the process is ending, there is time to close the audit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if again, ok := q.again(run, failure); ok {
		switch err := q.giveBack(ctx, run, again); {
		case err == nil:
			return "", nil
		case errors.Is(err, syncs.ErrLeaseLost):
			q.takenOver(ctx, run)
			return "", nil
		case errors.Is(err, postgres.ErrAlreadyQueued): // R29: the queued sync will do the same
		default:
			return "", fmt.Errorf("giving sync %s back to the queue: %w", run.Lease.AuditID, err)
		}
	}
	status, result := casesync.Conclude(result, failure)
	switch err := q.o.Audits.Finish(ctx, run.Lease, status, result, q.o.Now()); {
	case errors.Is(err, syncs.ErrLeaseLost):
		q.takenOver(ctx, run)
		return "", nil
	case err != nil:
		return "", fmt.Errorf("closing the audit of sync %s: %w", run.Lease.AuditID, err)
	}
	return status, nil
}

// takenOver logs that another attempt has taken the sync over (R30).
func (q *Queue) takenOver(ctx context.Context, run syncs.Run) {
	q.log.WarnContext(ctx, "Sync was taken over by another attempt", "sync_id", run.Lease.AuditID.String(), "attempt", run.Lease.Attempt)
}

// attrs identify a run in a log line.
func attrs(run syncs.Run) []any {
	return []any{"sync_id", run.Lease.AuditID.String(), "clinic_id", run.Lease.ClinicID.String(), "attempt", run.Lease.Attempt}
}

// attempt runs the sync under its time limit and its lease. Where the attempt was ended
// from outside, the error is the reason; a panic in any of its goroutines is such a reason
// (R58).
func (q *Queue) attempt(ctx context.Context, run syncs.Run) (result syncs.Result, err error) {
	// The context is detached, so that only our own causes end the attempt.
	work, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	panicked := func(e *panics.Error) { end(e) }
	work = panics.WithOwner(work, panicked)
	stopWatching := panics.AfterEnd(ctx, func() { end(syncs.ErrShutdown) }, panicked)
	defer stopWatching()
	q.track(run.Lease, end)
	defer q.untrack(run.Lease)

	limited, cancel := casesync.WithWorkLimit(work, q.o.TimeLimit)
	defer cancel()
	beating, stopBeating := context.WithCancel(limited)
	beats := make(chan struct{})
	panics.Go(func() {
		defer close(beats)
		q.heartbeat(beating, run.Lease, end)
	}, panicked)
	defer func() { stopBeating(); <-beats }()

	returned := false
	err = panics.Catch(func() (err error) {
		result, err = q.o.Run(limited, run)
		returned = true
		return err
	})
	if !returned { // a returned error is already logged
		panics.Logger(q.log, err).ErrorContext(ctx, "A panic ended a sync", attrs(run)...)
	}
	if err != nil && limited.Err() != nil && panics.In(err) == nil {
		err = context.Cause(limited)
	}
	return result, err
}

// again reports whether another attempt follows one that ended with err, and after which
// pause (R31, R32).
func (q *Queue) again(run syncs.Run, err error) (pause time.Duration, again bool) {
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
func (q *Queue) heartbeat(ctx context.Context, lease syncs.Lease, end context.CancelCauseFunc) {
	ticker := time.NewTicker(q.o.Lease / 3)
	defer ticker.Stop()
	held := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		cancelled, err := q.o.Audits.Heartbeat(ctx, lease, q.o.Lease)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, syncs.ErrLeaseLost):
			end(syncs.ErrLeaseLost)
			return
		case err == nil && cancelled:
			end(syncs.ErrCancelled)
			return
		case err == nil:
			held = time.Now()
		case time.Since(held) > q.o.Lease: // the database is unreachable, and another replica may have taken over
			end(fmt.Errorf("%w: no heartbeat for %s", syncs.ErrLeaseLost, q.o.Lease))
			return
		default:
			q.log.WarnContext(ctx, "Heartbeat failed", "sync_id", lease.AuditID.String(), "error", err.Error())
		}
	}
}

func (q *Queue) track(lease syncs.Lease, end context.CancelCauseFunc) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running[lease.AuditID] = end
}

func (q *Queue) untrack(lease syncs.Lease) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.running, lease.AuditID)
}

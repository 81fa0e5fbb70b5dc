package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// rescueLoop takes up the syncs whose replica died (R30), at the start and then
// thrice in a lease, and says that this one lives.
func (q *Queue) rescueLoop(ctx context.Context) {
	q.loops.Every(ctx, "rescue", q.o.Lease/3, func() {
		if err := errors.Join(q.o.Replicas.Seen(ctx, q.o.Name, q.o.KeyIDs), q.Rescue(ctx)); err != nil && ctx.Err() == nil {
			q.log.WarnContext(ctx, "Rescue failed", "error", err.Error())
		}
	})
}

// ReplicaSilence is how long a replica may be silent and still count as alive.
const ReplicaSilence = 2 * defaultLease

// Rescue gives every sync whose lease has run out back to the queue, or closes it
// as interrupted where that was tried often enough (R30). It also calls again for
// audits that are queued and have no job. One that cannot be helped now, such as
// one whose row a stopped process has locked, holds up no other.
func (q *Queue) Rescue(ctx context.Context) error {
	lost, err := q.o.Audits.Expired(ctx)
	if err != nil {
		return fmt.Errorf("looking for syncs of dead replicas: %w", err)
	}
	failures := make([]error, 0, len(lost)+1)
	for _, run := range lost {
		failures = append(failures, q.inTime(ctx, func(ctx context.Context) error { return q.rescue(ctx, run) }))
	}
	failures = append(failures, q.inTime(ctx, func(ctx context.Context) error {
		return q.o.Audits.Forgotten(ctx, q.o.Lease, func(tx pgx.Tx, syncIDs []uuid.UUID) error {
			return q.callFor(ctx, tx, river.QueueDefault, 0, syncIDs...)
		})
	}))
	return errors.Join(failures...)
}

// rescueLimit is how long one rescue may take; the next round tries again.
const rescueLimit = 3 * time.Second

// inTime rescues one. A panic is its error, so that the others are rescued (R58).
func (q *Queue) inTime(ctx context.Context, rescue func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, rescueLimit)
	defer cancel()
	return q.loops.Survive(ctx, "rescue", func() error { return rescue(ctx) })
}

func (q *Queue) rescue(ctx context.Context, run syncs.Run) error {
	log := q.log.With("sync_id", run.Lease.AuditID.String(), "clinic_id", run.Lease.ClinicID.String(), "attempt", run.Lease.Attempt)
	if run.Lease.Attempt < maxAttempts {
		err := q.o.Audits.Rescue(ctx, run.Lease, q.o.Now(), func(tx pgx.Tx) error {
			return q.callFor(ctx, tx, river.QueueDefault, 0, run.Lease.AuditID)
		})
		switch {
		case err == nil:
			log.WarnContext(ctx, "Sync of a dead replica is taken up again")
			return nil
		case errors.Is(err, syncs.ErrLeaseLost): // another replica was quicker, or it lives
			return nil
		case !errors.Is(err, postgres.ErrAlreadyQueued):
			return fmt.Errorf("taking up sync %s: %w", run.Lease.AuditID, err)
		}
	}
	status, result := casesync.Conclude(syncs.Result{}, syncs.Fail(syncs.CodeInterrupted,
		"the replica that worked on the sync ended; what it had stored stays, the next sync goes on from there"))
	err := q.o.Audits.Finish(ctx, run.Lease, status, result, q.o.Now())
	if err != nil && !errors.Is(err, syncs.ErrLeaseLost) {
		return fmt.Errorf("closing sync %s: %w", run.Lease.AuditID, err)
	}
	log.WarnContext(ctx, "Sync of a dead replica was closed")
	return nil
}

// giveBack makes an attempt's audit queued again, with a job that calls for it
// after a pause, in one transaction (R28). postgres.ErrAlreadyQueued where one of
// its type waits already (R29).
func (q *Queue) giveBack(ctx context.Context, run syncs.Run, pause time.Duration) error {
	return q.o.Audits.GiveBack(ctx, run.Lease, q.o.Now(), func(tx pgx.Tx) error {
		return q.callFor(ctx, tx, river.QueueDefault, pause, run.Lease.AuditID)
	})
}

// callFor inserts the jobs that call for syncs.
func (q *Queue) callFor(ctx context.Context, tx pgx.Tx, queue string, pause time.Duration, syncIDs ...uuid.UUID) error {
	params := make([]river.InsertManyParams, len(syncIDs))
	for i, id := range syncIDs {
		o := &river.InsertOpts{Queue: queue}
		if pause > 0 {
			o.ScheduledAt = q.o.Now().Add(pause)
		}
		params[i] = river.InsertManyParams{Args: SyncArgs{SyncID: id}, InsertOpts: o}
	}
	return q.insert(ctx, tx, params, pause)
}

// insert inserts jobs that are due a pause from now by the database's clock: River
// takes the replica's, and compares it with the database's (R3).
func (q *Queue) insert(ctx context.Context, tx pgx.Tx, params []river.InsertManyParams, pause time.Duration) error {
	if len(params) == 0 {
		return nil
	}
	jobs, err := q.client.InsertManyTx(ctx, tx, params)
	if err != nil {
		return fmt.Errorf("inserting the jobs: %w", err)
	}
	ids := make([]int64, len(jobs))
	for i, job := range jobs {
		ids[i] = job.Job.ID
	}
	return postgres.DueIn(ctx, tx, pause, ids)
}

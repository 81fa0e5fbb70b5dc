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

// rescueLoop takes up the syncs of dead replicas (R30), at the start and then three times
// in a lease, and records that this replica is alive.
func (q *Queue) rescueLoop(ctx context.Context) {
	q.loops.Every(ctx, "rescue", q.o.Lease/3, func() {
		if err := errors.Join(q.o.Replicas.Seen(ctx, q.o.Name, q.o.KeyIDs), q.Rescue(ctx)); err != nil && ctx.Err() == nil {
			q.log.WarnContext(ctx, "Rescue failed", "error", err.Error())
		}
	})
}

// ReplicaSilence is how long ago a replica may last have reported and still count as alive.
const ReplicaSilence = 2 * defaultLease

// Rescue gives every sync whose lease has expired back to the queue, or closes it as
// interrupted after its last attempt (R30). It also inserts a job for each queued audit
// without one. A sync that cannot be rescued now, for example because a stopped process has
// locked its row, does not delay the others.
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

// inTime rescues one sync within rescueLimit. A panic becomes its error, so that the others
// are rescued (R58).
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
		case errors.Is(err, syncs.ErrLeaseLost): // another replica was quicker, or the attempt is alive
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

// giveBack makes an attempt's audit queued again and inserts a job for it that is due after
// a pause, in one transaction (R28). The error is postgres.ErrAlreadyQueued where a sync of
// its type already waits (R29).
func (q *Queue) giveBack(ctx context.Context, run syncs.Run, pause time.Duration) error {
	return q.o.Audits.GiveBack(ctx, run.Lease, q.o.Now(), func(tx pgx.Tx) error {
		return q.callFor(ctx, tx, river.QueueDefault, pause, run.Lease.AuditID)
	})
}

// callFor inserts jobs for syncs.
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

// insert inserts jobs that are due after a pause from now by the database's clock. River
// would use the replica's clock and compare it with the database's (R3).
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

package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// rescuerOptions configure a rescuer.
type rescuerOptions struct {
	audits   *syncstore.Audits
	replicas *postgres.Replicas
	jobs     *jobs
	replica  string   // its name
	keyIDs   []string // of its encryption keys (R37)
	lease    time.Duration
	kinds    []string // of jobs besides syncs
	now      func() time.Time
	loops    *panics.Loops
	log      *slog.Logger
}

// A rescuer takes up the work of dead replicas, and records that its own is alive.
type rescuer struct{ o rescuerOptions }

// loop takes up the syncs of dead replicas (R30), at the start and then three times
// in a lease, and records that this replica is alive.
func (r *rescuer) loop(ctx context.Context) {
	r.o.loops.Try(ctx, "rescue", r.o.lease/3, slog.LevelWarn, "Rescue failed", func() error {
		return errors.Join(r.o.replicas.Seen(ctx, r.o.replica, r.o.keyIDs), r.rescueAll(ctx))
	})
}

// ReplicaSilence is how long ago a replica may last have reported and still count as alive.
const ReplicaSilence = 2 * defaultLease

// rescueAll gives every sync whose lease has expired back to the queue, or closes it as
// interrupted after its last attempt (R30). It also inserts a job for each queued audit
// without one, and makes the other jobs of dead replicas due again. A sync that cannot be rescued now, for example because a stopped process has
// locked its row, does not delay the others.
func (r *rescuer) rescueAll(ctx context.Context) error {
	lost, err := r.o.audits.Expired(ctx)
	if err != nil {
		return fmt.Errorf("looking for syncs of dead replicas: %w", err)
	}
	failures := make([]error, 0, len(lost)+1)
	for _, run := range lost {
		failures = append(failures, r.inTime(ctx, func(ctx context.Context) error { return r.rescue(ctx, run) }))
	}
	failures = append(failures, r.inTime(ctx, func(ctx context.Context) error {
		found, err := r.o.jobs.callForgotten(ctx)
		if found > 0 {
			r.o.log.WarnContext(ctx, "Queued syncs without a job have one again", "syncs", found)
		}
		return err
	}), r.inTime(ctx, func(ctx context.Context) error {
		found, err := r.o.jobs.takeBack(ctx, r.o.kinds)
		if found > 0 {
			r.o.log.WarnContext(ctx, "Jobs of a dead replica are due again", "jobs", found)
		}
		return err
	}))
	return errors.Join(failures...)
}

// rescueLimit is how long one rescue may take; the next round tries again.
const rescueLimit = 3 * time.Second

// inTime rescues one sync within rescueLimit. A panic becomes its error, so that the others
// are rescued (R58).
func (r *rescuer) inTime(ctx context.Context, rescue func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, rescueLimit)
	defer cancel()
	return r.o.loops.Survive(ctx, "rescue", func() error { return rescue(ctx) })
}

func (r *rescuer) rescue(ctx context.Context, run syncs.Run) error {
	log := r.o.log.With("sync_id", run.Lease.AuditID.String(), "clinic_id", run.Lease.ClinicID.String(), "attempt", run.Lease.Attempt)
	if run.Lease.Attempt < maxAttempts {
		err := r.o.audits.Rescue(ctx, run.Lease, r.o.now(), func(tx pgx.Tx) error {
			return r.o.jobs.callFor(ctx, tx, river.QueueDefault, 0, run.Lease.AuditID)
		})
		switch {
		case err == nil:
			log.WarnContext(ctx, "Sync of a dead replica is taken up again")
			return nil
		case errors.Is(err, syncs.ErrLeaseLost): // another replica was quicker, or the attempt is alive
			return nil
		case !errors.Is(err, syncstore.ErrAlreadyQueued):
			return fmt.Errorf("taking up sync %s: %w", run.Lease.AuditID, err)
		}
	}
	status, result := casesync.Conclude(syncs.Result{}, syncs.Fail(syncs.CodeInterrupted,
		"the replica that worked on the sync ended; what it had stored stays, the next sync goes on from there"))
	err := r.o.audits.Finish(ctx, run.Lease, status, result, r.o.now())
	if err != nil && !errors.Is(err, syncs.ErrLeaseLost) {
		return fmt.Errorf("closing sync %s: %w", run.Lease.AuditID, err)
	}
	log.WarnContext(ctx, "Sync of a dead replica was closed")
	return nil
}

package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	// holdLease locks the audit of a lease until the transaction ends, so that it cannot be
	// closed or taken over. It fails where the lease is no longer held (R30).
	holdLease = "select hold_lease($1, $2, $3)"

	// leaseLost is the SQLSTATE of that failure.
	leaseLost = "PS001"
)

// Fenced runs the statements that queue puts into the batch in one transaction under the
// lease. The fence travels in the same round trip (R15, R30). It returns
// syncs.ErrLeaseLost, and has changed nothing, where the lease is lost. queue may be called
// again; actor may be empty.
//
// The commit is relaxed: it is on disk at the latest when the end of the sync is, and a
// sync without an end is run again.
func (db *DB) Fenced(ctx context.Context, operation string, lease syncs.Lease, actor string, queue func(*pgx.Batch) error) error {
	return db.Fence(ctx, operation, lease, Scope{ClinicID: lease.ClinicID, Actor: actor, Relaxed: true, Keyed: true}, queue)
}

// Fence is Fenced with a scope of its own.
func (db *DB) Fence(ctx context.Context, operation string, lease syncs.Lease, s Scope, queue func(*pgx.Batch) error) error {
	waited := takeWaiting(ctx)
	err := db.fence(ctx, operation, lease, s, append(slices.Clip(waited), queue)...)
	if err == nil || len(waited) == 0 || errors.Is(err, syncs.ErrLeaseLost) || ctx.Err() != nil {
		return err
	}
	// One of them may have failed. Each gets a transaction of its own, so that the others are
	// carried out.
	var failed error
	for _, one := range append(waited, queue) {
		failed = errors.Join(failed, db.fence(ctx, operation, lease, s, one))
	}
	return failed
}

func (db *DB) fence(ctx context.Context, operation string, lease syncs.Lease, s Scope, queues ...func(*pgx.Batch) error) error {
	return db.Translate(ctx, operation, again(ctx, func() error {
		var batch pgx.Batch
		db.queue(&batch, s, false)
		batch.Queue(holdLease, lease.AuditID, lease.ClinicID, lease.Attempt)
		for _, queue := range queues {
			if err := queue(&batch); err != nil {
				return err
			}
		}
		return db.pool.SendBatch(ctx, &batch).Close()
	}))
}

// SyncActor returns the actor of a sync's events (R14).
func SyncActor(syncID uuid.UUID) string { return "sync:" + syncID.String() }

// UnderLease runs fn in one transaction under the lease, like Fenced, where one statement
// depends on the result of another.
func (db *DB) UnderLease(ctx context.Context, operation string, lease syncs.Lease, fn func(*dbsqlc.Queries) error) error {
	if waited := takeWaiting(ctx); len(waited) > 0 {
		if err := db.fence(ctx, operation, lease, Scope{ClinicID: lease.ClinicID, Keyed: true}, waited...); err != nil {
			return err
		}
	}
	return db.InClinic(ctx, operation, lease.ClinicID, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, holdLease, lease.AuditID, lease.ClinicID, lease.Attempt); err != nil {
			return err
		}
		return fn(dbsqlc.New(tx))
	})
}

package postgres

import (
	"context"

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

// fenced runs the statements that queue puts into the batch in one transaction under the
// lease. The fence travels in the same round trip (R15, R30). It returns
// syncs.ErrLeaseLost, and has changed nothing, where the lease is lost. queue may be called
// again; actor may be empty.
//
// The commit is relaxed: it is on disk at the latest when the end of the sync is, and a
// sync without an end is run again.
func (db *DB) fenced(ctx context.Context, operation string, lease syncs.Lease, actor string, queue func(*pgx.Batch) error) error {
	return db.fence(ctx, operation, lease, scope{clinicID: lease.ClinicID, actor: actor, relaxed: true}, queue)
}

// fence is fenced with a scope.
func (db *DB) fence(ctx context.Context, operation string, lease syncs.Lease, s scope, queue func(*pgx.Batch) error) error {
	return db.translate(ctx, operation, again(ctx, func() error {
		var batch pgx.Batch
		db.queue(&batch, s, false)
		batch.Queue(holdLease, lease.AuditID, lease.ClinicID, lease.Attempt)
		if err := queue(&batch); err != nil {
			return err
		}
		return db.pool.SendBatch(ctx, &batch).Close()
	}))
}

// syncActor returns the actor of a sync's events (R14).
func syncActor(syncID uuid.UUID) string { return "sync:" + syncID.String() }

// underLease runs fn in one transaction under the lease, like fenced, where one statement
// depends on the result of another.
func (db *DB) underLease(ctx context.Context, operation string, lease syncs.Lease, fn func(*dbsqlc.Queries) error) error {
	return db.InClinic(ctx, operation, lease.ClinicID, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, holdLease, lease.AuditID, lease.ClinicID, lease.Attempt); err != nil {
			return err
		}
		return fn(dbsqlc.New(tx))
	})
}

package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pims-sync/pims-sync/internal/casesync"
)

// fence locks the audit of a lease against being closed or taken over until the
// transaction ends; it finds no row where the lease is no longer held (R30).
const fence = `
select 1 from case_sync_audits
where id = $1 and clinic_id = $2 and attempt = $3 and status = 'in_progress'
for share`

// fenced runs the statements that queue puts into the batch in one transaction
// under the lease, and in one round trip with its fence (R15, R30). It answers
// casesync.ErrLeaseLost, and has changed nothing, where the lease is lost. queue
// may be called again; actor may be empty.
func (db *DB) fenced(ctx context.Context, operation string, lease casesync.Lease, actor string, queue func(*pgx.Batch)) error {
	return db.InClinicAs(ctx, operation, lease.ClinicID, actor, func(tx pgx.Tx) error {
		var batch pgx.Batch
		batch.Queue(fence, lease.AuditID, lease.ClinicID, lease.Attempt).Exec(held)
		queue(&batch)
		return tx.SendBatch(ctx, &batch).Close()
	})
}

// held reads the fence's answer.
func held(tag pgconn.CommandTag) error {
	if tag.RowsAffected() == 0 {
		return casesync.ErrLeaseLost
	}
	return nil
}

// syncActor is the actor of the events of a sync (R14).
func syncActor(syncID uuid.UUID) string { return "sync:" + syncID.String() }

// underLease runs fn in one transaction under the lease, as fenced does.
func (db *DB) underLease(ctx context.Context, operation string, lease casesync.Lease, fn func(pgx.Tx) error) error {
	return db.InClinic(ctx, operation, lease.ClinicID, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, fence, lease.AuditID, lease.ClinicID, lease.Attempt)
		if err != nil {
			return err
		}
		if err := held(tag); err != nil {
			return err
		}
		return fn(tx)
	})
}

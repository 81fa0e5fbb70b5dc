package syncstore

import (
	"context"
	"errors"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// interrupted is the error of a phase whose attempt ended before it.
const interrupted = "the attempt ended before the phase did"

// Finish closes the audit of an attempt with its result (R30). Open phases are closed as
// interrupted. The error is syncs.ErrLeaseLost where the audit no longer belongs to this
// attempt.
func (s *Audits) Finish(ctx context.Context, lease syncs.Lease, status syncs.Status, result syncs.Result, at time.Time) error {
	row, err := closing(lease, lease.AuditID, status, result, at)
	if err != nil {
		return err
	}
	// This commit is not relaxed: once it has succeeded, everything that the sync has
	// written is on disk.
	return s.db.Fence(ctx, "close the audit", lease, postgres.Scope{ClinicID: lease.ClinicID}, func(batch *pgx.Batch) error {
		return finish(ctx, postgres.Queued(batch), lease, row)
	})
}

// finish closes the audit of a lease that is held.
func finish(ctx context.Context, q *dbsqlc.Queries, lease syncs.Lease, row dbsqlc.CloseAuditParams) error {
	if err := q.CloseAudit(ctx, row); err != nil {
		return err
	}
	return endAttempt(ctx, q, lease, *row.CompletedAt)
}

// endAttempt removes the lease and closes all open phases (R30).
func endAttempt(ctx context.Context, q *dbsqlc.Queries, lease syncs.Lease, at time.Time) error {
	err := q.InterruptPhases(ctx, dbsqlc.InterruptPhasesParams{
		ParentID: &lease.AuditID, ClinicID: lease.ClinicID, CompletedAt: &at, ErrorMessage: null.Text(interrupted),
	})
	if err != nil {
		return err
	}
	return q.DeleteLease(ctx, lease.AuditID, lease.ClinicID)
}

// giveBack carries out GiveBack within a transaction. It locks the audit before it reads
// the lease, so that no cancellation is missed.
func giveBack(ctx context.Context, tx pgx.Tx, lease syncs.Lease, at time.Time, call func(pgx.Tx) error) error {
	q := dbsqlc.New(tx)
	if _, err := q.LockRunningAudit(ctx, lease.AuditID, lease.ClinicID, int32(lease.Attempt)); err != nil { //nolint:gosec // small
		return null.Found(err, syncs.ErrLeaseLost)
	}
	held, err := q.LockLease(ctx, lease.AuditID, lease.ClinicID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if held.Cancelled {
		status, result := casesync.Conclude(syncs.Result{}, syncs.ErrCancelled)
		row, err := closing(lease, lease.AuditID, status, result, at)
		if err != nil {
			return err
		}
		return finish(ctx, q, lease, row)
	}
	if err := q.RequeueAudit(ctx, lease.AuditID, lease.ClinicID); err != nil {
		if postgres.Violates(err, "case_sync_audits_queued") {
			return ErrAlreadyQueued
		}
		return err
	}
	if err := endAttempt(ctx, q, lease, at); err != nil {
		return err
	}
	return call(tx)
}

// mustBeExpired returns syncs.ErrLeaseLost unless the lease has expired. It also prevents
// an extension of the lease until the transaction ends.
func mustBeExpired(ctx context.Context, tx pgx.Tx, lease syncs.Lease) error {
	q := dbsqlc.New(tx)
	if _, err := q.LockRunningAudit(ctx, lease.AuditID, lease.ClinicID, int32(lease.Attempt)); err != nil { //nolint:gosec // small
		return null.Found(err, syncs.ErrLeaseLost)
	}
	held, err := q.LockLease(ctx, lease.AuditID, lease.ClinicID)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // no lease: the audit was made by hand
		return nil
	case err != nil:
		return err
	case !held.Expired:
		return syncs.ErrLeaseLost
	}
	return nil
}

// Cancel closes a queued sync as cancelled, and asks a running one to end: its worker is
// notified, and its next heartbeat says so. A sync that is over stays as it is. The id of a
// phase stands for its full sync. The error is CodeNotFound where the clinic has no such
// sync.
func (s *Audits) Cancel(ctx context.Context, clinicID, id uuid.UUID, at time.Time) error {
	return s.db.InClinic(ctx, "cancel the sync", clinicID, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		audit, err := q.LockAudit(ctx, clinicID, id)
		if err != nil {
			return null.Found(err, errNoSync())
		}
		switch syncs.Status(audit.Status) {
		case syncs.StatusQueued:
			return q.CancelQueuedAudit(ctx, dbsqlc.CancelQueuedAuditParams{
				ID: audit.ID, ClinicID: clinicID, CompletedAt: &at, ErrorMessage: null.Text(syncs.ErrCancelled.Error()),
			})
		case syncs.StatusInProgress:
			return q.AskToCancel(ctx, &at, audit.ID, clinicID)
		default:
			return nil
		}
	})
}

func errNoSync() error {
	return syncs.Fail(syncs.CodeNotFound, "the clinic has no such sync")
}

// unleased is how long a running audit may be without a lease. After that it counts as made
// by hand, without a worker.
const unleased = time.Minute

// Expired lists the running syncs whose lease has expired by the database's clock (R3,
// R30): their worker is gone. It crosses clinics (R41).
func (s *Audits) Expired(ctx context.Context) (runs []syncs.Run, err error) {
	err = s.db.AskSystem(ctx, "look for expired leases", func(q *dbsqlc.Queries) error {
		rows, err := q.ExpiredLeases(ctx, unleased.Seconds())
		runs = make([]syncs.Run, len(rows))
		for i, row := range rows {
			options, approval, _ := decodeRequest(row.Request) // Claim refuses a request that cannot be decoded
			runs[i] = syncs.Run{
				Lease:   syncs.Lease{ClinicID: row.ClinicID, AuditID: row.ID, Attempt: int(row.Attempt)},
				Type:    syncs.Type(row.SyncType),
				Trigger: syncs.Trigger(row.Trigger),
				Options: options, Approval: approval,
			}
		}
		return err
	})
	return runs, err
}

package syncstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Audits stores the audits of syncs and the leases of their workers: an audit is queued,
// claimed, given back, closed (R28–R30). A method that takes a function with a transaction
// runs it in the audit's own transaction, so that the queue's job is inserted together with
// the audit. The function may be called again after a deadlock.
type Audits struct {
	db      *postgres.DB
	reports *reports
}

// NewAudits returns the store of the audits.
func NewAudits(db *postgres.DB) *Audits { return &Audits{db: db, reports: newReports()} }

// Why an audit cannot be queued or claimed.
var (
	// ErrNotQueued: there is nothing to claim. The audit is already claimed, over, or
	// unknown.
	ErrNotQueued = errors.New("the sync is not queued")

	// ErrClinicBusy: another sync of the clinic is running (R29).
	ErrClinicBusy = errors.New("another sync of the clinic is running")

	// ErrAlreadyQueued: another sync of the clinic and type waits already (R29).
	ErrAlreadyQueued = errors.New("another sync of the clinic and type is queued")

	// ErrIdempotencyMismatch: the idempotency key was used with another request (R29).
	ErrIdempotencyMismatch = errors.New("the idempotency key was used with another request")
)

// A BusyError names the sync that prevents a new one (R29). The id is zero where one after
// the other was in the way, and each had ended when it was looked for.
type BusyError struct{ SyncID uuid.UUID }

func (e *BusyError) Error() string {
	if e.SyncID == uuid.Nil {
		return "syncs of the clinic begin and end at this moment"
	}
	return fmt.Sprintf("sync %s of the clinic is running or queued", e.SyncID)
}

// idempotencyLifetime is how long an Idempotency-Key is remembered (R29).
const idempotencyLifetime = 24 * time.Hour

// Enqueue writes an audit as queued, and calls call to insert its job, in one transaction
// (R28). It returns the audit's id. Where the idempotency key was used with the same
// request before, it returns the id of that sync and does not call call.
//
// It fails with
//   - *BusyError where a sync of the type is queued or, unless the trigger is a schedule, a
//     sync of the clinic is running;
//   - ErrIdempotencyMismatch;
//   - call's error (R29).
//
// An empty key means none.
func (s *Audits) Enqueue(ctx context.Context, audit syncs.Audit, idempotencyKey string, call func(pgx.Tx) error) (id uuid.UUID, err error) {
	e, err := newEnqueuing(audit, idempotencyKey)
	if err != nil {
		return uuid.Nil, err
	}
	err = s.db.InClinic(ctx, "queue the sync", audit.ClinicID, func(tx pgx.Tx) error {
		e.tx, e.q = tx, dbsqlc.New(tx)
		id, err = e.enqueue(ctx, call)
		return err
	})
	return id, err
}

// Remembered returns the sync for which an idempotency key was used; a zero id means none.
// A key is valid for a time before the audit's creation. The error is
// ErrIdempotencyMismatch where the key was used with another request (R29). The audit needs
// no id.
func (s *Audits) Remembered(ctx context.Context, audit syncs.Audit, idempotencyKey string) (id uuid.UUID, err error) {
	e, err := newEnqueuing(audit, idempotencyKey)
	if err != nil || idempotencyKey == "" {
		return uuid.Nil, err
	}
	err = s.db.InClinic(ctx, "look the idempotency key up", audit.ClinicID, func(tx pgx.Tx) error {
		e.tx, e.q = tx, dbsqlc.New(tx)
		id, err = e.remembered(ctx)
		return err
	})
	return id, err
}

// enqueuing is one call of Enqueue.
type enqueuing struct {
	tx        pgx.Tx
	q         *dbsqlc.Queries
	audit     syncs.Audit
	request   []byte
	key, hash string
}

func newEnqueuing(audit syncs.Audit, key string) (*enqueuing, error) {
	request, err := encodeRequest(audit.Options, audit.Approval)
	if err != nil {
		return nil, err
	}
	return &enqueuing{audit: audit, request: request, key: key, hash: requestHash(audit.Type, request)}, nil
}

func (e *enqueuing) enqueue(ctx context.Context, call func(pgx.Tx) error) (uuid.UUID, error) {
	if earlier, err := e.remembered(ctx); earlier != uuid.Nil || err != nil {
		return earlier, err
	}
	for range insertTries {
		inserted, err := e.insert(ctx)
		switch {
		case err != nil:
			return uuid.Nil, err
		case inserted:
			if err := e.remember(ctx); err != nil {
				return uuid.Nil, err
			}
			return e.audit.ID, call(e.tx)
		}
		// The same request may have come twice at the same time.
		if earlier, err := e.remembered(ctx); earlier != uuid.Nil || err != nil {
			return earlier, err
		}
		if err := e.busy(ctx); err != nil {
			return uuid.Nil, err
		}
	}
	return uuid.Nil, &BusyError{}
}

// insertTries is how often a sync is inserted anew because the one that was in the way has
// just ended.
const insertTries = 3

// remember stores the key. Two requests of different types may bring it at the same time.
func (e *enqueuing) remember(ctx context.Context) error {
	if e.key == "" {
		return nil
	}
	err := e.q.InsertIdempotencyKey(ctx, dbsqlc.InsertIdempotencyKeyParams{
		ClinicID: e.audit.ClinicID, Key: e.key, RequestHash: e.hash, SyncID: e.audit.ID, CreatedAt: e.audit.CreatedAt,
	})
	if postgres.Violates(err, "idempotency_keys_pkey") {
		return ErrIdempotencyMismatch
	}
	return err
}

// remembered returns the sync of an earlier use of the key; zero: none.
func (e *enqueuing) remembered(ctx context.Context) (uuid.UUID, error) {
	if e.key == "" {
		return uuid.Nil, nil
	}
	expired := e.audit.CreatedAt.Add(-idempotencyLifetime)
	if err := e.q.ForgetIdempotencyKey(ctx, e.audit.ClinicID, e.key, expired); err != nil {
		return uuid.Nil, err
	}
	earlier, err := e.q.IdempotencyKey(ctx, e.audit.ClinicID, e.key)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return uuid.Nil, nil
	case err != nil:
		return uuid.Nil, err
	case earlier.RequestHash != e.hash:
		return uuid.Nil, ErrIdempotencyMismatch
	}
	return earlier.SyncID, nil
}

func (e *enqueuing) insert(ctx context.Context) (bool, error) {
	n, err := e.q.InsertAudit(ctx, dbsqlc.InsertAuditParams{
		ID:               e.audit.ID,
		ClinicID:         e.audit.ClinicID,
		SyncType:         string(e.audit.Type),
		Trigger:          string(e.audit.Trigger),
		Request:          e.request,
		CreatedAt:        e.audit.CreatedAt,
		RunningConflicts: e.runningConflicts(),
	})
	return n > 0, err
}

// runningConflicts reports whether a running sync prevents this one. A scheduled sync waits
// for its turn instead (R29).
func (e *enqueuing) runningConflicts() bool { return e.audit.Trigger != syncs.TriggerSchedule }

// busy returns the error that names the sync in the way; nil: it has just ended.
func (e *enqueuing) busy(ctx context.Context) error {
	id, err := e.q.ConflictingAudit(ctx, e.audit.ClinicID, string(e.audit.Type), e.runningConflicts())
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &BusyError{SyncID: id}
}

// requestHash returns a hash that is equal only for equal requests.
func requestHash(t syncs.Type, request []byte) string {
	sum := sha256.Sum256(append([]byte(t+"\n"), request...))
	return hex.EncodeToString(sum[:])
}

// Claim makes a queued audit this worker's: in progress, with one more attempt and a lease
// of the given length by the database's clock (R3, R28). The error is ErrNotQueued where
// there is nothing to claim, and ErrClinicBusy where another sync of the clinic runs (R29).
// An audit whose request cannot be decoded is closed as failed.
func (s *Audits) Claim(ctx context.Context, id uuid.UUID, worker string, lasts time.Duration, at time.Time) (run syncs.Run, err error) {
	var unreadable error
	err = s.db.AskSystem(ctx, "claim the sync", func(q *dbsqlc.Queries) error {
		row, err := q.ClaimAudit(ctx, dbsqlc.ClaimAuditParams{ID: id, StartedAt: &at, Worker: worker, Seconds: lasts.Seconds()})
		if postgres.Violates(err, "case_sync_audits_running") {
			return ErrClinicBusy
		}
		if err != nil {
			return null.Found(err, ErrNotQueued)
		}
		run = syncs.Run{
			Lease:   syncs.Lease{ClinicID: row.ClinicID, AuditID: id, Attempt: int(row.Attempt)},
			Type:    syncs.Type(row.SyncType),
			Trigger: syncs.Trigger(row.Trigger),
			DueAt:   null.Value(row.DueAt),
		}
		run.Options, run.Approval, unreadable = decodeRequest(row.Request)
		return nil
	})
	if err == nil && unreadable != nil {
		status, result := casesync.Conclude(syncs.Result{}, unreadable)
		return syncs.Run{}, cmp.Or(s.Finish(ctx, run.Lease, status, result, at), ErrNotQueued)
	}
	return run, err
}

// Heartbeat extends the lease to the given length from now, and reports whether the sync is
// to be cancelled. The error is syncs.ErrLeaseLost where the lease is no longer held.
func (s *Audits) Heartbeat(ctx context.Context, lease syncs.Lease, lasts time.Duration) (cancelled bool, err error) {
	err = s.db.AskInClinic(ctx, "extend the lease", lease.ClinicID, func(q *dbsqlc.Queries) error {
		cancelled, err = q.ExtendLease(ctx, dbsqlc.ExtendLeaseParams{
			AuditID: lease.AuditID, ClinicID: lease.ClinicID, Attempt: int32(lease.Attempt), Seconds: lasts.Seconds(), //nolint:gosec // small
		})
		return null.Found(err, syncs.ErrLeaseLost)
	})
	return cancelled, err
}

// GiveBack ends an attempt and makes its audit queued again, with call's job, in one
// transaction (R28, R31). Open phases are closed as interrupted. It fails with
// syncs.ErrLeaseLost, or with ErrAlreadyQueued where another sync of the type waits; then
// nothing has changed. A sync that was cancelled meanwhile is closed as cancelled instead,
// and call is not called.
func (s *Audits) GiveBack(ctx context.Context, lease syncs.Lease, at time.Time, call func(pgx.Tx) error) error {
	return s.db.InClinic(ctx, "give the sync back to the queue", lease.ClinicID, func(tx pgx.Tx) error {
		return giveBack(ctx, tx, lease, at, call)
	})
}

// Rescue is GiveBack for a lease that has expired by the database's clock (R30). The error
// is syncs.ErrLeaseLost where the lease has not expired or was replaced.
func (s *Audits) Rescue(ctx context.Context, lease syncs.Lease, at time.Time, call func(pgx.Tx) error) error {
	return s.db.InClinic(ctx, "rescue the sync", lease.ClinicID, func(tx pgx.Tx) error {
		if err := mustBeExpired(ctx, tx, lease); err != nil {
			return err
		}
		return giveBack(ctx, tx, lease, at, call)
	})
}

package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Start writes the audit as queued and its job, in one transaction (R28). The error is a
// *syncs.Failure
//   - where the clinic cannot be synchronised,
//   - where another sync of the clinic prevents this one (CodeSyncRunning with its id,
//     R29), or
//   - where the options are wrong.
//
// The same idempotency key with the same request returns the same sync for a day. With
// another request the error is CodeIdempotencyMismatch. An empty key means none (R29).
func (q *Queue) Start(ctx context.Context, request syncs.Request, idempotencyKey string) (syncs.Audit, error) {
	if q.draining.Load() {
		return syncs.Audit{}, errDraining()
	}
	if err := request.Options.Check(request.Type); err != nil {
		return syncs.Audit{}, err
	}
	audit := syncs.Audit{
		ID:        cmp.Or(request.ID, uuid.Must(uuid.NewV7())),
		ClinicID:  request.ClinicID,
		Type:      request.Type,
		Status:    syncs.StatusQueued,
		Trigger:   request.Trigger,
		Options:   request.Options,
		CreatedAt: q.o.Now(),
	}
	// This comes before any check that depends on the day or on the clinic's state.
	earlier, err := q.o.Audits.Remembered(ctx, audit, idempotencyKey)
	switch {
	case err != nil:
		return syncs.Audit{}, refusal(err)
	case earlier != uuid.Nil:
		return q.o.Audits.Audit(ctx, request.ClinicID, earlier)
	}
	if err := q.checkWindows(ctx, request); err != nil {
		return syncs.Audit{}, err
	}
	if err := q.o.Precheck(ctx, request.ClinicID); err != nil {
		return syncs.Audit{}, casesync.Explain(err)
	}
	return q.enqueue(ctx, audit, idempotencyKey, nil)
}

// checkWindows returns what is wrong with the options on the clinic's present day (R4), so
// that a caller's mistake does not become a failed sync. Precheck reports a clinic that is
// missing or has no zone.
func (q *Queue) checkWindows(ctx context.Context, request syncs.Request) error {
	c, err := q.o.Clinics.Clinic(ctx, request.ClinicID)
	if errors.Is(err, clinic.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the clinic's time zone: %w", err)
	}
	loc, err := c.Location()
	if err != nil {
		return nil //nolint:nilerr // Precheck says it
	}
	_, err = request.Options.Windows(request.Type, q.o.Now(), loc)
	return err
}

// Approve approves a plan in the name of an actor and starts the sync that carries it out,
// in one transaction. That sync works on the plan's own days with the plan's guard lifted.
// For a deletion plan it deletes only cases that the plan names and that are still missing
// (R18, R23). The error is CodeAlreadyDecided where the plan is not open any more; with
// CodeSyncRunning the plan stays open.
func (q *Queue) Approve(ctx context.Context, clinicID, planID uuid.UUID, trigger syncs.Trigger, actor string) (syncs.Audit, error) {
	plan, err := q.o.Plans.Plan(ctx, clinicID, planID)
	if err != nil {
		return syncs.Audit{}, err
	}
	now := q.o.Now()
	if err := plan.Decidable(now); err != nil {
		return syncs.Audit{}, err
	}
	if q.draining.Load() {
		return syncs.Audit{}, errDraining()
	}
	if err := q.o.Precheck(ctx, clinicID); err != nil {
		return syncs.Audit{}, casesync.Explain(err)
	}
	audit := syncs.Audit{
		ID:        uuid.Must(uuid.NewV7()),
		ClinicID:  clinicID,
		Type:      plan.SyncType,
		Status:    syncs.StatusQueued,
		Trigger:   trigger,
		Approval:  planID,
		CreatedAt: now,
	}
	return q.enqueue(ctx, audit, "", func(tx pgx.Tx) error {
		return q.o.Plans.Decide(ctx, tx, clinicID, planID, syncs.PlanApproved, actor, now)
	})
}

// Reject closes a plan in the name of an actor. Nothing is deleted (R23).
func (q *Queue) Reject(ctx context.Context, clinicID, planID uuid.UUID, actor string) error {
	return q.o.Plans.Reject(ctx, clinicID, planID, actor, q.o.Now())
}

// enqueue writes a queued audit, its job, and everything that belongs to it, in one
// transaction.
func (q *Queue) enqueue(ctx context.Context, audit syncs.Audit, idempotencyKey string, also func(pgx.Tx) error) (syncs.Audit, error) {
	id, err := q.o.Audits.Enqueue(ctx, audit, idempotencyKey, func(tx pgx.Tx) error {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		return q.jobs.callFor(ctx, tx, q.name, 0, audit.ID)
	})
	if err != nil {
		return syncs.Audit{}, refusal(err)
	}
	if id == audit.ID { // else the key stands for an earlier sync
		return audit, nil
	}
	return q.o.Audits.Audit(ctx, audit.ClinicID, id)
}

// refusal returns why a sync was not queued.
func refusal(err error) error {
	var busy *syncstore.BusyError
	switch {
	case errors.As(err, &busy) && busy.SyncID == uuid.Nil:
		return syncs.Fail(syncs.CodeSyncRunning, "syncs of this clinic begin and end at this moment; send the request again")
	case errors.As(err, &busy):
		failure := syncs.Fail(syncs.CodeSyncRunning,
			"sync %s of this clinic is running or queued; wait for it, or cancel it", busy.SyncID)
		failure.SyncID = busy.SyncID
		return failure
	case errors.Is(err, syncstore.ErrIdempotencyMismatch):
		return syncs.Fail(syncs.CodeIdempotencyMismatch,
			"this Idempotency-Key was used with another request in the last 24 hours; use a new key")
	default:
		return fmt.Errorf("queueing the sync: %w", err)
	}
}

func errDraining() error { // R31
	return syncs.Fail(syncs.CodeDraining, "this replica is shutting down; send the request again")
}

// Audit returns the record of one sync of the clinic, with its children and its present
// progress.
func (q *Queue) Audit(ctx context.Context, clinicID, syncID uuid.UUID) (syncs.Audit, error) {
	return q.o.Audits.Audit(ctx, clinicID, syncID)
}

// AuditsAcross lists the syncs of several clinics, newest first; nil: of all.
func (q *Queue) AuditsAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error) {
	return q.o.Audits.AuditsAcross(ctx, clinics, filter)
}

// Audits lists the clinic's syncs, newest first.
func (q *Queue) Audits(ctx context.Context, clinicID uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error) {
	return q.o.Audits.Audits(ctx, clinicID, filter)
}

// Wait returns when the sync is over (R28). It returns the present state sooner when the
// context ends, when the sync goes back to the queue, or when this replica stops, even if
// another replica already works on the sync (R31).
func (q *Queue) Wait(ctx context.Context, clinicID, syncID uuid.UUID) (syncs.Audit, error) {
	var audit syncs.Audit
	for now, err := range q.follow(ctx, clinicID, syncID, false) {
		givenBack := now.Status == syncs.StatusQueued && now.Attempt > 0
		if err != nil || now.Status.Final() || givenBack {
			return now, err
		}
		audit = now
	}
	if audit.ID == uuid.Nil { // the context ended before the first reading
		return q.o.Audits.Audit(context.WithoutCancel(ctx), clinicID, syncID)
	}
	return audit, nil
}

// Follow yields the state of a sync, with its progress, until it is over, the context ends
// or this replica stops. All who follow a sync share one reader (R38).
func (q *Queue) Follow(ctx context.Context, clinicID, syncID uuid.UUID) iter.Seq2[syncs.Audit, error] {
	return q.follow(ctx, clinicID, syncID, true)
}

func (q *Queue) follow(ctx context.Context, clinicID, syncID uuid.UUID, progress bool) iter.Seq2[syncs.Audit, error] {
	return func(yield func(syncs.Audit, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		panics.Go(func() {
			select {
			case <-q.ended:
				cancel()
			case <-ctx.Done():
			}
		}, func(e *panics.Error) {
			panics.Logger(q.log, e).ErrorContext(ctx, "A panic ended a wait for a sync", "sync_id", syncID.String())
			cancel()
		})
		q.watcher.Follow(ctx, clinicID, syncID, progress)(yield)
	}
}

// Cancel ends a sync in the name of an actor: at once where it is queued, within moments
// where it runs, on whatever replica (R29). A sync that is over stays as it is. Cancel
// returns the state after that.
func (q *Queue) Cancel(ctx context.Context, clinicID, syncID uuid.UUID, actor string) (syncs.Audit, error) {
	before, err := q.o.Audits.Audit(ctx, clinicID, syncID)
	if err != nil || before.Status.Final() {
		return before, err
	}
	if err := q.o.Audits.Cancel(ctx, clinicID, syncID, q.o.Now()); err != nil {
		return syncs.Audit{}, err
	}
	q.log.InfoContext(ctx, "Sync cancelled on request", "clinic_id", clinicID.String(), "sync_id", syncID.String(), "actor", actor)
	return q.o.Audits.Audit(ctx, clinicID, syncID)
}

// listenForCancels ends the cancelled syncs of this replica.
func (q *Queue) listenForCancels(ctx context.Context) {
	told, unsubscribe := q.o.Notifier.Subscribe(postgres.ChannelCancels)
	defer unsubscribe()
	for {
		select {
		case <-ctx.Done():
			return
		case payload := <-told:
			id, err := uuid.Parse(payload)
			if err != nil { // notifications were missed: a heartbeat finds what was cancelled
				q.syncs.beatAll()
				continue
			}
			q.syncs.end(id, syncs.ErrCancelled)
		}
	}
}

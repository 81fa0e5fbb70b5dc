package fleet

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Decisions approves and rejects plans in the name of an actor (R23). A plan that is no
// longer open is CodeAlreadyDecided.
type Decisions interface {
	// Approve starts the sync that carries out what the plan's guard held back.
	Approve(ctx context.Context, clinicID, planID uuid.UUID, trigger syncs.Trigger, actor string) (syncs.Audit, error)
	Reject(ctx context.Context, clinicID, planID uuid.UUID, actor string) error
}

// ApprovePlan approves a plan and starts its sync, in one transaction with the record of it.
// Errors are those of queue.Queue.Approve.
func (s *Service) ApprovePlan(ctx context.Context, by access.By, clinicID, planID uuid.UUID, trigger syncs.Trigger) (started syncs.Audit, err error) {
	err = s.o.Log.Act(ctx, by.Event(access.PlanApprove, clinicID, access.RecordOf("plan", planID)), func(ctx context.Context, e *access.Event) (err error) {
		e.Before = access.Values{"status": syncs.PlanOpen}
		started, err = s.o.Decisions.Approve(ctx, clinicID, planID, trigger, by.Actor())
		e.After = access.Values{"status": syncs.PlanApproved, "syncId": started.ID}
		return err
	})
	return started, err
}

// maxReason is how many characters the reason of a decision may have.
const maxReason = 500

// RejectPlan closes a plan without doing anything. The reason may be empty; it stands in the
// record of the action.
func (s *Service) RejectPlan(ctx context.Context, by access.By, clinicID, planID uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	if utf8.RuneCountInString(reason) > maxReason || !utf8.ValidString(reason) {
		return syncs.Invalid("reason", "reason must be a text of at most %d characters", maxReason)
	}
	event := by.Event(access.PlanReject, clinicID, access.RecordOf("plan", planID))
	event.Before, event.After = access.Values{"status": syncs.PlanOpen}, access.Values{"status": syncs.PlanRejected}
	if reason != "" {
		event.After["reason"] = reason
	}
	return s.o.Log.Act(ctx, event, func(ctx context.Context, _ *access.Event) error {
		return s.o.Decisions.Reject(ctx, clinicID, planID, by.Actor())
	})
}

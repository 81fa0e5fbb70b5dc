package fleet

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
)

// Restores undoes soft deletes in the name of an actor (R24).
type Restores interface {
	// DeletedBy returns the cases that a sync soft-deleted and that are so still.
	DeletedBy(ctx context.Context, clinicID, syncID uuid.UUID) ([]uuid.UUID, error)

	// Restore returns the outcome for each case that the clinic has.
	Restore(ctx context.Context, clinicID uuid.UUID, caseIDs []uuid.UUID, actor string, at time.Time) ([]cases.Restoration, error)
}

// DeletedBy returns the cases that RestoreSync would restore.
func (s *Service) DeletedBy(ctx context.Context, clinicID, syncID uuid.UUID) ([]uuid.UUID, error) {
	return s.o.Restores.DeletedBy(ctx, clinicID, syncID)
}

// RestoreCase undoes the soft delete of a case, in one transaction with the record of it. A
// case that is not restored is an error, which says why (cases.WhyNot). Where the case was
// refused, its outcome comes with the error.
func (s *Service) RestoreCase(ctx context.Context, by access.By, clinicID, caseID uuid.UUID) ([]cases.Restoration, error) {
	event := by.Event(access.CaseRestore, clinicID, access.RecordOf("case", caseID))
	return s.restore(ctx, by, event, []uuid.UUID{caseID}, cases.WhyNot)
}

// RestoreSync undoes what a sync soft-deleted, in one transaction with the record of it. A
// case that is refused keeps no other from being restored.
func (s *Service) RestoreSync(ctx context.Context, by access.By, clinicID, syncID uuid.UUID) ([]cases.Restoration, error) {
	ids, err := s.DeletedBy(ctx, clinicID, syncID)
	if err != nil {
		return nil, err
	}
	event := by.Event(access.SyncRestore, clinicID, access.RecordOf("sync", syncID))
	return s.restore(ctx, by, event, ids, func([]cases.Restoration) error { return nil })
}

// restore restores cases and records it. whyNot returns why the action as a whole failed.
func (s *Service) restore(ctx context.Context, by access.By, event access.Event, ids []uuid.UUID, whyNot func([]cases.Restoration) error) (outcomes []cases.Restoration, err error) {
	var refused error
	err = s.o.Log.Act(ctx, event, func(ctx context.Context, e *access.Event) error {
		if outcomes, err = s.o.Restores.Restore(ctx, e.ClinicID, ids, by.Actor(), s.o.Now()); err != nil {
			return err
		}
		e.After = access.Values{"cases": cases.ByOutcome(outcomes)}
		refused = whyNot(outcomes)
		return refused
	})
	if err != nil && refused == nil {
		return nil, err
	}
	return outcomes, err
}

package casesync

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Scheduled is what the guards of inbound know of a stored case (R18).
type Scheduled struct {
	PIMSID        string
	ScheduledDate time.Time // zero: null
	Start         string    // metadata.appointment.start, the raw wall clock
	SoftDeleted   bool      // metadata.reconciliation.softDeleted
}

// A Write is one case to be written: Before is the row version that was read
// (nil: insert), After is what the row is to be.
type Write struct {
	Before *Case
	After  Case
}

// InboundStore is what inbound needs of the database. Everything concerns the
// cases of one clinic and one provider.
type InboundStore interface {
	// ScheduledIn lists the cases whose scheduled date lies in the window.
	ScheduledIn(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window) ([]Scheduled, error)

	// ScheduledByID lists the cases that have one of these PIMS ids.
	ScheduledByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) ([]Scheduled, error)

	// CasesByID reads the cases that have one of these PIMS ids, without their
	// consultations. Soft-deleted ones are included.
	CasesByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) (map[string]Case, error)

	// WriteCases inserts and updates a chunk in one transaction under the lease,
	// in the name of the sync (the phase's own audit, which becomes the actor of
	// the events, R14). It answers the PIMS ids of the rows that were written;
	// what is missing met another writer and is to be read and merged again (R12).
	// ErrLeaseLost where the lease is no longer held (R30). Consultations are not
	// touched. Status is written only where the row's status still equals its
	// sync_status, or where the write deletes or restores (R10).
	WriteCases(ctx context.Context, lease Lease, syncID uuid.UUID, provider string, writes []Write, at time.Time) (written []string, err error)
}

// A Recorder keeps the audits of a running sync.
type Recorder interface {
	// BeginPhase opens the child audit of a full sync's phase (R27) and returns
	// its id.
	BeginPhase(ctx context.Context, lease Lease, phase Type, at time.Time) (uuid.UUID, error)

	// EndPhase closes a child audit.
	EndPhase(ctx context.Context, lease Lease, id uuid.UUID, status Status, result Result, at time.Time) error

	// KeepPlan stores a plan: what a guard held back, with its evidence (R18,
	// R23). Open plans of the same clinic and guard are superseded by it.
	KeepPlan(ctx context.Context, lease Lease, plan Plan) error

	// Report tells how far the sync has come. It is cheap, may drop reports that
	// come too fast, and never fails the sync.
	Report(ctx context.Context, lease Lease, progress Progress)
}

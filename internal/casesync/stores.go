package casesync

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// InboundStore is what inbound needs of the database. Every method concerns the cases of
// one clinic and one provider.
type InboundStore interface {
	// ScheduledIn lists the cases whose scheduled date lies in the window.
	ScheduledIn(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window) ([]guards.Scheduled, error)

	// ScheduledByID lists the cases that have one of these PIMS ids.
	ScheduledByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) ([]guards.Scheduled, error)

	// CasesByID reads the cases that have one of these PIMS ids, soft-deleted ones
	// included. Of their consultations it reads only whose they are.
	CasesByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) (map[string]cases.Case, error)

	// WriteCases inserts and updates a chunk in one transaction under the lease, in the
	// name of the sync: syncID is the phase's own audit and becomes the actor of the events
	// (R14). It returns the PIMS ids of the rows that were written. A row that is missing
	// was changed by another writer and must be read and merged again (R12). The error is
	// ErrLeaseLost where the lease is no longer held (R30).
	//   - A nil After.Consultation leaves the stored one, unless the write Hides it (R7).
	//   - A reading and its case are written together, or neither is.
	//   - Where a case gets or loses a consultation (Case.ConsultationIDs), or its patient or
	//     client changes, the cases of other patients that have the consultation too get a
	//     Since in their readings, and so does the case that shares it now (R9).
	//   - Status is written only where the row's status still equals its sync_status, or
	//     where the write deletes or restores (R10).
	WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) (written []string, err error)

	// SeenAgain ends the protection of the cases that a person restored and whose ids the
	// PIMS shows again (R24).
	SeenAgain(ctx context.Context, lease syncs.Lease, provider string, pimsIDs []string) error
}

// A Recorder stores the audits of a running sync.
type Recorder interface {
	// BeginPhase opens the child audit of a full sync's phase (R27) and returns
	// its id.
	BeginPhase(ctx context.Context, lease syncs.Lease, phase syncs.Type, at time.Time) (uuid.UUID, error)

	// EndPhase closes a child audit.
	EndPhase(ctx context.Context, lease syncs.Lease, id uuid.UUID, status syncs.Status, result syncs.Result, at time.Time) error

	// KeepPlan stores a plan: what a guard held back, and its evidence (R18, R23). It
	// supersedes an open plan of the same clinic, guard and type of sync. first reports
	// whether there was none.
	KeepPlan(ctx context.Context, lease syncs.Lease, plan syncs.Plan) (first bool, err error)

	// SupersedePlans ends the clinic's open plans of these guards and this type of sync
	// whose days the run has read itself, see Plan.SeenBy (R18, R23).
	SupersedePlans(ctx context.Context, lease syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error

	// Report records how far the sync has come. It is cheap, may drop reports that come too
	// fast, and never fails the sync.
	Report(ctx context.Context, lease syncs.Lease, progress syncs.Progress)
}

// Words keeps the words that practices use (R50).
type Words interface {
	// KeepWords stores the words that a sync has seen, under its lease. The error is
	// ErrLeaseLost where the lease is no longer held (R30).
	KeepWords(ctx context.Context, lease syncs.Lease, provider string, words []settings.Word, at time.Time) error
}

// EnrichmentStore is what enrichment needs of the database.
type EnrichmentStore interface {
	// EnrichmentCandidates lists the cases with a PIMS id that are neither soft-deleted nor
	// cancelled and whose scheduled date is not after until. The date lies in the window,
	// or the case's reading has a Since. Those with a Since and a stored consultation are
	// listed even where they are cancelled or later than until; they are Closed. The list is
	// ordered by date (R19).
	EnrichmentCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Candidate, error)

	// Holders lists the cases that have each of the consultations (Case.ConsultationIDs),
	// whatever became of the case, where several have it (R9).
	Holders(ctx context.Context, clinicID uuid.UUID, provider string, consultationIDs []string) (map[string][]cases.Holder, error)

	// CasesWithConsultations reads cases by their ids, with their consultations.
	CasesWithConsultations(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Case, error)

	// CasesByID and WriteCases are the methods of InboundStore.
	CasesByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) (map[string]cases.Case, error)
	WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) (written []string, err error)

	// KeepReadings stores what the run learned of cases that it does not write. An adopted
	// fingerprint is stored without a read of the consultation.
	KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error

	// LookedOn returns the clinic's day of the last look for late corrections; zero means
	// that there was none (R19).
	LookedOn(ctx context.Context, clinicID uuid.UUID, provider string) (pims.Date, error)

	// KeepLook stores that the day's look was done.
	KeepLook(ctx context.Context, lease syncs.Lease, provider string, day pims.Date) error
}

// ReconciliationStore is what reconciliation needs of the database, in addition to
// InboundStore.
type ReconciliationStore interface {
	InboundStore

	// DeletionCandidates lists, without their metadata, the cases with a PIMS id (W9, R21,
	// R24)
	//   - whose scheduled date lies in the window and before until,
	//   - whose status is not reviewed,
	//   - that are not soft-deleted, and
	//   - that no person has restored since the PIMS last showed them.
	DeletionCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Case, error)

	// SoftDelete deletes the cases in one transaction under the lease, in the name of the
	// sync. The statement repeats every condition of DeletionCandidates and checks the row
	// version that was read (R24). It returns the ids of the deleted cases.
	SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) ([]uuid.UUID, error)
}

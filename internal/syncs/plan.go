package syncs

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Plan is what a guard held back. A person approves or rejects it within a day (R18,
// R23).
type Plan struct {
	ID        uuid.UUID
	ClinicID  uuid.UUID
	SyncID    uuid.UUID // the audit of the phase that was stopped
	SyncType  Type      // of that phase
	Status    PlanStatus
	Code      Code        // the guard: deletion_guard, pims_wrong_practice, schedule_shift_guard
	Reason    string      // in words for an operator; no names (R40)
	Window    pims.Window // its days; Location is not stored
	Cases     []PlannedCase
	Evidence  Evidence
	CreatedAt time.Time
	ExpiresAt time.Time
	DecidedAt time.Time // zero: not yet
	DecidedBy string    // an actor: "key:<id>", "os:<user>"
	Execution Execution // zero: not approved

	// CoversDefault is the Result.CoversDefault of the sync that was stopped. The sync that
	// carries the plan out has the same.
	CoversDefault bool
}

// An Execution is the sync that carries out an approved plan, in its present state.
type Execution struct {
	SyncID uuid.UUID
	Status Status
	Code   Code // of one that failed
}

// Failed reports whether the sync is over and did not do what was approved.
func (e *Execution) Failed() bool {
	return e.Status == StatusFailed || e.Status == StatusCancelled
}

// Outcome describes how the sync ended: "completed", "failed: timeout". Before its end it
// describes the present state.
func (e *Execution) Outcome() string {
	if e.Status == StatusFailed && e.Code != "" {
		return string(e.Status) + ": " + string(e.Code)
	}
	return string(e.Status)
}

// Standing describes the state of the plan in plain words: its status, and that it was not
// carried out where its sync failed.
func (p *Plan) Standing() string {
	if !p.Execution.Failed() {
		return string(p.Status)
	}
	return string(p.Status) + ", its sync " + p.Execution.Outcome()
}

// Decider describes in plain words who decided.
func (p *Plan) Decider() string { return Who(p.DecidedBy) }

// PlanStatus is the state of a plan.
type PlanStatus string

// The states of a plan. Only an open one can be decided.
const (
	PlanOpen       PlanStatus = "open"
	PlanApproved   PlanStatus = "approved"
	PlanRejected   PlanStatus = "rejected"
	PlanExpired    PlanStatus = "expired"
	PlanSuperseded PlanStatus = "superseded"
)

// SeenBy reports whether a later run of the plan's type has read the plan's days itself.
// Then the result of that run replaces the plan (R18, R23). The window of a run moves with
// the calendar, so the first day of a plan from before today may be missing in it.
func (p *Plan) SeenBy(window pims.Window, now time.Time) bool {
	start := p.Window.Start
	if p.CreatedAt.Before(pims.DateOf(now, window.Location).In(window.Location)) {
		start = start.AddDays(1)
	}
	return window.ContainsDate(p.Window.End) && !start.Before(window.Start)
}

// PlanLifetime is how long after its creation a plan can be approved (R18, R23).
const PlanLifetime = 24 * time.Hour

// Decidable reports whether the plan can still be approved or rejected. The error is
// a *Failure with CodeAlreadyDecided that says what happened to it.
func (p *Plan) Decidable(now time.Time) error {
	status := p.Status
	if status == PlanOpen && !now.Before(p.ExpiresAt) {
		status = PlanExpired
	}
	switch status {
	case PlanOpen:
		return nil
	case PlanExpired:
		return Fail(CodeAlreadyDecided, "the plan has expired after %d hours; run the sync again for a new one", int(PlanLifetime.Hours()))
	case PlanSuperseded:
		return Fail(CodeAlreadyDecided, "a newer run of the sync has superseded the plan; decide on its plan, if it has one")
	default:
		if p.Execution.Failed() {
			return Fail(CodeAlreadyDecided, "the plan was %s before, and its sync %s %s; the next one that looks for itself makes a new plan", status, p.Execution.SyncID, p.Execution.Outcome())
		}
		return Fail(CodeAlreadyDecided, "the plan was %s before", status)
	}
}

// Names returns the cases that the plan would delete.
func (p *Plan) Names() map[uuid.UUID]bool {
	named := make(map[uuid.UUID]bool, len(p.Cases))
	for i := range p.Cases {
		named[p.Cases[i].CaseID] = true
	}
	return named
}

// A PlannedCase is one case that a plan would delete.
type PlannedCase struct {
	CaseID        uuid.UUID
	PIMSID        string
	ScheduledDate time.Time

	// Further details of the visit, set when the plan is read alone and empty in a list.
	// They hold no names.
	Kind string // the PIMS's word for the type, else the case's type
	Room string
}

// Evidence is what a guard found. It holds counts, days and ids, never names (R40).
type Evidence struct {
	FetchedAt  time.Time
	Refusal    string         // which rule of the deletion guard refused, of Refusals; empty: another guard
	Known      int            // cases of the window that we hold
	Found      int            // appointments of the window that the PIMS shows
	Filtered   int            // of Found, those that a filter of the clinic keeps from becoming cases (R50)
	Shared     int            // ids that both hold
	Candidates int            // cases that could be deleted at all
	Limit      int            // how many the guard lets pass
	Moved      int            // appointments that moved
	MovedBy    time.Duration  // by how much most of them did
	Days       map[string]int // civil day to the number of orphans on it
	Lookups    []Lookup       // what the PIMS said about each orphan (R22)
	Rereadings []Rereading    // of the days that hold orphans (R22)
}

// A Lookup is what the PIMS returned for one orphan (R22).
type Lookup struct {
	PIMSID string
	Method string // "by_id" or "wide_fetch"
	Found  string // "gone", "moved", "cancelled", "in_window", "refused", "unusable"
	At     time.Time
}

// A Rereading is a second fetch of days with orphans. Only a case that is missing in both
// is missing (R22).
type Rereading struct {
	Days  pims.Window // Location is not stored
	At    time.Time
	Found int // appointments that it shows
	Back  int // orphans that it shows after all
}

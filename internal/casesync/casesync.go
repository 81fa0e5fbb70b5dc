// Package casesync is the heart of the product: the rules by which a clinic's
// cases follow its PIMS. Inbound makes cases of appointments, enrichment adds
// consultations, reconciliation soft-deletes what vanished, and a full sync runs
// the three in turn (W3).
//
// It decides; it neither talks to a database nor to a PIMS itself. The stores it
// needs are interfaces here, a session comes from package clinic, and what time
// it is is told by the caller (R3).
package casesync

import (
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// Type says what a sync does. docs/rules.md.
type Type string

// The types of a sync. Paths, commands and scopes say "reconcile" for the third.
const (
	TypeInbound        Type = "inbound"
	TypeCases          Type = "cases"
	TypeReconciliation Type = "reconciliation"
	TypeFull           Type = "full"
)

// Types lists them all in the order of a full sync.
func Types() []Type { return []Type{TypeInbound, TypeCases, TypeReconciliation, TypeFull} }

// Trigger says who started a sync.
type Trigger string

// The triggers of a sync.
const (
	TriggerAPI      Trigger = "api"
	TriggerCLI      Trigger = "cli"
	TriggerSchedule Trigger = "schedule"
)

// Status is the state of an audit.
type Status string

// The states of an audit. The last three are final.
const (
	StatusQueued     Status = "queued"
	StatusInProgress Status = "in_progress"
	StatusCompleted  Status = "completed"
	StatusFailed     Status = "failed"
	StatusCancelled  Status = "cancelled"
)

// Final tells whether a sync in this state is over.
func (s Status) Final() bool {
	return s == StatusCompleted || s == StatusFailed || s == StatusCancelled
}

// Options are what a request may say about a sync; nil means the default.
// W21, docs/interface.md §Endpoints "Fields of a request", R4.
type Options struct {
	StartDate         *pims.Date
	EndDate           *pims.Date
	DaysAhead         *int
	LookbackDays      *int
	LookaheadDays     *int
	ParallelBatchSize *int
	Force             bool
	DryRun            bool
}

// A Request asks for one sync of one clinic.
type Request struct {
	ClinicID uuid.UUID
	Type     Type
	Trigger  Trigger
	Options  Options
	Approval uuid.UUID // the plan whose approval starts the sync (R18, R23); zero: none
}

// An Audit is the record of one sync (docs/interface.md §Tables, case_sync_audits). A full
// sync has a master and one child for each phase that ran (R27).
type Audit struct {
	ID          uuid.UUID
	ClinicID    uuid.UUID
	ParentID    uuid.UUID // zero: none
	Type        Type
	Status      Status
	Trigger     Trigger
	Options     Options
	Approval    uuid.UUID // the plan whose approval started it; zero: none
	Attempt     int       // 0 until a worker took it up
	Result      Result
	Progress    Progress
	CreatedAt   time.Time
	StartedAt   time.Time // zero until a worker took it up
	CompletedAt time.Time // zero until it is over
	Children    []Audit   // of a full sync, in the order they ran
}

// Duration is how long the sync worked, 0 until it is over.
func (a *Audit) Duration() time.Duration {
	if a.StartedAt.IsZero() || a.CompletedAt.IsZero() {
		return 0
	}
	return a.CompletedAt.Sub(a.StartedAt)
}

// Progress tells how far a running sync has come.
type Progress struct {
	Phase Type
	Step  string // what it does now, a closed set: "login", "fetch", "write", …
	Done  int
	Total int // 0: not known yet
}

// A Result is how a sync ended.
type Result struct {
	Code     Code   // empty: nothing to say
	Error    string // what happened and what to do; holds no name and no secret (R40)
	PlanID   uuid.UUID
	Stats    Stats
	Failures []ItemFailure // W17
	Warnings Warnings
	Changes  []Change // what a dry run would do (R26); capped

	// CoversDefault tells that the sync worked on every day that its type works on by
	// default (R4), followed the clinic's schedule from day to day, or carried out a
	// plan of such a sync. A dry run never does.
	CoversDefault bool

	// Skipped says why a phase of a full sync did not run (R27).
	Skipped map[Type]string
}

// Stats are the counts of a sync. A phase fills in those that it has.
type Stats struct {
	AppointmentsFound int
	CasesFound        int
	CasesCreated      int
	CasesUpdated      int
	CasesUnchanged    int
	CasesSkipped      int
	CasesEnriched     int
	CasesFailed       int
	CasesChecked      int
	CasesDeleted      int
	CasesRestored     int
	DeletedIDs        []uuid.UUID
}

// Add sums two phases' counts (R27).
func (s Stats) Add(o Stats) Stats {
	s.AppointmentsFound += o.AppointmentsFound
	s.CasesFound += o.CasesFound
	s.CasesCreated += o.CasesCreated
	s.CasesUpdated += o.CasesUpdated
	s.CasesUnchanged += o.CasesUnchanged
	s.CasesSkipped += o.CasesSkipped
	s.CasesEnriched += o.CasesEnriched
	s.CasesFailed += o.CasesFailed
	s.CasesChecked += o.CasesChecked
	s.CasesDeleted += o.CasesDeleted
	s.CasesRestored += o.CasesRestored
	s.DeletedIDs = append(slices.Clip(s.DeletedIDs), o.DeletedIDs...)
	return s
}

// A Count is one of a sync's counts under the name that the API and the logs have
// for it.
type Count struct {
	Name  string
	Value int
}

// Counts lists the counts that a sync of this type has, zeros included, in the
// specification's order (W21).
func (s Stats) Counts(t Type) []Count {
	inbound := []Count{
		{"appointmentsFound", s.AppointmentsFound},
		{"casesCreated", s.CasesCreated},
		{"casesUpdated", s.CasesUpdated},
		{"casesUnchanged", s.CasesUnchanged},
		{"casesSkipped", s.CasesSkipped},
	}
	switch t {
	case TypeInbound:
		return inbound
	case TypeCases:
		return []Count{
			{"casesFound", s.CasesFound},
			{"casesEnriched", s.CasesEnriched},
			{"casesUnchanged", s.CasesUnchanged},
			{"casesSkipped", s.CasesSkipped},
			{"casesFailed", s.CasesFailed},
		}
	case TypeReconciliation:
		return []Count{
			{"casesChecked", s.CasesChecked},
			{"casesDeleted", s.CasesDeleted},
			{"casesUpdated", s.CasesUpdated},
			{"casesRestored", s.CasesRestored},
		}
	default:
		return append(inbound,
			Count{"casesFound", s.CasesFound},
			Count{"casesEnriched", s.CasesEnriched},
			Count{"casesFailed", s.CasesFailed},
			Count{"casesChecked", s.CasesChecked},
			Count{"casesDeleted", s.CasesDeleted},
			Count{"casesRestored", s.CasesRestored},
		)
	}
}

// logValue is the counts as the logs show them (W20).
func (s Stats) logValue(t Type) slog.Value {
	var attrs []slog.Attr
	for _, c := range s.Counts(t) {
		attrs = append(attrs, slog.Int(c.Name, c.Value))
	}
	return slog.GroupValue(attrs...)
}

// Warnings count what was passed over without failing the sync, and what people
// should know of (R6, R7).
type Warnings struct {
	UnknownStatuses  int
	UnusableRows     int
	UnidentifiedRows int
	DuplicateRows    int
	UnusableParts    int // of consultations whose other parts arrived
	RefusedLookups   int // missing appointments about which the PIMS refuses to say anything (R20, R22)
	UnusableLookups  int // missing appointments about which it returns an error or what cannot be read (R20, R22)

	// ConsultationsHidden counts the cases whose notes were taken out of sight: their
	// patient or their consultation became another one (R7).
	ConsultationsHidden int
}

// An ItemFailure is one case that enrichment could not serve.
type ItemFailure struct {
	CaseID uuid.UUID
	Error  string
	Code   ItemCode
}

// ItemCode says why one case failed.
type ItemCode string

// Why one case failed.
const (
	ItemNotFound    ItemCode = "not_found"
	ItemTimeout     ItemCode = "timeout"
	ItemPIMSError   ItemCode = "pims_error"
	ItemMalformed   ItemCode = "malformed"
	ItemAuthExpired ItemCode = "auth_expired"

	// ItemAnotherPatient: the consultation names another patient than the case, or was
	// hidden before as another one's and names none. It was not stored (R7).
	ItemAnotherPatient ItemCode = "another_patient"

	// ItemAnotherVisit: the PIMS names the consultation for another visit, too, of
	// another patient, or contradicts itself about which consultation the visit has. It
	// is not shown (R9).
	ItemAnotherVisit ItemCode = "another_visit"
)

// A Change is what a dry run would do to one case (R26).
type Change struct {
	Action Action
	CaseID uuid.UUID // zero for a case that would be created
	PIMSID string
	Fields []FieldChange

	// Which case it is, for people, as it is now; empty of one that would be created.
	ScheduledDate time.Time
	PatientName   string
}

// Action is what a sync does to one case.
type Action string

// The actions of a sync; docs/interface.md §Metrics, cases_written_total{action}.
const (
	ActionCreated  Action = "created"
	ActionUpdated  Action = "updated"
	ActionEnriched Action = "enriched"
	ActionDeleted  Action = "deleted"
	ActionRestored Action = "restored"
)

// ActionHeldBack is what a guard would keep a sync from deleting. Only a dry run says
// so (R26); any other keeps a plan.
const ActionHeldBack Action = "held_back"

// Actions are all actions of a sync.
func Actions() []Action {
	return []Action{ActionCreated, ActionUpdated, ActionEnriched, ActionDeleted, ActionRestored}
}

// A FieldChange is one field of a Change.
type FieldChange struct {
	Field  string
	Before string
	After  string
}

// A Run is one attempt at a sync, claimed by this process.
type Run struct {
	Lease    Lease
	Type     Type
	Trigger  Trigger
	Options  Options
	Approval uuid.UUID // the plan whose approval started it; zero: none
	DueAt    time.Time // of the tick that started it; zero: none (R34)
}

// A Lease is the right to write for a sync. Every writing transaction first
// checks it (R30); a lost lease is ErrLeaseLost.
type Lease struct {
	ClinicID uuid.UUID
	AuditID  uuid.UUID // the audit that was claimed: in a full sync, the master
	Attempt  int
}

package syncs

import (
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Progress is how far a running sync has come.
type Progress struct {
	Phase Type
	Step  string // what it does now, a closed set: "login", "fetch", "write", …
	Done  int
	Total int // 0: not known yet
}

// A Result is the outcome of a sync.
type Result struct {
	Code     Code   // empty: nothing to say
	Error    string // what happened and what to do; holds no name and no secret (R40)
	PlanID   uuid.UUID
	Stats    Stats
	Failures []ItemFailure // W17
	Warnings Warnings
	Changes  []Change // what a dry run would do (R26); capped

	// CoversDefault reports that the sync worked on every day that its type works on by
	// default (R4), followed the clinic's schedule from day to day, or carried out a plan
	// of such a sync. It is never true for a dry run.
	CoversDefault bool

	// Skipped says why a phase of a full sync did not run (R27).
	Skipped map[Type]string
}

// Stats are the counts of a sync. A phase sets those that it has.
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

// Count is one of a sync's counts under its name in the API and the logs.
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

// LogValue returns the counts as the logs show them (W20).
func (s Stats) LogValue(t Type) slog.Value {
	var attrs []slog.Attr
	for _, c := range s.Counts(t) {
		attrs = append(attrs, slog.Int(c.Name, c.Value))
	}
	return slog.GroupValue(attrs...)
}

// Warnings count what was skipped without failing the sync, and what people should know of
// (R6, R7).
type Warnings struct {
	UnknownStatuses  int
	UnusableRows     int
	UnidentifiedRows int
	DuplicateRows    int
	UnusableParts    int // of consultations whose other parts arrived
	RefusedLookups   int // missing appointments about which the PIMS refuses to say anything (R20, R22)
	UnusableLookups  int // missing appointments about which it returns an error or what cannot be read (R20, R22)
	Filtered         int // appointments that a filter of the clinic kept from becoming cases; also counted as skipped (R50)

	// ConsultationsHidden counts the cases whose notes were hidden because their patient or
	// consultation changed (R7).
	ConsultationsHidden int

	// SharedConsultations counts the consultations that cases of different patients have, and
	// that do not tell whose they are: no case shows them (R9).
	SharedConsultations int

	VisitsAsBlocks int // known cases whose rows of the calendar are blocks now; the cases stay as they are (R5)
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

	// ItemAnotherPatient: the consultation names another patient than the case; or it was
	// hidden before as another patient's and names no patient. It was not stored (R7).
	ItemAnotherPatient ItemCode = "another_patient"

	// ItemAnotherVisit: the PIMS names the consultation for a visit of another patient,
	// too, or contradicts itself about which consultation the visit has. It is not shown
	// (R9).
	ItemAnotherVisit ItemCode = "another_visit"
)

// MaxChanges bounds how many changes a dry run lists (R26), and how many failures a sync
// lists.
const MaxChanges = 1000

// MaxChangesBytes bounds the values of the changes that a dry run lists (R57). The change with
// which they become more is the last.
const MaxChangesBytes = 4 << 20

// A Change is what a dry run would do to one case (R26).
type Change struct {
	Action Action
	CaseID uuid.UUID // zero for a case that would be created
	PIMSID string
	Fields []FieldChange

	// The case as it is now, for people to recognise it; empty for a case that would be
	// created.
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

// ActionHeldBack marks a deletion that a guard would stop. Only a dry run uses it (R26);
// any other sync stores a plan.
const ActionHeldBack Action = "held_back"

// Actions lists all actions of a sync.
func Actions() []Action {
	return []Action{ActionCreated, ActionUpdated, ActionEnriched, ActionDeleted, ActionRestored}
}

// A FieldChange is one field of a Change.
type FieldChange struct {
	Field  string
	Before string
	After  string
}

// Deletes reports whether the change soft-deletes the case or would do so.
func (c *Change) Deletes() bool { return c.Action == ActionDeleted || c.Action == ActionHeldBack }

// Count adds a written case. A restored case counts as updated, too, so that the number
// found is created + updated + unchanged + skipped (R12).
func (r *Result) Count(action Action) {
	switch action {
	case ActionCreated:
		r.Stats.CasesCreated++
	case ActionRestored:
		r.Stats.CasesRestored++
		r.Stats.CasesUpdated++
	case ActionUpdated:
		r.Stats.CasesUpdated++
	case ActionEnriched:
		r.Stats.CasesEnriched++
	case ActionDeleted:
		r.Stats.CasesDeleted++
	case ActionHeldBack: // it is not done
	}
}

// ChangesInOrder puts what a dry run would delete, or hold back, before its other changes,
// and keeps the order within each group.
func ChangesInOrder(changes []Change) []Change {
	sorted := slices.Clone(changes)
	slices.SortStableFunc(sorted, func(a, b Change) int {
		switch {
		case a.Deletes() == b.Deletes():
			return 0
		case a.Deletes():
			return -1
		default:
			return 1
		}
	})
	return sorted
}

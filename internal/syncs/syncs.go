// Package syncs defines the types that describe a sync: its request, its state, its result,
// its failure, and the plan that waits for a person's approval. The API, the command line,
// the schedules, the queue, the rules and the database share them.
//
// The package holds values and computes with them. It reads no clock and no database.
package syncs

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
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

// Final reports whether a sync in this state is over.
func (s Status) Final() bool {
	return s == StatusCompleted || s == StatusFailed || s == StatusCancelled
}

// Options are the fields of a request; nil means the default. W21, docs/interface.md
// §Endpoints "Fields of a request", R4.
type Options struct {
	StartDate         *pims.Date
	EndDate           *pims.Date
	DaysAhead         *int
	LookbackDays      *int
	LookaheadDays     *int
	ParallelBatchSize *int
	Force             bool
	DryRun            bool
	Record            bool // keep what the PIMS returns (R52)

	// Settings replace the clinic's own in a dry run that shows what a change of settings
	// would do (R50); nil: the clinic's own.
	Settings *settings.Settings
}

// A Request asks for one sync of one clinic.
type Request struct {
	ID       uuid.UUID // of the sync; zero: a new one
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

// Duration returns how long the sync worked, 0 until it is over.
func (a *Audit) Duration() time.Duration {
	if a.StartedAt.IsZero() || a.CompletedAt.IsZero() {
		return 0
	}
	return a.CompletedAt.Sub(a.StartedAt)
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

// A Lease is the right to write for a sync. Every writing transaction first checks it
// (R30); the error of a lost lease is ErrLeaseLost.
type Lease struct {
	ClinicID uuid.UUID
	AuditID  uuid.UUID // the audit that was claimed: in a full sync, the master
	Attempt  int
}

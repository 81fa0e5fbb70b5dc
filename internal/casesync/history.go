package casesync

import (
	"time"

	"github.com/google/uuid"
)

// An Event is one change of a case, by whomever (R14).
type Event struct {
	ID     int64
	CaseID uuid.UUID
	At     time.Time
	Actor  string // "sync:<id>", "key:<id>", "os:<user>" or "person"
	Action string // "created", "changed" or "removed"
	Field  string // a column, or "metadata.<key>"; empty unless changed
	Before []byte // JSON; nil: null or absent
	After  []byte
}

// A Restoration is what became of one case that was to be restored (R24).
type Restoration struct {
	CaseID  uuid.UUID
	Outcome RestoreOutcome
	Changes []Event // what somebody changed since, where it was refused
}

// RestoreOutcome says what became of a case that was to be restored.
type RestoreOutcome string

// The outcomes of a restore. Unchanged: the case was not soft-deleted.
const (
	RestoreDone      RestoreOutcome = "restored"
	RestoreUnchanged RestoreOutcome = "unchanged"
	RestoreRefused   RestoreOutcome = "refused"
)

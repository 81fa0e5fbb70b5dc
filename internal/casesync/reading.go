package casesync

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Record is a case as it is stored, whole, for reading. Null texts are nil.
type Record struct {
	ID            uuid.UUID
	Provider      string
	PIMSID        *string
	PatientName   *string
	ClientName    *string
	PhoneNumber   *string
	ScheduledDate *time.Time
	Status        string
	SyncStatus    *string
	CaseType      string
	Metadata      []byte // the JSON object, every key of it
	SoftDeleted   bool
	DeletedAt     time.Time // zero: it is not soft-deleted, or was by another program that did not say when
	DeletedReason string    // empty: the same
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// A Page says how much of a list is wanted: at most Limit items after Cursor. A
// cursor is what an earlier answer's nextCursor said; empty for the beginning.
type Page struct {
	Limit  int
	Cursor string
}

// A List is a page of items and the cursor of the next; empty at the end.
type List[T any] struct {
	Items      []T
	NextCursor string
}

// A CaseFilter selects cases of one clinic, in the order of their scheduled date
// and id, or of their last update where UpdatedSince is set, those without a date
// last. Zero fields select everything.
type CaseFilter struct {
	From         pims.Date // civil days in the clinic's zone, both included (R1)
	To           pims.Date
	Status       string
	UpdatedSince time.Time
	PIMSID       string
	Deleted      *bool // only soft-deleted cases, or only others; nil: both
	NewestFirst  bool  // else the oldest first
	Page
}

// An AuditFilter selects syncs of one clinic, newest first, without children.
type AuditFilter struct {
	Type   Type
	Status Status
	Page
}

// A PlanFilter selects plans of one clinic, newest first.
type PlanFilter struct {
	Status PlanStatus
	Page
}

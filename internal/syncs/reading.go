package syncs

import "time"

// A Page selects a part of a list: at most Limit items after Cursor. Cursor is the
// nextCursor of an earlier answer, or empty for the beginning.
type Page struct {
	Limit  int
	Cursor string
}

// MaxPageBytes is how much the items of a page hold, as they are stored. A page ends early
// rather than hold more, but has one item at least (R38).
const MaxPageBytes = 4 << 20

// A List is a page of items and the cursor of the next page, empty at the end.
type List[T any] struct {
	Items      []T
	NextCursor string
}

// An AuditFilter selects syncs of one clinic, newest first, without children. What is zero
// selects all.
type AuditFilter struct {
	Type   Type
	Status Status
	Code   Code      // that they ended with
	Since  time.Time // when they were created at the earliest
	Page
}

// A PlanFilter selects plans of one clinic, newest first.
type PlanFilter struct {
	Status PlanStatus
	Page
}

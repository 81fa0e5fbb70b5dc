package cases

import (
	"time"

	"github.com/google/uuid"
)

// A Write is one case to be written. Before is the row version that was read; nil means
// insert. After is the new row. Reading is what enrichment must know of the case, stored
// with it; nil means nothing new. An insert has none.
type Write struct {
	Before  *Case
	After   Case
	Reading *Reading
}

// A Reading is what one run learned about a candidate. It is stored apart from the case, so
// that an attempt does not change the case (R12).
type Reading struct {
	CaseID      uuid.UUID
	Tries       int
	NextTry     time.Time // zero: not waiting
	ReadAt      time.Time // zero: not read this time, the earlier one stays
	Fingerprint string
	Outcome     string // a closed set: "enriched", "unchanged", "waiting", "changed", "adopted", or an ItemCode

	Since time.Time // as in Candidate; zero: no longer
}

// A SoftDeletion is one case to be deleted, and why.
type SoftDeletion struct {
	Case   Case // as it was read
	Reason string
}

// Package leaving exports and erases what is stored of a clinic, or of one of its clients
// (R14, R45). It writes the archive and says what an erasure is; the caller passes in the
// statements.
package leaving

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Subject is a clinic, or one client of a clinic.
type Subject struct {
	ClinicID uuid.UUID

	// Client is the client's id at the PIMS, and Cases are cases that are the client's
	// although they do not name this id. Both empty: the whole clinic.
	Client string
	Cases  []uuid.UUID

	Unknown bool // erase the client also where nothing that can be searched names it

	Actor string // who erases, as the change feed names them (R14)
}

// OfClient reports whether the subject is one client.
func (s *Subject) OfClient() bool { return s.Client != "" || len(s.Cases) > 0 }

// Counts are numbers of records, by what they are.
type Counts map[string]int64

// Add adds other counts to these.
func (c Counts) Add(other Counts) {
	for what, n := range other {
		if n != 0 {
			c[what] += n
		}
	}
}

// Empty reports whether there is no record.
func (c Counts) Empty() bool {
	for _, n := range c {
		if n > 0 {
			return false
		}
	}
	return true
}

// Named reports whether anything names the client of whom these records are to be erased.
// Recordings and the lists of dry runs cannot be searched and go with each client (R52), so
// they say nothing about one.
func (c Counts) Named() bool {
	return c["cases"]+c["cleared_events"]+c["notes_shown"] > 0
}

// A Part is a kind of record that an archive holds.
type Part string

// The parts, in the order of an archive.
const (
	PartClinic  Part = "clinic" // one record
	PartCases   Part = "cases"
	PartHistory Part = "history"
	PartSyncs   Part = "syncs"
	PartPlans   Part = "plans"
	PartKeys    Part = "keys"
	PartWords   Part = "words"
)

// partsOf returns what an archive of a subject holds.
func partsOf(s *Subject) []Part {
	if s.OfClient() {
		return []Part{PartCases, PartHistory}
	}
	return []Part{PartClinic, PartCases, PartHistory, PartSyncs, PartPlans, PartKeys, PartWords}
}

// A Source reads what is stored.
type Source interface {
	// Read calls read once. What read reads is of one moment. The error is CodeNotFound
	// where there is no such clinic, or it has not every case that the subject names.
	Read(ctx context.Context, subject Subject, read func(Records) error) error
}

// Records calls emit for each record of a part, in a fixed order. A record is one line of
// JSON, an object; emit must not keep it. An error of emit ends the reading.
type Records func(part Part, emit func(record []byte) error) error

// An Eraser erases.
type Eraser interface {
	// CountClinic counts what is stored of a clinic, by table.
	CountClinic(ctx context.Context, clinicID uuid.UUID) (Counts, error)

	// EraseClinic does one step of the erasure of a clinic, until the state is done. The
	// zero State is the first step's. The error of a clinic that is not disabled is
	// ErrActive.
	EraseClinic(ctx context.Context, clinicID uuid.UUID, state State) (State, Counts, error)

	// FinishClinic removes the clinic itself, when all steps are done.
	FinishClinic(ctx context.Context, clinicID uuid.UUID, state State) (Counts, error)

	// EraseClient erases a client in one transaction, or with trial only counts. Counts.Named
	// says whether there is such a client. The error is CodeNotFound where the clinic has not
	// every case that the subject names.
	EraseClient(ctx context.Context, subject Subject, trial bool) (Counts, error)
}

// A State is how far the erasure of a clinic has come.
type State struct {
	Event int64 // the last event of the history that was looked at
	Done  bool  // nothing but the clinic itself is left
}

// ErrUnknownClient means that nothing that can be searched names the client. The id may be
// wrong, so nothing is erased.
var ErrUnknownClient error = syncs.Fail(syncs.CodeNotFound, "no case and no history of the clinic names this client: check the id")

// ErrActive means that a clinic is still synced, so it is not erased.
var ErrActive error = syncs.Fail(syncs.CodeInvalidRequest, "the clinic is not disabled; run `pims-sync clinic disable` first, and erase it when nobody misses it")

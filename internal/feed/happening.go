package feed

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Happening is one position of the feed, for people who watch what arrives: an event, or
// what one transaction did to the cases of a clinic.
type Happening struct {
	Position  int64
	ClinicID  uuid.UUID // zero: of the installation
	Type      string    // of Types
	At        time.Time // when it happened
	ArrivedAt time.Time // when it got its position
	Data      []byte    // of an event: a JSON object; nil for CaseChanged
	Changes   *Changes  // of CaseChanged; nil where the history was removed
}

// Changes are what one transaction did to cases.
type Changes struct {
	Actor                                        string
	Created, Changed, Deleted, Restored, Removed int
	Fields                                       []string    // of the changed cases
	Cases                                        []uuid.UUID // the first few
}

// A HappeningFilter chooses happenings.
type HappeningFilter struct {
	Clinics []uuid.UUID // nil: all, with those of the installation
	Type    string      // empty: every type
	Page    syncs.Page
}

package recordings

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An Entry is what is known of a stored recording without opening it.
type Entry struct {
	ID         uuid.UUID // of the sync
	ClinicID   uuid.UUID
	Type       syncs.Type
	Status     syncs.Status // how the sync ended
	Code       syncs.Code
	Requests   int
	Bytes      int    // of the document, packed
	Cut        string // why it is not whole; empty: it is
	RecordedAt time.Time
}

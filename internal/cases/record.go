package cases

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Record is a whole stored case, for reading. Null texts are nil.
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
	DeletedAt     time.Time // zero: it is not soft-deleted, or another program deleted it without a time
	DeletedReason string    // empty: like DeletedAt
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Size returns how many bytes the texts of the case have.
func (r *Record) Size() int {
	size := len(r.Metadata) + len(r.Status) + len(r.CaseType)
	for _, text := range []*string{r.PIMSID, r.PatientName, r.ClientName, r.PhoneNumber} {
		if text != nil {
			size += len(*text)
		}
	}
	return size
}

// A Filter selects cases of one clinic. They are ordered by scheduled date and id, or
// by their last update where UpdatedSince is set; those without a date come last. Zero
// fields select everything.
type Filter struct {
	From         pims.Date // civil days in the clinic's zone, both included (R1)
	To           pims.Date
	Status       string
	UpdatedSince time.Time
	PIMSID       string
	Query        string // each of its words is in the patient's or the client's name, the phone number or the PIMS's id
	Deleted      *bool  // only soft-deleted cases, or only others; nil: both
	NewestFirst  bool   // else the oldest first
	syncs.Page
}

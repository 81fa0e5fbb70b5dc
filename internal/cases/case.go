package cases

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
)

// A Case is our record of one appointment, with the fields that a sync needs. Texts that
// are null in the database are empty here.
type Case struct {
	ID            uuid.UUID
	PIMSID        string
	PatientName   string
	ClientName    string
	PhoneNumber   string
	ScheduledDate time.Time // zero: null
	Status        string    // shared with people and other programs (R10)
	SyncStatus    string    // what sync last wrote to Status; empty: never (R10)
	CaseType      string

	Appointment  Appointment   // metadata.appointment (R11)
	Consultation *Consultation // metadata.consultation; nil: none, or not read
	Consulted    *Belonging    // whose the stored consultation is, where only that was read; nil: none, or see Consultation
	Hidden       bool          // the write removes the stored consultation (R7)

	// Shown are the consultations that the case showed before and does not show now, by their
	// ids, and the patients for whom it did (R7). It is read with the consultation and not
	// written: the database keeps it, whoever takes a consultation away.
	Shown map[string]Whose

	Deletion *Deletion // metadata.reconciliation; nil: none

	// Filtered is the filter of the clinic that the appointment meets (R50), in
	// metadata.sync. The case stays: a filter only keeps new cases from being created.
	Filtered settings.Cause

	CreatedAt time.Time
	UpdatedAt time.Time

	// Returning: a person restored the case, and this read shows its id for the first
	// time since (R24). It is not stored with the case.
	Returning bool

	// Version identifies the row version that was read; the store writes only
	// over this one (R12).
	Version uint32
}

// The status of a case as the specification maps it (W5).
const (
	Draft    = "draft"
	Pending  = "pending"
	Reviewed = "reviewed"
)

// The type of a case (W6).
const (
	Checkup = "checkup"
	Surgery = "surgery"
	Other   = "other"
)

// SoftDeleted reports whether reconciliation has deleted the case.
func (c *Case) SoftDeleted() bool { return c.Deletion != nil && c.Deletion.SoftDeleted }

// An Appointment is what metadata.appointment keeps of the PIMS's record (R10, R11): the
// fields without a column of their own, and the raw texts (R2, R7).
type Appointment struct {
	ConsultationID string
	Earlier        bool        // an earlier row of the PIMS named ConsultationID, the latest does not (R9)
	Status         string      // the PIMS's own word (R10)
	Meaning        pims.Status // what Status means (R54); empty: unknown
	Type           string      // the PIMS's own word
	Start          string      // wall clock, in the form of pims.WallText (R2, R12)
	End            string
	PatientID      string
	Unproved       bool // since a row last named PatientID, another row gave another name and no patient id (R7)
	ClientID       string
	ClientEmail    string
	Veterinarian   string
	Room           string
	Title          string
	Reason         string
}

// A Belonging identifies whose a consultation is, by the ids that it names (R7). An empty
// text is unknown.
type Belonging struct {
	ConsultationID string
	PatientID      string
	ClientID       string
}

func (b *Belonging) whose() Whose { return Whose{PatientID: b.PatientID, ClientID: b.ClientID} }

// Owner returns whose the stored consultation is, or nil where none is stored.
func (c *Case) Owner() *Belonging {
	if c.Consultation != nil {
		return c.Consultation.Belonging()
	}
	return c.Consulted
}

// A Consultation is what metadata.consultation keeps (W8).
type Consultation struct {
	pims.Consultation
	FetchedAt time.Time
}

// Belonging returns whose the consultation is.
func (c *Consultation) Belonging() *Belonging {
	return &Belonging{ConsultationID: c.ID, PatientID: c.PatientID, ClientID: c.ClientID}
}

// A Deletion is what metadata.reconciliation keeps (W10).
type Deletion struct {
	SoftDeleted bool
	Reason      string
	DeletedAt   time.Time
	SyncID      uuid.UUID // the reconciliation's own audit (R24)

	// The state before the delete. A restore puts these values back (R24).
	StatusBefore     string
	SyncStatusBefore string
}

// Why a case was soft-deleted (R22, R24).
const (
	ReasonRemoved   = "Removed from PIMS"
	ReasonCancelled = "Cancelled in PIMS"
)

// Holds reports whether the case stores the consultation of this id.
func (c *Case) Holds(id string) bool {
	stored := c.Owner()
	return stored != nil && stored.ConsultationID == id
}

// Deleted returns the case as a soft delete leaves it. It keeps the state before for a
// restore (R24).
func Deleted(c Case, reason string, syncID uuid.UUID, at time.Time) Case {
	c.Deletion = &Deletion{
		SoftDeleted:      true,
		Reason:           reason,
		DeletedAt:        at,
		SyncID:           syncID,
		StatusBefore:     c.Status,
		SyncStatusBefore: c.SyncStatus,
	}
	c.Status, c.SyncStatus = Reviewed, Reviewed
	return c
}

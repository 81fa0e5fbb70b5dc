package cases

import (
	"time"

	"github.com/google/uuid"
)

// A Candidate is a past case that enrichment may serve, with what is known of earlier
// attempts (R19).
type Candidate struct {
	CaseID         uuid.UUID
	PIMSID         string
	ScheduledDate  time.Time
	ConsultationID string // of the appointment (R9); empty: not known
	Earlier        bool   // an earlier row of the PIMS named ConsultationID, the latest does not
	PatientID      string // of the appointment (R7); empty: not known
	ClientID       string // likewise
	HasNotes       bool   // a consultation with a non-blank SOAP section is stored
	Stored         bool   // a consultation is stored
	StoredID       string // its id

	// The appointment, the patient and the client that the stored consultation names.
	StoredAppointmentID, StoredPatientID, StoredClientID string

	// Closed: nothing is read for the case, because its visit is cancelled or still to come.
	// It has a stored consultation that may be another case's (R9).
	Closed bool

	Final bool // it was final when last read

	Tries       int       // attempts in a row without success
	NextTry     time.Time // zero: not waiting
	ReadAt      time.Time // zero: never read
	Fingerprint string    // of the search entry at the last read

	Since time.Time // when its patient or consultation changed, which makes it due whatever the window; zero: never
}

// When enrichment reads a consultation again (R19).
const (
	addendaPeriod = 72 * time.Hour      // notes of a final visit may still be corrected
	waitingPeriod = 14 * 24 * time.Hour // after the visit; later nothing is looked for again
)

// waits are the pauses before enrichment looks again for a consultation that was missing or
// had no section (R19).
var waits = []time.Duration{time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// Wait returns the pause after the given number of attempts without success, from 1.
func Wait(tries int) time.Duration { return waits[min(tries, len(waits))-1] }

// Due reports whether a case needs enrichment at this time (R19).
func (c *Candidate) Due(now time.Time, force bool) bool {
	if force {
		return true
	}
	if !c.NextTry.IsZero() && now.Before(c.NextTry) {
		return false // it waits
	}
	switch {
	case !c.Since.IsZero(): // its patient or its consultation changed
		return c.Tries == 0 || now.Before(c.Since.Add(waitingPeriod))
	case !c.Stored || !c.HasNotes: // each is read once, whatever its age
		return c.Tries == 0 || now.Before(c.ScheduledDate.Add(waitingPeriod))
	case !c.Final:
		return true
	default:
		return c.ReadAt.Before(c.ScheduledDate.Add(addendaPeriod))
	}
}

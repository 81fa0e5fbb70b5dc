package cases

import (
	"cmp"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// ErrAnotherPatient means that the consultation that was read belongs to another patient than the
// case (R7).
var ErrAnotherPatient = errors.New("the consultation is another patient's")

// ErrPatientUnproved means that the appointment names another patient than before and has no patient
// id (R7).
var ErrPatientUnproved = errors.New("the visit names another patient than before, without a patient id")

// Differ reports whether both ids are known and not equal. An id that becomes known is no
// difference (R7).
func Differ(a, b string) bool { return !pims.Blank(a) && !pims.Blank(b) && a != b }

// otherName reports whether both names are known and not equal. Letter case, blanks and
// punctuation make no difference.
func otherName(a, b string) bool {
	plain := func(name string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, name)
	}
	return Differ(plain(a), plain(b))
}

// unproved reports whether the case's patient is no longer certain: a row gave another name
// or another client and no patient id, and no row has given a patient id since (R7).
func (c *Case) unproved(a *pims.Appointment) bool {
	known := !pims.Blank(c.Appointment.PatientID)
	return pims.Blank(a.PatientID) && (c.Appointment.Unproved ||
		(known || c.returning()) && otherName(c.PatientName, pims.Undamaged(a.PatientName, c.PatientName)) ||
		known && Differ(c.Appointment.ClientID, a.ClientID))
}

// becomes reports whether the row gives the visit to another patient. A row without a patient
// id does not, where the case's is known: then the patient is uncertain (R7).
func (c *Case) becomes(a *pims.Appointment) bool {
	lost := pims.Blank(a.PatientID) && !pims.Blank(c.Appointment.PatientID)
	row := Whose{a.PatientID, a.ClientID, pims.Undamaged(a.PatientName, c.PatientName)}
	return !lost && c.Whose().Another(row)
}

// patientOf returns the patient of the case's stored consultation: the patient stored with
// it, else the case's own.
func (c *Case) patientOf(b *Belonging) string { return cmp.Or(b.PatientID, c.Appointment.PatientID) }

// returning reports whether the appointment is back after it was gone: the case is
// soft-deleted, or a person has restored it and the PIMS shows it for the first time since
// (R16, R24).
func (c *Case) returning() bool { return c.SoftDeleted() || c.Returning }

// provedSame reports whether the case and the row both name a patient, and the same one. An
// appointment that comes back must meet this, because a PIMS may give its id to another
// appointment (R7).
func (c *Case) provedSame(a *pims.Appointment) bool {
	before := c.Appointment.PatientID
	if stored := c.Owner(); stored != nil {
		before = c.patientOf(stored)
	}
	return !pims.Blank(before) && before == a.PatientID && !Differ(c.Appointment.PatientID, a.PatientID)
}

// carriedOver returns the part of the old case that is kept when this row is merged (R7).
// Details of one patient never pass to another patient, and details of one client never
// pass to another client.
func carriedOver(old *Case, a *pims.Appointment) Case {
	c := *old
	switch another := old.becomes(a); {
	case old.returning() && another: // the PIMS reused the id: nothing else is the same
		c.PatientName, c.ClientName, c.PhoneNumber = "", "", ""
		c.Appointment = Appointment{}
		c = c.WithoutNotes()
	case old.returning() && !old.provedSame(a):
		c.Appointment = Appointment{}
		c = c.WithoutNotes()
	case another: // the patient was corrected, or merged into another one
		c.PatientName = ""
		c.Appointment.ConsultationID, c.Appointment.Title = "", ""
		if !Differ(old.Appointment.PatientID, a.PatientID) { // the client was the earlier patient's
			c.Appointment.ClientID = ""
		}
	}
	if Differ(old.Appointment.ClientID, a.ClientID) { // another client, also where the patient is the same
		c.ClientName, c.PhoneNumber, c.Appointment.ClientEmail = "", "", ""
	}
	if c.Appointment.Unproved = old.unproved(a); c.Appointment.Unproved && !old.Appointment.Unproved {
		c.Appointment.Title = ""
	}
	return c
}

// stillOwn reports whether the stored consultation still belongs to the case after this row
// of the PIMS (R7, R9): its patient is the case's patient, and the row neither names
// another consultation nor has lost it.
func stillOwn(stored *Belonging, old, merged *Case, a *pims.Appointment) bool {
	switch now := merged.Appointment; {
	case now.Unproved:
		return false
	case old.becomes(a), stored.whose().Another(Whose{PatientID: now.PatientID, ClientID: now.ClientID}):
		return false
	case !now.Earlier && Differ(stored.ConsultationID, now.ConsultationID):
		return false
	default:
		none := a.NoConsultation && pims.Blank(a.ConsultationID)
		return !none || stored.ConsultationID == "" || stored.ConsultationID != old.Appointment.ConsultationID
	}
}

// anotherPatient reports whether the patient is known to be another one than before.
func anotherPatient(before, after *Case) bool { return before.Whose().Another(after.Whose()) }

// anotherConsultation reports whether the appointment had a consultation id, and the PIMS
// now names another one or none.
func anotherConsultation(before, after *Case) bool {
	return !pims.Blank(before.Appointment.ConsultationID) && before.Appointment.ConsultationID != after.Appointment.ConsultationID
}

// proved reports whether the PIMS names the patient by id again, after it gave another name
// without an id.
func proved(before, after *Case) bool {
	return before.Appointment.Unproved && !after.Appointment.Unproved
}

// Hides reports whether the write removes the stored consultation from the case. The
// history keeps it.
func (w *Write) Hides() bool {
	return w.After.Hidden && w.Before != nil && w.Before.Owner() != nil
}

// Forgets reports whether the write drops a name or number of the case because it belonged
// to another patient or client. In all other cases a blank erases nothing (R7).
func (w *Write) Forgets() bool {
	if w.Before == nil {
		return false
	}
	left := func(before, after string) bool { return before != "" && after == "" }
	b, a := w.Before, &w.After
	return (anotherPatient(b, a) || Differ(b.Appointment.ClientID, a.Appointment.ClientID)) &&
		(left(b.PatientName, a.PatientName) || left(b.ClientName, a.ClientName) || left(b.PhoneNumber, a.PhoneNumber))
}

// LookAgain returns a reading that makes the case due at once, whatever the window (R19),
// where the write
//   - changes the case's patient or consultation,
//   - hides its consultation, or
//   - names its patient by id again.
//
// Otherwise it returns nil. A consultation that was hidden comes back only where it names
// the case's patient (R7).
func LookAgain(w *Write, at time.Time) *Reading {
	if w.Before == nil || !w.Hides() && !anotherPatient(w.Before, &w.After) && !anotherConsultation(w.Before, &w.After) && !proved(w.Before, &w.After) {
		return nil
	}
	return &Reading{CaseID: w.Before.ID, Since: at, Outcome: "changed"}
}

// Take returns the case as it is after this consultation was read for it. The caller has
// already found by the id that the consultation belongs to the case (R9). Take is pure.
// changed is false where there is nothing to write (R12).
//
// The error is ErrAnotherPatient where the consultation belongs to another patient, and
// ErrPatientUnproved where the case's patient is uncertain. Then the consultation is not
// stored, and what is stored of the same consultation is hidden (R7).
//
// A consultation that the case has shown for another patient (Case.Shown) does not come back
// while it names no patient.
func Take(c Case, read pims.Consultation, at time.Time) (after Case, changed bool, err error) {
	named := c.Names(&read)
	earlier, shown := c.Shown[read.ID]
	others := shown && pims.Blank(named.PatientID) && earlier.Another(c.Whose())
	switch {
	case c.Appointment.Unproved:
		return c.Without(read.ID, ErrPatientUnproved)
	case others || named.Another(c.Whose()):
		return c.Without(read.ID, ErrAnotherPatient)
	}
	merged, changed := MergeConsultation(c.Consultation, read, at)
	if !changed {
		return c, false, nil
	}
	c.Consultation, c.Consulted, c.Hidden = &merged, nil, false
	return c, true, nil
}

// Without decides about a consultation that the case may not show: what is stored of it is
// hidden (R7).
func (c Case) Without(consultationID string, why error) (after Case, changed bool, err error) {
	if c.Holds(consultationID) {
		return c.WithoutNotes(), true, why
	}
	return c, false, why
}

// WithoutNotes returns the case without its consultation.
func (c Case) WithoutNotes() Case {
	c.Hidden = c.Owner() != nil
	c.Consultation, c.Consulted = nil, nil
	return c
}

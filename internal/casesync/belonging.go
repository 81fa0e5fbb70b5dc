package casesync

import (
	"cmp"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// errAnotherPatient: what was read for a case is not its patient's (R7).
var errAnotherPatient = errors.New("the consultation is another patient's")

// errPatientUnproved: the visit names another patient than before, and no patient id
// (R7).
var errPatientUnproved = errors.New("the visit names another patient than before, without a patient id")

// differ tells whether two ids are known and not the same. From blank to known is
// learning, and no difference (R7).
func differ(a, b string) bool { return !pims.Blank(a) && !pims.Blank(b) && a != b }

// otherName tells whether two names are given and not the same. Letter case, blanks and
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
	return differ(plain(a), plain(b))
}

// unproved tells whether nobody says any more that the visit is of the patient whose id
// the case has, or of whom it was before its id was gone: a row gave another name and no
// patient id, and no row has named a patient id since (R7).
func (c *Case) unproved(a *pims.Appointment) bool {
	return pims.Blank(a.PatientID) && (c.Appointment.Unproved ||
		(!pims.Blank(c.Appointment.PatientID) || c.returning()) && otherName(c.PatientName, a.PatientName))
}

// patientOf is whose the case's stored consultation is: the patient that is stored
// with it, else the one that the case has had.
func (c *Case) patientOf(b *Belonging) string { return cmp.Or(b.PatientID, c.Appointment.PatientID) }

// returning tells whether the id comes back after it was gone: the case is
// soft-deleted, or a person has restored it and the PIMS shows it for the first time
// since (R16, R24).
func (c *Case) returning() bool { return c.SoftDeleted() || c.Returning }

// provedSame tells whether both the case and the row name the patient, and the same:
// what an id needs that was gone, because a PIMS may give it out again (R7).
func (c *Case) provedSame(a *pims.Appointment) bool {
	before := c.Appointment.PatientID
	if stored := c.owner(); stored != nil {
		before = c.patientOf(stored)
	}
	return !pims.Blank(before) && before == a.PatientID && !differ(c.Appointment.PatientID, a.PatientID)
}

// carriedOver is what of a case may live on beside this row of the PIMS (R7). The
// details of one patient never pass to another, nor those of one client.
func carriedOver(old *Case, a *pims.Appointment) Case {
	c := *old
	switch another := differ(old.Appointment.PatientID, a.PatientID); {
	case old.returning() && another: // the id was given out again: nothing but the id is the same
		c.PatientName, c.ClientName, c.PhoneNumber = "", "", ""
		c.Appointment = Appointment{}
		c = c.hidden()
	case old.returning() && !old.provedSame(a):
		c.Appointment = Appointment{}
		c = c.hidden()
	case another: // corrected, or merged into another one
		c.PatientName = ""
		c.Appointment.ConsultationID, c.Appointment.Title = "", ""
	}
	if differ(old.Appointment.ClientID, a.ClientID) { // also of the same patient
		c.ClientName, c.PhoneNumber, c.Appointment.ClientEmail = "", "", ""
	}
	if c.Appointment.Unproved = old.unproved(a); c.Appointment.Unproved && !old.Appointment.Unproved {
		c.Appointment.Title = ""
	}
	return c
}

// stillOwn tells whether the stored consultation is still the case's after this row
// of the PIMS (R7, R9): its patient is the case's, and the row neither names another
// consultation nor has ceased to have it.
func stillOwn(stored *Belonging, old, merged *Case, a *pims.Appointment) bool {
	switch now := merged.Appointment; {
	case now.Unproved:
		return false
	case differ(old.patientOf(stored), now.PatientID):
		return false
	case !now.Earlier && differ(stored.ConsultationID, now.ConsultationID):
		return false
	default:
		none := a.NoConsultation && pims.Blank(a.ConsultationID)
		return !none || stored.ConsultationID == "" || stored.ConsultationID != old.Appointment.ConsultationID
	}
}

// anotherPatient tells whether a patient who was known has become another one, who is known.
func anotherPatient(before, after *Case) bool {
	return differ(before.Appointment.PatientID, after.Appointment.PatientID)
}

// anotherConsultation tells whether the visit had a consultation by id, and the PIMS
// names another one for it, or none.
func anotherConsultation(before, after *Case) bool {
	return !pims.Blank(before.Appointment.ConsultationID) && before.Appointment.ConsultationID != after.Appointment.ConsultationID
}

// proved tells whether the PIMS names the patient by id again, after it gave another
// name without one.
func proved(before, after *Case) bool {
	return before.Appointment.Unproved && !after.Appointment.Unproved
}

// Hides tells whether the write takes the stored consultation out of the case. The
// history keeps it.
func (w *Write) Hides() bool {
	return w.After.Hidden && w.Before != nil && w.Before.owner() != nil
}

// Forgets tells whether the write leaves out a name or number that the case had,
// because it was another patient's or client's. Else a blank erases nothing (R7).
func (w *Write) Forgets() bool {
	if w.Before == nil {
		return false
	}
	left := func(before, after string) bool { return before != "" && after == "" }
	b, a := w.Before, &w.After
	return (anotherPatient(b, a) || differ(b.Appointment.ClientID, a.Appointment.ClientID)) &&
		(left(b.PatientName, a.PatientName) || left(b.ClientName, a.ClientName) || left(b.PhoneNumber, a.PhoneNumber))
}

// lookAgain is the reading of a case whose patient or consultation has become another
// one, or whose consultation was hidden, or whose patient is named by id again: it is
// due at once, whatever the window (R19), and the consultation of before comes back only where it names the case's patient (R7).
// Nil: there is no reason.
func lookAgain(w *Write, at time.Time) *Reading {
	if w.Before == nil || !w.Hides() && !anotherPatient(w.Before, &w.After) && !anotherConsultation(w.Before, &w.After) && !proved(w.Before, &w.After) {
		return nil
	}
	r := &Reading{CaseID: w.Before.ID, Since: at, Outcome: "changed"}
	if w.Hides() {
		r.Disowned = w.Before.disowned()
	}
	return r
}

// Take is what becomes of a case, read whole, when a consultation was read for it:
// the consultation id is the case's own already (R9). It is pure. changed is false
// where there is nothing to write (R12). The error is errAnotherPatient where the
// consultation is another patient's, and errPatientUnproved where nobody says whose the
// visit is: it is not stored, and what is stored of the same consultation is hidden
// (R7). disowned is what was hidden before: without naming a patient it does not come
// back to another one.
func Take(c Case, read pims.Consultation, disowned Belonging, at time.Time) (after Case, changed bool, err error) {
	patient := c.Appointment.PatientID
	unnamed := pims.Blank(read.PatientID) && read.ID == disowned.ConsultationID && differ(disowned.PatientID, patient)
	switch {
	case c.Appointment.Unproved:
		return c.without(read.ID, errPatientUnproved)
	case unnamed || differ(read.PatientID, patient):
		return c.without(read.ID, errAnotherPatient)
	}
	merged, changed := MergeConsultation(c.Consultation, read, at)
	if !changed {
		return c, false, nil
	}
	c.Consultation, c.Consulted, c.Hidden = &merged, nil, false
	return c, true, nil
}

// without is the decision about a consultation that the case may not show: what is
// stored of it is hidden (R7).
func (c Case) without(consultationID string, why error) (after Case, changed bool, err error) {
	if c.holds(consultationID) {
		return c.hidden(), true, why
	}
	return c, false, why
}

// hidden is the case without its consultation.
func (c Case) hidden() Case {
	c.Hidden = c.owner() != nil
	c.Consultation, c.Consulted = nil, nil
	return c
}

// disowned is what hiding the stored consultation leaves behind: whose it was.
func (c *Case) disowned() Belonging {
	stored := c.owner()
	return Belonging{stored.ConsultationID, c.patientOf(stored)}
}

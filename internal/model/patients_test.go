package model_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// newVisit is a visit of a patient of its own.
func (m *machine) newVisit(id string) pims.Appointment {
	a := pims.Appointment{
		ID: id, PatientName: "Patient " + id, ClientName: "Client " + id, ClientPhone: "(555) 0100", Type: pims.TypeCheckup, TypeText: "Exam",
		Room:   []string{"Room 1", "Grooming", ""}[len(m.calendar)%3],
		Status: pims.StatusScheduled, StatusText: "Scheduled",
	}
	m.assign(id, "p"+id)
	delete(m.held, id)
	m.named(&a, len(id)%2)
	return a
}

// named writes the visit's patient into its row, where the calendar does so.
func (m *machine) named(a *pims.Appointment, nth int) {
	if a.PatientID = ""; nth < m.calendarNames {
		a.PatientID = m.patients[a.ID]
	}
}

// assign notes whose a visit is.
func (m *machine) assign(id, patient string) {
	m.patients[id] = patient
	if m.ever[id] == nil {
		m.ever[id] = map[string]bool{}
	}
	m.ever[id][patient] = true
}

// belongsTo makes a visit another patient's; a row that names its patient names the
// new one.
func (m *machine) belongsTo(id, patient string) {
	m.assign(id, patient)
	if a, there := m.calendar[id]; there && a.PatientID != "" {
		a.PatientID = patient
		m.calendar[id] = a
	}
}

// own makes a consultation a patient's. Its text tells whose it is, and which, so
// that it can be told wherever it is shown.
func (m *machine) own(id, patient string) {
	c := m.notes[id]
	m.owners[id] = patient
	if c.PatientID = ""; m.notesName {
		c.PatientID = patient
	}
	if !c.SOAP.Blank() {
		_, text, _ := strings.Cut(c.SOAP.Plan, ": ")
		c.SOAP.Plan = fmt.Sprintf("%s %s: %s", id, patient, text)
	}
	m.notes[id] = c
}

func (m *machine) writeNotes() {
	m.onVisit(func(a pims.Appointment) {
		id := cmp.Or(m.held[a.ID], "c"+a.ID)
		if _, taken := m.notes[id]; taken && m.held[a.ID] == "" {
			m.serial++
			id = fmt.Sprintf("c%s-%d", a.ID, m.serial)
		}
		m.write(id, &a)
		if m.draw("the calendar names it", 0, 1) == 1 {
			a.ConsultationID, a.NoConsultation = id, false
			m.calendar[a.ID] = a
		}
	})
}

// write writes the consultation of a visit.
func (m *machine) write(id string, a *pims.Appointment) {
	c := pims.Consultation{ID: id, AppointmentID: a.ID, At: a.Start, Status: pims.ConsultationInProgress}
	if m.draw("final", 0, 1) == 1 {
		c.Status = pims.ConsultationCompleted
	}
	if text := []string{"", "Rest.", "Water."}[m.draw("plan", 0, 2)]; text != "" {
		c.SOAP.Plan = ": " + text
	}
	m.notes[id], m.held[a.ID] = c, id
	m.own(id, m.patients[a.ID])
}

// correctPatient enters another patient for a visit. The consultation goes with the
// visit, or stays the other patient's and says so.
func (m *machine) correctPatient() {
	m.onVisit(func(a pims.Appointment) {
		m.serial++
		patient := fmt.Sprintf("q%d", m.serial)
		if m.draw("back to the first", 0, 3) == 0 {
			patient = "p" + a.ID
		}
		m.belongsTo(a.ID, patient)
		if id := m.held[a.ID]; id != "" && (!m.notesName || m.draw("the consultation goes along", 0, 1) == 1) {
			m.own(id, patient)
		}
		m.seen["patients corrected"]++
	})
}

// mergePatients gives all of a visit's patient to the patient of another one.
func (m *machine) mergePatients() {
	m.onVisit(func(a pims.Appointment) {
		m.onVisit(func(b pims.Appointment) {
			from, into := m.patients[a.ID], m.patients[b.ID]
			for _, id := range sortedKeys(m.patients) {
				if m.patients[id] == from {
					m.belongsTo(id, into)
				}
			}
			for _, id := range sortedKeys(m.owners) {
				if _, there := m.notes[id]; there && m.owners[id] == from {
					m.own(id, into)
				}
			}
			m.seen["patients merged"]++
		})
	})
}

// giveOutAgain gives the id of a deleted visit to another patient's.
func (m *machine) giveOutAgain() {
	id, ok := m.pick()
	if !ok || m.calendar[id].ID != "" {
		return
	}
	a := m.newVisit(id)
	m.serial++
	m.assign(id, fmt.Sprintf("q%d", m.serial))
	m.named(&a, m.draw("the row names its patient", 0, 1))
	for _, c := range sortedKeys(m.notes) { // the consultations of before are not the new visit's
		if note := m.notes[c]; note.AppointmentID == id {
			note.AppointmentID = ""
			m.notes[c] = note
		}
	}
	m.enter(a, m.at(m.draw("days from today", -7, 9), m.draw("hour", 0, 23)))
	m.seen["ids given out again"]++
}

// release takes a visit's consultation from it: it is deleted, or belongs to no visit.
func (m *machine) release(id string) {
	if c, there := m.notes[id]; there && m.draw("it is deleted", 0, 1) == 0 {
		c.AppointmentID = ""
		m.notes[id] = c
	} else {
		delete(m.notes, id)
	}
}

func (m *machine) replaceConsultation() {
	m.onVisit(func(a pims.Appointment) {
		if old := m.held[a.ID]; old != "" {
			m.release(old)
			m.serial++
			id := fmt.Sprintf("c%s-%d", a.ID, m.serial)
			m.write(id, &a)
			if a.ConsultationID != "" {
				a.ConsultationID = id
				m.calendar[a.ID] = a
			}
			m.former[a.ID] = old
			m.seen["consultations replaced"]++
		}
	})
}

// takeBack gives a visit the consultation again that another one replaced, as it was.
func (m *machine) takeBack() {
	m.onVisit(func(a pims.Appointment) {
		c, there := m.notes[m.former[a.ID]]
		if !there || c.AppointmentID != "" {
			return
		}
		m.release(m.held[a.ID])
		c.AppointmentID = a.ID
		m.notes[c.ID], m.held[a.ID], m.former[a.ID] = c, c.ID, m.held[a.ID]
		if a.ConsultationID != "" {
			a.ConsultationID = c.ID
			m.calendar[a.ID] = a
		}
		m.misnamed[a.ID+" "+c.ID] = m.misnamed[a.ID+" "+c.ID] || m.owners[c.ID] != m.patients[a.ID]
		m.seen["replacements taken back"]++
	})
}

func (m *machine) discardConsultation() {
	m.onVisit(func(a pims.Appointment) {
		if old := m.held[a.ID]; old != "" {
			m.release(old)
			delete(m.held, a.ID)
			if a.ConsultationID != "" {
				a.ConsultationID, a.NoConsultation = "", true
				m.calendar[a.ID] = a
			}
			m.seen["consultations discarded"]++
		}
	})
}

// swapConsultations exchanges those of two visits, and with them whose they are.
func (m *machine) swapConsultations() {
	m.onVisit(func(a pims.Appointment) {
		m.onVisit(func(b pims.Appointment) {
			one, other := m.held[a.ID], m.held[b.ID]
			if a.ID == b.ID || one == "" || other == "" {
				return
			}
			for _, move := range []struct {
				visit        pims.Appointment
				consultation string
			}{{a, other}, {b, one}} {
				c := m.notes[move.consultation]
				c.AppointmentID = move.visit.ID
				m.notes[c.ID], m.held[move.visit.ID] = c, c.ID
				m.own(c.ID, m.patients[move.visit.ID])
				if move.visit.ConsultationID != "" {
					move.visit.ConsultationID = c.ID
					m.calendar[move.visit.ID] = move.visit
				}
			}
			if a.PatientID == "" || b.PatientID == "" { // nobody says that the visits are of two patients: until it is read again, the calendar decides
				m.misnamed[a.ID+" "+one], m.misnamed[b.ID+" "+other] = true, true
			}
			m.seen["consultations swapped"]++
		})
	})
}

// nameConsultation changes what the calendar says of a visit's consultation: its id,
// that there is none (though the search may name it), or nothing.
func (m *machine) nameConsultation() {
	m.onVisit(func(a pims.Appointment) {
		switch m.draw("the calendar says", 0, 2) {
		case 0:
			a.ConsultationID, a.NoConsultation = m.held[a.ID], m.held[a.ID] == ""
		case 1:
			a.ConsultationID, a.NoConsultation = "", true
		default:
			a.ConsultationID, a.NoConsultation = "", false
		}
		m.calendar[a.ID] = a
	})
}

// requireOwnNotes demands what must be true at any time: no case shows notes of
// another consultation than the one that it says it has, or of another patient than
// its own (R7).
func (m *machine) requireOwnNotes(r *row) {
	if r.Consultation == nil {
		return
	}
	patient := r.Appointment.PatientID
	require.False(m, isAnother(r.Consultation.PatientID, patient), "R7: case %s of %s has a consultation of %s", r.PIMSID, patient, r.Consultation.PatientID)
	visit := strings.TrimPrefix(r.PIMSID, "other-") // of faultPractice, which has the visits of this one under other ids
	if r.hasNotes() && !m.misnamed[visit+" "+r.Consultation.ID] {
		head, _, _ := strings.Cut(r.Consultation.SOAP.Plan, ": ")
		id, whose, _ := strings.Cut(head, " ")
		require.Equal(m, r.Consultation.ID, id, "R7: notes of another consultation")
		if m.notesName || !m.ever[r.PIMSID][whose] { // else only the PIMS could tell when the visit was whose
			require.False(m, isAnother(whose, patient), "R7: case %s of %s shows notes of %s", r.PIMSID, patient, whose)
		}
	}
	m.requireNoReturn(r)
	m.seen["consultations looked at"]++
}

// requireNoReturn demands that a consultation that a case has shown for one patient, and that
// names none, is not shown for another one, whatever happened in between (R7).
func (m *machine) requireNoReturn(r *row) {
	id, patient := r.Consultation.ID, cmp.Or(r.Consultation.PatientID, r.Appointment.PatientID)
	if r.Consultation.PatientID == "" {
		require.False(m, isAnother(m.showed[r.PIMSID+" "+id], patient), "R7: consultation %s came back from %s to %s", id, m.showed[r.PIMSID+" "+id], patient)
	}
	if patient != "" {
		m.showed[r.PIMSID+" "+id] = patient
	}
}

// isAnother reports whether two ids are known and differ.
func isAnother(a, b string) bool { return a != "" && b != "" && a != b }

// isOthers is R7 and R9 by the letter: whether two are known to be different patients.
func isOthers(a, b cases.Whose) bool {
	if a.PatientID != "" && b.PatientID != "" {
		return a.PatientID != b.PatientID
	}
	if a.ClientID != "" && b.ClientID != "" {
		return a.ClientID != b.ClientID
	}
	return (a.PatientID == "") != (b.PatientID == "") && isAnother(a.PatientName, b.PatientName)
}

// becomes is R7 by the letter: whether a row gives a visit to another patient.
func becomes(was *cases.Case, a *pims.Appointment) bool {
	now := cases.Whose{PatientID: strings.TrimSpace(a.PatientID), ClientID: strings.TrimSpace(a.ClientID), PatientName: strings.TrimSpace(a.PatientName)}
	uncertain := was.Appointment.PatientID != "" && now.PatientID == ""
	return !uncertain && isOthers(was.Whose(), now)
}

// unproved is R7 by the letter: whether a row gives another name and no patient id, for
// a case whose patient id is known or whose id was gone, or another client, for a case whose
// patient id is known, or did so and none has named an id since.
func unproved(was *cases.Case, returned bool, a *pims.Appointment) bool {
	known := was.Appointment.PatientID != ""
	renamed := (known || returned) && isAnother(strings.TrimSpace(was.PatientName), strings.TrimSpace(a.PatientName))
	resold := known && isAnother(was.Appointment.ClientID, strings.TrimSpace(a.ClientID))
	return strings.TrimSpace(a.PatientID) == "" && (was.Appointment.Unproved || renamed || resold)
}

// mustHide is R7 and R9 by the letter: whether a row of the calendar takes the stored
// consultation from its case. returned: the id was gone before.
func mustHide(c *cases.Case, returned bool, a *pims.Appointment) bool {
	stored, was := c.Consultation, &c.Appointment
	if stored == nil {
		return false
	}
	whose := cmp.Or(stored.PatientID, was.PatientID)
	now := strings.TrimSpace(a.PatientID)
	named := strings.TrimSpace(a.ConsultationID)
	switch {
	case unproved(c, returned, a):
		return true
	case returned && (whose == "" || whose != now || isAnother(was.PatientID, now)):
		return true // it needs a proof
	case isAnother(whose, now), becomes(c, a):
		return true
	case isOthers(cases.Whose{PatientID: stored.PatientID, ClientID: stored.ClientID},
		cases.Whose{PatientID: cmp.Or(now, was.PatientID), ClientID: cmp.Or(strings.TrimSpace(a.ClientID), was.ClientID)}):
		return true // it names another one
	case isAnother(stored.ID, named):
		return true
	case named == "" && a.NoConsultation && stored.ID != "" && was.ConsultationID == stored.ID:
		return true // it was the visit's, and is not any more
	default:
		return false
	}
}

// requireBelongings demands that a calendar that was written has hidden what is not
// the case's any more, and nothing else (R7).
func (m *machine) requireBelongings(p *play) {
	if p.kind != syncs.TypeInbound && p.kind != syncs.TypeReconciliation || p.audit.Status != syncs.StatusCompleted || p.fault == faultPerson {
		return
	}
	hidden := 0
	for _, was := range p.before {
		is, a := p.after[was.ID], p.heard.shown(was.PIMSID)
		if a == nil && p.kind == syncs.TypeReconciliation {
			continue // it may have been found elsewhere
		}
		if a == nil {
			require.Equal(m, was.Consultation, is.Consultation, "R7: nothing was said of it")
			continue
		}
		if mustHide(&was.Case, was.SoftDeleted() || was.protected, a) {
			require.Nil(m, is.Consultation, "R7: %s keeps what is not its own", was.PIMSID)
			hidden++
			continue
		}
		require.Equal(m, was.Consultation, is.Consultation, "R7: %s lost its own", was.PIMSID)
	}
	if p.kind == syncs.TypeInbound {
		require.Equal(m, hidden, p.audit.Result.Warnings.ConsultationsHidden)
	}
	m.seen["consultations hidden"] += hidden
}

// requireName demands that a blank name erases nothing, unless the name was another
// patient's (R7).
func (m *machine) requireName(p *play, a *pims.Appointment, r *row) {
	was := p.before[r.ID]
	want := was.PatientName
	if becomes(&was.Case, a) {
		want = ""
	}
	require.Equal(m, want, r.PatientName, "R7: a blank erases nothing of the patient's own")
}

// shown is an appointment of the first snapshot.
func (t *testimony) shown(id string) *pims.Appointment {
	for i := range t.snapshots[0].Appointments {
		if a := &t.snapshots[0].Appointments[i]; a.ID == id {
			return a
		}
	}
	return nil
}

// sameNotes reports whether two states of a case have the same patient's consultation.
func sameNotes(was, is *row) bool {
	return was.Consultation != nil && is.Consultation != nil && was.Consultation.ID == is.Consultation.ID &&
		!isOthers(was.Whose(), is.Whose()) && !isAnother(was.Consultation.PatientID, is.Consultation.PatientID)
}

func sortedKeys[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

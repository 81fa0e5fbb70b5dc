package model_test

import (
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// misnameConsultation makes the PIMS name a consultation for a visit that it is not of:
// the calendar does, or the consultation itself, and with it the search.
func (m *machine) misnameConsultation() {
	written := sortedKeys(m.notes)
	m.onVisit(func(a pims.Appointment) {
		if len(written) == 0 {
			return
		}
		id := written[m.draw("consultation", 0, len(written)-1)]
		if m.draw("the calendar misnames it", 0, 1) == 1 {
			a.ConsultationID, a.NoConsultation = id, false
			m.calendar[a.ID] = a
		} else {
			c := m.notes[id]
			c.AppointmentID = []string{a.ID, ""}[m.draw("it names none", 0, 1)]
			m.notes[id] = c
		}
		m.misnamed[a.ID+" "+id] = true
		m.seen["consultations misnamed"]++
	})
}

// foreign is R9 by the letter: whether an appointment is another visit, whose case is
// known, of another patient than the case's.
func (m *machine) foreign(p *play, was *row, appointmentID string) bool {
	for _, other := range p.before {
		if other.PIMSID == appointmentID {
			return isAnother(appointmentID, was.PIMSID) && isAnother(other.Appointment.PatientID, was.Appointment.PatientID)
		}
	}
	return false
}

// contested is R9 by the letter: whether the calendar names a consultation, or named
// it last, for visits of different patients.
func (m *machine) contested(p *play, id string) bool {
	patient := ""
	for _, r := range p.before {
		if a := r.Appointment; m.enrichable(p, &r) && a.ConsultationID == id && a.PatientID != "" {
			if isAnother(patient, a.PatientID) {
				return true
			}
			patient = a.PatientID
		}
	}
	return false
}

// contradicts is R9 by the letter: whether the search lists the consultation of the
// calendar for another visit, and another one for this.
func (m *machine) contradicts(was *row, entries []pims.ConsultationEntry) bool {
	id, certain := m.belongs(was, entries)
	return certain && isAnother(listed(entries, id).AppointmentID, was.PIMSID) && isAnother(m.search(was, entries), id)
}

// isLost is R9 by the letter: whether a search that was made shows that the stored
// consultation is not the case's.
func (m *machine) isLost(p *play, was *row, entries []pims.ConsultationEntry) bool {
	stored := was.Consultation
	if stored == nil || len(p.heard.searches) == 0 || !m.enrichable(p, was) {
		return false
	}
	id, certain := m.belongs(was, entries)
	entry := listed(entries, stored.ID)
	named := certain && id == stored.ID && !m.contradicts(was, entries)
	ownerless := m.contested(p, stored.ID) && entry.AppointmentID == "" && stored.AppointmentID == "" && stored.PatientID == ""
	return !named && isAnother(entry.AppointmentID, was.PIMSID) || m.foreign(p, was, entry.AppointmentID) ||
		m.foreign(p, was, stored.AppointmentID) || ownerless
}

// requireAnotherVisit demands that a case whose consultation is disputed says so and
// waits.
func (m *machine) requireAnotherVisit(p *play, was *row, learned cases.Reading) {
	require.Equal(m, string(syncs.ItemAnotherVisit), learned.Outcome)
	m.seen["consultations of another visit"]++
	if !m.isDue(was, p.learned[was.ID]) && !p.force {
		return // it was hidden just now, and has waited for nothing
	}
	m.requireWait(p, was, learned)
}

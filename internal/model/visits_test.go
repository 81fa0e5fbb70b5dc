package model_test

import (
	"slices"

	"github.com/google/uuid"
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

// twinConsultation makes the calendar name the consultation of one visit for another one too,
// which may be cancelled, put off or long past, and takes away what tells whose it is.
func (m *machine) twinConsultation() {
	m.onVisit(func(a pims.Appointment) {
		m.onVisit(func(b pims.Appointment) {
			if a.ID == b.ID {
				return
			}
			id := m.held[a.ID]
			if id == "" {
				id = "c" + a.ID
				m.write(id, &a)
			}
			c := m.notes[id]
			if m.draw("it names its visit", 0, 2) > 0 {
				c.AppointmentID = ""
			}
			m.notes[id] = c
			a.ConsultationID, a.NoConsultation = id, false
			b.ConsultationID, b.NoConsultation = id, false
			switch m.draw("the other visit is", 0, 4) {
			case 0:
				b.Status, b.StatusText = pims.StatusCancelled, "Cancelled"
			case 1:
				m.enter(b, m.at(m.draw("days from today", 1, 9), 10))
				b.Start, b.StartText, b.End, b.EndText = m.calendar[b.ID].Start, m.calendar[b.ID].StartText, m.calendar[b.ID].End, m.calendar[b.ID].EndText
			case 2:
				delete(m.calendar, b.ID)
			default:
			}
			m.calendar[a.ID] = a
			if _, there := m.calendar[b.ID]; there {
				m.calendar[b.ID] = b
			}
			m.misnamed[b.ID+" "+id] = true
			m.seen["consultations of two visits"]++
		})
	})
}

// has reports whether a case has a consultation: it names it, named it last, or stores it.
func has(r *row, id string) bool {
	return id != "" && (r.Appointment.ConsultationID == id || r.Consultation != nil && r.Consultation.ID == id)
}

// isShared is R9 by the letter: whether another patient's case, whatever became of it, has the
// consultation too, and nothing tells that it is this case's. named is the patient that it
// names, visits are those that it and the search name.
func isShared(rows map[uuid.UUID]row, was *row, id, named string, visits ...string) bool {
	patient := was.Appointment.PatientID
	if named != "" && patient != "" || slices.Contains(visits, was.PIMSID) {
		return false // it is known whose it is
	}
	shared := false
	for _, other := range rows {
		theirs := other.Appointment.PatientID
		if patient != "" && theirs == patient && slices.Contains(visits, other.PIMSID) {
			return false
		}
		if other.ID != was.ID && has(&other, id) && isAnother(theirs, patient) && !isAnother(named, theirs) {
			shared = true
		}
	}
	return shared
}

// proved is R9 by the letter: whether something besides the calendar says that a consultation is
// the case's. named is the patient that it names, visits are those that it and the search name.
func (m *machine) proved(p *play, was *row, named string, visits ...string) bool {
	patient := was.Appointment.PatientID
	if patient != "" && named == patient || slices.Contains(visits, was.PIMSID) {
		return true
	}
	for _, other := range p.before {
		if patient != "" && other.Appointment.PatientID == patient && slices.Contains(visits, other.PIMSID) {
			return true
		}
	}
	return false
}

// requirePresent demands that a consultation which nothing but the calendar gives to the case
// was compared with the calendar as it is now (R9).
func (m *machine) requirePresent(p *play, was, is *row, c *pims.Consultation, entry pims.ConsultationEntry, learned cases.Reading) {
	var now *pims.Appointment
	others := false
	for i := range p.heard.snapshots {
		for _, a := range p.heard.snapshots[i].Appointments {
			switch {
			case a.ID == was.PIMSID:
				now = &a
			case a.ConsultationID == c.ID && isAnother(a.PatientID, was.Appointment.PatientID):
				others = true
			}
		}
	}
	kept := was.Consultation
	if kept != nil && kept.ID == c.ID {
		kept = nil
	}
	switch {
	case now == nil || isAnother(now.PatientID, was.Appointment.PatientID):
		require.Equal(m, was.Consultation, is.Consultation, "R9: the calendar does not show the visit")
		m.requireWait(p, was, learned)
		m.seen["consultations whose visit the calendar no longer shows"]++
	case now.NoConsultation || isAnother(now.ConsultationID, c.ID):
		require.Equal(m, kept, is.Consultation, "R9: the calendar has moved it")
		m.requireWait(p, was, learned)
		m.seen["consultations that the calendar has moved"]++
	case others:
		require.Equal(m, kept, is.Consultation, "R9: the calendar names it for another patient's visit, too")
		m.requireAnotherVisit(p, was, learned)
	default:
		m.requireRead(p, was, is, c, entry, learned)
		m.seen["consultations that the calendar alone names"]++
	}
}

// requireOneOwner demands that no case shows a consultation that another patient's case has
// too, where nothing tells whose it is (R9). A case whose twin came up in this very run is due
// in the next one.
func (m *machine) requireOneOwner(p *play, learned map[uuid.UUID]cases.Reading) {
	for id, r := range p.after {
		if r.Consultation == nil || r.SoftDeleted() || !learned[id].Since.IsZero() {
			continue
		}
		c := r.Consultation
		require.False(m, isShared(p.after, &r, c.ID, c.PatientID, c.AppointmentID, m.notes[c.ID].AppointmentID),
			"R9: case %s shows %s, which another patient's case has too", r.PIMSID, c.ID)
	}
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
	if stored == nil || len(p.heard.searches) == 0 || !m.enrichable(p, was) && !m.isClosed(p, was) {
		return false
	}
	id, certain := m.belongs(was, entries)
	entry := listed(entries, stored.ID)
	named := certain && id == stored.ID && !m.contradicts(was, entries)
	ownerless := isShared(p.before, was, stored.ID, stored.PatientID, stored.AppointmentID, entry.AppointmentID)
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

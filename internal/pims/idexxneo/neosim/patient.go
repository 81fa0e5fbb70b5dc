package neosim

import (
	"fmt"
	"time"
)

// A Patient is an animal of the practice with its client.
type Patient struct {
	ID, Name                      string
	ClientID, FirstName, LastName string
}

// ReuseID gives the id of a deleted appointment out again, for another visit.
func (s *Sim) ReuseID(id string, a Appointment) error {
	b := s.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.removed[id] == nil {
		return fmt.Errorf("neosim: appointment %s was not deleted, so its id is not free", id)
	}
	a.ID = id
	b.appointments.put(id, a.normal())
	return nil
}

// CorrectPatient enters another patient for a visit. Its consultation stays as it is.
func (s *Sim) CorrectPatient(id string, p Patient) error {
	return s.book.edit(id, func(a *Appointment) {
		a.PatientID, a.Patient, a.Title = p.ID, p.Name, ""
		a.ClientID, a.FirstName, a.LastName = p.ClientID, p.FirstName, p.LastName
	})
}

// MergePatients gives one patient's visits and consultations to another.
func (s *Sim) MergePatients(from string, into Patient) error {
	o := s.Options()
	today := s.Today()
	for _, a := range s.Appointments(today.AddDate(0, 0, -o.DaysBack), today.AddDate(0, 0, o.DaysAhead+1)) {
		if a.PatientID != from || a.Block || a.Roster {
			continue
		}
		if err := s.CorrectPatient(a.ID, into); err != nil {
			return err
		}
	}
	first, last := time.Time{}, time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)
	if s.book.practice != nil {
		first, last = today.AddDate(0, 0, -o.DaysBack), today.AddDate(0, 0, o.DaysAhead+1)
	}
	for _, c := range s.book.consultationsBetween(first, last) {
		if c.PatientID != from {
			continue
		}
		if err := s.EditConsultation(c.ID, func(c *Consultation) { c.PatientID, c.Patient = into.ID, into.Name }); err != nil {
			return err
		}
	}
	return nil
}

// ReplaceConsultation gives a visit a new, empty consultation. The one that it had
// belongs to no visit from then on.
func (s *Sim) ReplaceConsultation(appointmentID string) (consultationID string, err error) {
	if known, ok := s.ConsultationOf(appointmentID); ok {
		if err := s.EditConsultation(known.ID, func(c *Consultation) { c.AppointmentID = "" }); err != nil {
			return "", err
		}
	}
	a, ok := s.Appointment(appointmentID)
	if !ok {
		return "", noAppointment(appointmentID)
	}
	next := consultationFor(&a)
	next.Status = "in_progress"
	consultationID = s.AddConsultation(next)
	return consultationID, s.EditAppointment(appointmentID, func(a *Appointment) { a.ConsultationID = consultationID })
}

// DiscardConsultation deletes a visit's consultation: neither the search nor a view
// knows it, and the calendar says null.
func (s *Sim) DiscardConsultation(appointmentID string) error {
	known, ok := s.ConsultationOf(appointmentID)
	if !ok {
		return fmt.Errorf("neosim: appointment %s has no consultation", appointmentID)
	}
	s.book.discard(known.ID)
	return s.ForgetConsultation(appointmentID)
}

// ForgetConsultation makes the calendar say null for a visit's consultation, which
// stays.
func (s *Sim) ForgetConsultation(appointmentID string) error {
	return s.EditAppointment(appointmentID, func(a *Appointment) { a.ConsultationID = "" })
}

// SwapConsultations exchanges the consultations of two visits.
func (s *Sim) SwapConsultations(one, other string) error {
	first, okFirst := s.ConsultationOf(one)
	second, okSecond := s.ConsultationOf(other)
	a, okOne := s.Appointment(one)
	b, okOther := s.Appointment(other)
	if !okFirst || !okSecond || !okOne || !okOther {
		return fmt.Errorf("neosim: of the appointments %s and %s, one has no consultation", one, other)
	}
	for _, err := range []error{
		s.EditConsultation(first.ID, func(c *Consultation) { c.AppointmentID = other }),
		s.EditConsultation(second.ID, func(c *Consultation) { c.AppointmentID = one }),
		s.EditAppointment(one, func(x *Appointment) { x.ConsultationID = b.ConsultationID }),
		s.EditAppointment(other, func(x *Appointment) { x.ConsultationID = a.ConsultationID }),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// A Naming says which visit the calendar, the search and the view name for one
// consultation, and which patient the views name. What is nil stays as it is; "" means none.
type Naming struct {
	Calendar, Search, View *string
	Patient                *string // by id; the views name no client then
}

// NameVisits makes calendar, search and views name visits and a patient for a consultation. They
// need not agree with each other.
func (s *Sim) NameVisits(consultationID string, n Naming) error {
	if n.Calendar != nil {
		if err := s.nameInCalendar(consultationID, *n.Calendar); err != nil {
			return err
		}
	}
	return s.EditConsultation(consultationID, func(c *Consultation) {
		if n.Search != nil {
			c.Listed = n.Search
		}
		if n.View != nil {
			if c.Listed == nil { // the search goes on naming what it named
				c.Listed = new(c.AppointmentID)
			}
			c.AppointmentID = *n.View
		}
		if n.Patient != nil {
			c.PatientID, c.ClientID = *n.Patient, ""
		}
	})
}

// nameInCalendar makes one row of the calendar name a consultation, and no other.
func (s *Sim) nameInCalendar(consultationID, appointmentID string) error {
	o, today := s.Options(), s.Today()
	for _, a := range s.Appointments(today.AddDate(0, 0, -o.DaysBack), today.AddDate(0, 0, o.DaysAhead+1)) {
		if a.ConsultationID == consultationID && a.ID != appointmentID {
			if err := s.ForgetConsultation(a.ID); err != nil {
				return err
			}
		}
	}
	if appointmentID == "" {
		return nil
	}
	return s.EditAppointment(appointmentID, func(a *Appointment) { a.ConsultationID = consultationID })
}

// discard takes a consultation away, generated or kept.
func (b *book) discard(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.consultations.remove(id)
	b.discarded[id] = true
}

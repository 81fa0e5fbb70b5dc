package neosim

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// Appointment shows one as the Sim holds it; false where the calendar has none of that id.
func (s *Sim) Appointment(id string) (Appointment, bool) {
	if a := s.book.appointment(id); a != nil {
		return *a, true
	}
	return Appointment{}, false
}

// Appointments lists what overlaps [from, to) of the wall clock, blocks and rosters included, in the calendar's order.
func (s *Sim) Appointments(from, to time.Time) []Appointment {
	var rows []Appointment
	for a := range s.book.between(wall(from), wall(to)) {
		rows = append(rows, *a)
	}
	return rows
}

// Today is the practice's civil day, at midnight of its wall clock.
func (s *Sim) Today() time.Time {
	o := s.Options()
	return civilDay(o.Now().In(o.Location))
}

// SetAppointments puts exactly these rows, in this order, in the place of everything there was, consultations included.
// A row without an id gets one. Without rows the practice is empty.
func (s *Sim) SetAppointments(rows ...Appointment) { s.book.setAppointments(rows) }

// AddAppointment adds a row to the calendar and returns its id, the next free number where it has none.
func (s *Sim) AddAppointment(a Appointment) string { return s.book.addAppointment(a) }

// EditAppointment replaces an appointment by what change makes of it; its id stays.
func (s *Sim) EditAppointment(id string, change func(*Appointment)) error {
	return s.book.edit(id, change)
}

// Move gives an appointment another start (wall clock); its length stays.
func (s *Sim) Move(id string, start time.Time) error {
	return s.book.edit(id, func(a *Appointment) {
		length := a.End.Sub(a.Start)
		a.Start = wall(start)
		a.End = a.Start.Add(length)
	})
}

// SetStatus gives an appointment another status word.
func (s *Sim) SetStatus(id, word string) error {
	return s.book.edit(id, func(a *Appointment) { a.Status, a.StatusLabel = word, word })
}

// Cancel gives an appointment the status Cancelled.
func (s *Sim) Cancel(id string) error { return s.book.cancel(id) }

// Delete removes an appointment: the calendar and the point lookup no longer know it.
func (s *Sim) Delete(id string) error { return s.book.remove(id) }

// Restore brings a deleted appointment back, or gives a cancelled one the status it had.
func (s *Sim) Restore(id string) error { return s.book.restore(id) }

// Shift shows every appointment later by d, or earlier, in the calendar and the lookup, from now on; 0 ends it.
func (s *Sim) Shift(d time.Duration) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	s.book.shift = d
}

// AddConsultation adds a consultation, or replaces the one of that id, and returns its id. The appointment's
// ConsultationID stays as it is.
func (s *Sim) AddConsultation(c Consultation) string { return s.book.addConsultation(c) }

// Consultation shows one as the Sim holds it.
func (s *Sim) Consultation(id string) (Consultation, bool) { return found(s.book.consultation(id)) }

// ConsultationOf shows the consultation of an appointment.
func (s *Sim) ConsultationOf(appointmentID string) (Consultation, bool) {
	return found(s.book.consultationOf(appointmentID))
}

func found(c *Consultation) (Consultation, bool) {
	if c == nil {
		return Consultation{}, false
	}
	return *c, true
}

// EditConsultation replaces a consultation by what change makes of it; its id stays.
func (s *Sim) EditConsultation(id string, change func(*Consultation)) error {
	return s.book.editConsultation(id, change)
}

// EditNotes replaces the clinical note of a consultation.
func (s *Sim) EditNotes(consultationID, notes string) error {
	return s.book.editConsultation(consultationID, func(c *Consultation) { c.Notes = notes })
}

// StartVisit begins a visit: the appointment is In Progress and has a consultation whose note has only begun.
func (s *Sim) StartVisit(appointmentID string) (consultationID string, err error) {
	return s.book.visit(appointmentID, "In Progress", func(c *Consultation) {
		c.Status = "in_progress"
		if c.Notes == "" {
			c.Notes = "S: " + pick(randomFor(appointmentID), complaints)
		}
	})
}

// FinishVisit ends a visit: the appointment is Completed and its consultation has all four sections, vitals, a diagnosis
// and discharge instructions. What the note already said stays in it.
func (s *Sim) FinishVisit(appointmentID string) (consultationID string, err error) {
	return s.book.visit(appointmentID, "Completed", func(c *Consultation) {
		r := randomFor(appointmentID)
		begun := c.Notes
		complete(c, r)
		c.Notes = finishedNote(r, begun)
		c.Discharge = pick(r, discharges)
	})
}

// visit gives the appointment a status, and a consultation as write leaves it.
func (b *book) visit(id, status string, write func(*Consultation)) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.find(id)
	if a == nil {
		return "", noAppointment(id)
	}
	next := consultationFor(a)
	if known := b.findConsultationOf(id); known != nil {
		next = *known
	} else {
		next.ID = strconv.Itoa(firstConsultationID + b.added)
		b.added++
	}
	write(&next)
	b.consultations.put(next.ID, &next)
	return next.ID, b.editLocked(id, func(a *Appointment) {
		a.Status, a.StatusLabel, a.ConsultationID = status, status, next.ID
	})
}

// consultationFor is the empty record of an appointment.
func consultationFor(a *Appointment) Consultation {
	return Consultation{
		AppointmentID: a.ID, PatientID: a.PatientID, Patient: a.Patient, Species: a.Species, Breed: a.Breed,
		ClientID: a.ClientID, Client: a.clientName(), Provider: a.Provider, At: a.Start, Reason: a.Reason,
	}
}

// randomFor is a source that depends on nothing but the id.
func randomFor(id string) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(hashed(id)), 1))
}

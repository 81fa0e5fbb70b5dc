package neosim

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The first numbers given to what is added without an id; far from those of the generated practice.
const (
	firstAppointmentID  = 7_000_001
	firstConsultationID = 8_000_001
)

// book holds what the practice knows: days that are generated as they are asked for, and over them what was set, added
// or changed. Kept entries are never modified, only replaced, so that an answer can be written without the lock.
type book struct {
	mu            sync.RWMutex
	practice      *practice  // nil where the appointments were set explicitly
	staff         []Provider // of the practice, also then
	appointments  shelf[Appointment]
	consultations shelf[Consultation]
	removed       map[string]*Appointment // what was deleted, by id
	before        map[string]*Appointment // what was cancelled, by id, as it was
	discarded     map[string]bool         // consultations that were deleted, by id
	shift         time.Duration
	added         int
}

func newBook(p *practice) *book {
	return &book{practice: p, staff: append(p.vets, p.former()), removed: map[string]*Appointment{}, before: map[string]*Appointment{}, discarded: map[string]bool{}}
}

// shelf keeps entries in the order in which they came. Of two with one id, the first is meant.
type shelf[T any] struct {
	rows  []shelved[T]
	place map[string]int
}

type shelved[T any] struct {
	id  string
	row *T
}

func (s *shelf[T]) get(id string) *T {
	if i, ok := s.place[id]; ok {
		return s.rows[i].row
	}
	return nil
}

// put replaces the entry of that id, or appends it.
func (s *shelf[T]) put(id string, row *T) {
	if i, ok := s.place[id]; ok {
		s.rows[i].row = row
		return
	}
	s.add(id, row)
}

func (s *shelf[T]) add(id string, row *T) {
	if s.place == nil {
		s.place = map[string]int{}
	}
	if _, ok := s.place[id]; !ok {
		s.place[id] = len(s.rows)
	}
	s.rows = append(s.rows, shelved[T]{id, row})
}

// remove takes every entry of that id away.
func (s *shelf[T]) remove(id string) {
	rest := slices.DeleteFunc(s.rows, func(e shelved[T]) bool { return e.id == id })
	s.rows, s.place = nil, nil
	for _, e := range rest {
		s.add(e.id, e.row)
	}
}

// pick copies the entries to keep, so that a reader can walk them without the lock.
func (s *shelf[T]) pick(keep func(*T) bool) []*T {
	var rows []*T
	for _, e := range s.rows {
		if keep(e.row) {
			rows = append(rows, e.row)
		}
	}
	return rows
}

// appointment finds one by id, generated or kept; nil where there is none (any more).
func (b *book) appointment(id string) *Appointment {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.find(id)
}

// find is appointment for holders of the lock.
func (b *book) find(id string) *Appointment {
	if row := b.appointments.get(id); row != nil {
		return row
	}
	if b.removed[id] != nil || b.practice == nil {
		return nil
	}
	return b.practice.appointment(id)
}

// between gives the appointments that overlap [from, to) of the wall clock: first the generated ones by day, then those
// kept, in the order in which they were added. Nothing is held while the caller writes them out.
func (b *book) between(from, to time.Time) iter.Seq[*Appointment] {
	b.mu.RLock()
	defer b.mu.RUnlock()
	shift := b.shift
	from, to = from.Add(-shift), to.Add(-shift)
	kept := b.appointments.pick(func(a *Appointment) bool { return a.overlaps(from, to) })
	practice, replaced := b.practice, b.replaced()
	return func(yield func(*Appointment) bool) {
		for a := range practice.between(from, to) {
			if !replaced[a.ID] && !yield(shifted(a, shift)) {
				return
			}
		}
		for _, a := range kept {
			if !yield(shifted(a, shift)) {
				return
			}
		}
	}
}

// replaced are the ids of generated appointments that something kept stands for.
func (b *book) replaced() map[string]bool {
	if b.practice == nil {
		return nil
	}
	ids := make(map[string]bool, len(b.removed)+len(b.appointments.place))
	for id := range b.removed {
		ids[id] = true
	}
	for id := range b.appointments.place {
		ids[id] = true
	}
	return ids
}

func shifted(a *Appointment, by time.Duration) *Appointment {
	if by == 0 {
		return a
	}
	moved := *a
	moved.Start, moved.End = a.Start.Add(by), a.End.Add(by)
	return &moved
}

// lookup is appointment as the wire shows it.
func (b *book) lookup(id string) *Appointment {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a := b.find(id)
	if a == nil {
		return nil
	}
	return shifted(a, b.shift)
}

// consultation finds one by its id.
func (b *book) consultation(id string) *Consultation {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.findConsultation(id)
}

func (b *book) findConsultation(id string) *Consultation {
	if row := b.consultations.get(id); row != nil {
		return row
	}
	if b.practice == nil {
		return nil
	}
	return b.generatedConsultation(b.practice.appointmentOf(id))
}

// consultationOf finds an appointment's consultation.
func (b *book) consultationOf(appointmentID string) *Consultation {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.findConsultationOf(appointmentID)
}

func (b *book) findConsultationOf(appointmentID string) *Consultation {
	for _, e := range b.consultations.rows {
		if e.row.AppointmentID == appointmentID {
			return e.row
		}
	}
	return b.generatedConsultation(appointmentID)
}

// generatedConsultation is the record of a generated visit that was not deleted and as it was generated: moving or
// cancelling the appointment does not rewrite it.
func (b *book) generatedConsultation(appointmentID string) *Consultation {
	if b.practice == nil || b.removed[appointmentID] != nil {
		return nil
	}
	c := b.practice.consultation(appointmentID)
	if c != nil && b.discarded[c.ID] {
		return nil
	}
	return c
}

// consultationsBetween gives all whose time lies in [from, to].
func (b *book) consultationsBetween(from, to time.Time) []*Consultation {
	b.mu.RLock()
	defer b.mu.RUnlock()
	within := func(c *Consultation) bool { return !c.At.Before(from) && !c.At.After(to) }
	var found []*Consultation
	for c := range b.practice.recordsBetween(from, to.Add(time.Second)) {
		if within(c) && b.consultations.get(c.ID) == nil && b.removed[c.AppointmentID] == nil && !b.discarded[c.ID] {
			found = append(found, c)
		}
	}
	return append(found, b.consultations.pick(within)...)
}

// setAppointments forgets the generated practice and every consultation and keeps these rows, in this order.
func (b *book) setAppointments(rows []Appointment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.practice, b.shift = nil, 0
	b.appointments, b.consultations = shelf[Appointment]{}, shelf[Consultation]{}
	clear(b.removed)
	clear(b.before)
	clear(b.discarded)
	for _, a := range rows {
		b.addLocked(a)
	}
}

func (b *book) addAppointment(a Appointment) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addLocked(a)
}

func (b *book) addLocked(a Appointment) string {
	if a.ID == "" {
		a.ID = strconv.Itoa(firstAppointmentID + b.added)
		b.added++
	}
	b.appointments.add(a.ID, a.normal())
	return a.ID
}

func (b *book) addConsultation(c Consultation) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.ID == "" {
		c.ID = strconv.Itoa(firstConsultationID + b.added)
		b.added++
	}
	c.At = wall(c.At)
	b.consultations.put(c.ID, &c)
	return c.ID
}

// edit replaces an appointment by what change makes of it; the id stays.
func (b *book) edit(id string, change func(*Appointment)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.editLocked(id, change)
}

func (b *book) editLocked(id string, change func(*Appointment)) error {
	found := b.find(id)
	if found == nil {
		return noAppointment(id)
	}
	next := *found
	change(&next)
	next.ID = id
	b.appointments.put(id, next.normal())
	return nil
}

// cancel gives the appointment the status word Cancelled and remembers what it was.
func (b *book) cancel(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.find(id)
	if found == nil {
		return noAppointment(id)
	}
	if b.before[id] == nil {
		b.before[id] = found
	}
	return b.editLocked(id, func(a *Appointment) { a.Status, a.StatusLabel = "Cancelled", "Cancelled" })
}

// remove deletes the appointment: neither the calendar nor the lookup knows it any more.
func (b *book) remove(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.find(id)
	if found == nil {
		return noAppointment(id)
	}
	b.removed[id] = found
	b.appointments.remove(id)
	return nil
}

// restore brings a deleted appointment back as it was, or takes a cancellation back.
func (b *book) restore(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if was := b.removed[id]; was != nil {
		delete(b.removed, id)
		b.appointments.put(id, was)
		return nil
	}
	was := b.before[id]
	if was == nil {
		return fmt.Errorf("neosim: appointment %s was neither deleted nor cancelled", id)
	}
	delete(b.before, id)
	return b.editLocked(id, func(a *Appointment) { a.Status, a.StatusLabel = was.Status, was.StatusLabel })
}

// editConsultation replaces a consultation by what change makes of it; the id stays.
func (b *book) editConsultation(id string, change func(*Consultation)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.findConsultation(id)
	if found == nil {
		return noConsultation(id)
	}
	next := *found
	change(&next)
	next.ID, next.At = id, wall(next.At)
	b.consultations.put(id, &next)
	return nil
}

func noAppointment(id string) error  { return fmt.Errorf("neosim: no appointment %s", id) }
func noConsultation(id string) error { return fmt.Errorf("neosim: no consultation %s", id) }

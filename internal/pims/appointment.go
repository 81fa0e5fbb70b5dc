package pims

import (
	"fmt"
	"time"
)

// Status is what an appointment's state means, whatever word the PIMS has for it.
// W5.
type Status string

// The states of an appointment. Unknown is a word that the provider does not
// know (R7).
const (
	StatusUnknown    Status = ""
	StatusScheduled  Status = "scheduled"
	StatusCheckedIn  Status = "checked_in"
	StatusInProgress Status = "in_progress"
	StatusCompleted  Status = "completed"
	StatusCancelled  Status = "cancelled"
	StatusNoShow     Status = "no_show"
)

// An Appointment is one visit in the PIMS's calendar, in our words. Blocks,
// rosters and other entries that are no visits never become one (R5). Texts are
// cleaned (R7) but otherwise byte for byte what the PIMS said; an empty text
// means that the PIMS did not say.
type Appointment struct {
	ID             string // the PIMS's id, as text; never empty
	ConsultationID string // the consultation that belongs to it, once there is one

	// NoConsultation: the PIMS says in so many words that none belongs to it (null).
	// False with an empty ConsultationID: it says nothing about that (R7).
	NoConsultation bool

	Start     time.Time // the instant; R2
	End       time.Time // zero where the PIMS does not say
	StartText string    // the wall-clock text that Start was read from (R2), as WallText
	EndText   string

	PatientID   string
	PatientName string
	ClientID    string
	ClientName  string // first and last name joined with one space (R7)
	ClientPhone string // as given
	ClientEmail string

	Veterinarian string
	Room         string // the calendar's resource: a room, a table, a column
	Title        string
	Type         string // the PIMS's own word
	Reason       string

	Status     Status // what StatusText means
	StatusText string // the PIMS's own word
}

// Size is about how many bytes of memory the appointment takes, with its place in a
// list and its id in a map.
func (a *Appointment) Size() int {
	const fixed = 400
	return fixed + 2*len(a.ID) + len(a.ConsultationID) + len(a.StartText) + len(a.EndText) + len(a.PatientID) + len(a.PatientName) +
		len(a.ClientID) + len(a.ClientName) + len(a.ClientPhone) + len(a.ClientEmail) + len(a.Veterinarian) + len(a.Room) +
		len(a.Title) + len(a.Type) + len(a.Reason) + len(a.StatusText)
}

// A Snapshot is a window of the calendar as the PIMS showed it at one time,
// collected and proved whole (R5).
type Snapshot struct {
	Window       Window
	FetchedAt    time.Time
	Appointments []Appointment // distinct ids; of each the first in the order of start and patient id (R6)

	// Unusable are the rows that have an id but lack something without which no
	// case can be made of them. They are skipped, and still present (R6).
	Unusable []RecordError

	// Unidentified counts the rows without an id. Where there are any, the
	// snapshot is incomplete: absence from it proves nothing (R6).
	Unidentified int

	// Duplicates counts the rows whose id had come before.
	Duplicates int
}

// Found is the number of distinct ids in the snapshot (R6).
func (s *Snapshot) Found() int { return len(s.Appointments) + len(s.Unusable) }

// Complete reports whether absence from the snapshot means anything (R6).
func (s *Snapshot) Complete() bool { return s.Unidentified == 0 }

// AppointmentIDs are the ids of the snapshot's appointments. For what is absent
// there is Present.
func (s *Snapshot) AppointmentIDs() map[string]bool {
	ids := make(map[string]bool, len(s.Appointments))
	for i := range s.Appointments {
		ids[s.Appointments[i].ID] = true
	}
	return ids
}

// Present returns the ids that the PIMS holds in the snapshot's window.
// It refuses an incomplete snapshot with ErrIncomplete (R6), so that nothing can
// be concluded from what it lacks.
func (s *Snapshot) Present() (map[string]struct{}, error) {
	if !s.Complete() {
		return nil, fmt.Errorf("%d of the calendar's rows have no id: %w", s.Unidentified, ErrIncomplete)
	}
	ids := make(map[string]struct{}, s.Found())
	for i := range s.Appointments {
		ids[s.Appointments[i].ID] = struct{}{}
	}
	for i := range s.Unusable {
		ids[s.Unusable[i].ID] = struct{}{}
	}
	return ids, nil
}

// Within is the part of the snapshot that a smaller window would have shown: what
// overlaps it. Rows whose day is not known, and rows without an id, belong to
// every part.
func (s *Snapshot) Within(w Window) Snapshot {
	part := Snapshot{Window: w, FetchedAt: s.FetchedAt, Unidentified: s.Unidentified, Duplicates: s.Duplicates}
	for i := range s.Appointments {
		a := &s.Appointments[i]
		if w.Contains(a.Start) || a.Start.Before(w.From()) && a.End.After(w.From()) {
			part.Appointments = append(part.Appointments, *a)
		}
	}
	for _, row := range s.Unusable {
		if row.Start.IsZero() || w.Contains(row.Start) {
			part.Unusable = append(part.Unusable, row)
		}
	}
	return part
}

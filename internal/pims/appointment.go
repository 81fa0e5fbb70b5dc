package pims

import (
	"fmt"
	"time"
)

// An Appointment is one visit in the PIMS's calendar, in our terms. Blocks, rosters and
// other entries that are not visits never become one (R5). Texts are cleaned (R7) but
// otherwise byte for byte as the PIMS gave them. An empty text means that the PIMS gave
// none.
type Appointment struct {
	ID             string // the PIMS's id, as text; never empty
	ConsultationID string // the consultation that belongs to it, once there is one

	// NoConsultation: the PIMS says explicitly (null) that the appointment has no
	// consultation. False with an empty ConsultationID: the PIMS says nothing about it
	// (R7).
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
	Reason       string

	Type     Type   // what TypeText means
	TypeText string // the PIMS's own word

	Status     Status // what StatusText means
	StatusText string // the PIMS's own word
}

// Size returns about how many bytes of memory the appointment takes, with its place in a
// list and its id in a map.
func (a *Appointment) Size() int {
	const fixed = 450
	return fixed + 2*len(a.ID) + len(a.ConsultationID) + len(a.StartText) + len(a.EndText) + len(a.PatientID) + len(a.PatientName) +
		len(a.ClientID) + len(a.ClientName) + len(a.ClientPhone) + len(a.ClientEmail) + len(a.Veterinarian) + len(a.Room) +
		len(a.Title) + len(a.TypeText) + len(a.Reason) + len(a.StatusText)
}

// A Snapshot is a window of the calendar as the PIMS showed it at one time, complete and
// checked (R5).
type Snapshot struct {
	Window       Window
	FetchedAt    time.Time
	Appointments []Appointment // distinct ids; of each the first in the order of start and patient id (R6)

	// Unusable are the rows that have an id but lack something that a case needs. They are
	// skipped but count as present (R6).
	Unusable []RecordError

	// Blocks are the rows with an id that are no visits, such as blocks and rosters, each id
	// once and none of an appointment or an unusable row. A visit that a PIMS turned into a
	// block, or writes in a new form, stands here: its id counts as present (R5).
	Blocks []Block

	// Unidentified counts the rows without an id. Where there are any, the snapshot is
	// incomplete and absence from it proves nothing (R6).
	Unidentified int

	// Duplicates counts the rows whose id occurred before.
	Duplicates int
}

// A Block is a row of the calendar that is no visit.
type Block struct {
	ID     string
	Marked bool // the PIMS says that it is none; otherwise it only lacks what a visit has
}

// RowBytes is about what a row without texts takes of memory, in bytes, with its place in a
// list and its id in a map.
const RowBytes = 256

// Size returns about how many bytes of memory the snapshot's rows take.
func (s *Snapshot) Size() int {
	size := RowBytes * (len(s.Unusable) + len(s.Blocks))
	for i := range s.Appointments {
		size += s.Appointments[i].Size()
	}
	for i := range s.Unusable {
		size += len(s.Unusable[i].ID)
	}
	for i := range s.Blocks {
		size += len(s.Blocks[i].ID)
	}
	return size
}

// Found returns the number of distinct ids in the snapshot (R6).
func (s *Snapshot) Found() int { return len(s.Appointments) + len(s.Unusable) }

// Complete reports whether absence from the snapshot proves anything (R6).
func (s *Snapshot) Complete() bool { return s.Unidentified == 0 }

// AppointmentIDs returns the ids of the snapshot's appointments. To find what is absent,
// use Present.
func (s *Snapshot) AppointmentIDs() map[string]bool {
	ids := make(map[string]bool, len(s.Appointments))
	for i := range s.Appointments {
		ids[s.Appointments[i].ID] = true
	}
	return ids
}

// Present returns the ids that the PIMS holds in the snapshot's window. For an incomplete
// snapshot it returns ErrIncomplete (R6), so that nothing is concluded from absence.
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
	for i := range s.Blocks {
		ids[s.Blocks[i].ID] = struct{}{}
	}
	return ids, nil
}

// Within returns the part of the snapshot that overlaps a smaller window: what a fetch of
// that window would have shown. Rows of unknown day, and rows without an id, belong to
// every part; so do blocks.
func (s *Snapshot) Within(w Window) Snapshot {
	if w == s.Window {
		return *s // it may be large
	}
	part := Snapshot{Window: w, FetchedAt: s.FetchedAt, Blocks: s.Blocks, Unidentified: s.Unidentified, Duplicates: s.Duplicates}
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

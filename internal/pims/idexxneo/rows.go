package idexxneo

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
)

// A slice holds the rows of one answer of the calendar.
type slice struct {
	days     span
	location *time.Location
	seen     map[string]int // id to its place among the appointments; ^ its place among the unusable

	appointments [][]pims.Appointment // in chunks, which need not move to grow
	unusable     []pims.RecordError
	blocks       map[string]bool // id to whether the row is marked as a block or a roster
	unidentified int
	oddIDs       int // of these, rows whose field id has a value that is no id
	duplicates   int
	recognised   bool          // a row had an id and a start
	held         *memory.Share // of what is kept
}

func newSlice(days span, location *time.Location) *slice {
	return &slice{days: days, location: location, seen: make(map[string]int), blocks: make(map[string]bool), held: new(memory.Share)}
}

// add adds one row. It puts blocks and rosters aside first (R5) and counts what a row lacks
// (R6). A row that lies wholly outside the slice means that the answer is for other days.
func (s *slice) add(e *event) error {
	id := e.identity()
	if !e.isVisit() {
		return s.block(id, e.isMarked())
	}
	if id == "" {
		s.unidentified++
		if e.oddID {
			s.oddIDs++
		}
		return nil
	}
	start, startOK := pims.ParseWall(e.start)
	switch {
	case pims.Blank(e.start):
		return s.refuse(pims.RecordError{ID: id, Field: "start", Reason: "is missing"})
	case !startOK:
		return s.refuse(pims.RecordError{ID: id, Field: "start", Reason: "is no time of the form YYYY-MM-DD HH:MM:SS"})
	case e.torn() != "":
		return s.refuse(*torn(id, e.torn()))
	}
	s.recognised = true
	end, endOK := pims.ParseWall(e.end)
	switch s.days.place(start, end, !endOK && !pims.Blank(e.end)) {
	case outside:
		return drift("a row lies outside the days that were asked for")
	case before, inside:
		return s.keep(e.appointment(start, laterThan(start, end), s.location))
	case touching:
	}
	return nil
}

// block keeps the id of a row that is no visit: it stands in the calendar (R5).
func (s *slice) block(id string, marked bool) error {
	was, again := s.blocks[id]
	if s.blocks[id] = was || marked; again {
		return nil
	}
	return s.held.Take(pims.RowBytes + len(id))
}

// refuse adds a row that cannot be used. Where several have one id, the choice does not
// depend on their order (R6).
func (s *slice) refuse(row pims.RecordError) error {
	at, again := s.seen[row.ID]
	switch {
	case !again:
		s.seen[row.ID] = ^len(s.unusable)
		s.unusable = append(s.unusable, row)
		return s.held.Take(pims.RowBytes + len(row.ID))
	case at < 0:
		if told := &s.unusable[^at]; row.Error() < told.Error() {
			*told = row
		}
	}
	s.duplicates++
	return nil
}

const chunk = 512 // appointments

// keep adds a usable row. It replaces every unusable one with its id.
func (s *slice) keep(a pims.Appointment) error {
	at, again := s.seen[a.ID]
	if again {
		s.duplicates++
	}
	if again && at >= 0 {
		if kept := &s.appointments[at/chunk][at%chunk]; goesBefore(&a, kept) {
			*kept = a
		}
		return nil
	}
	last := len(s.appointments) - 1
	if last < 0 || len(s.appointments[last]) == chunk {
		s.appointments = append(s.appointments, make([]pims.Appointment, 0, chunk))
		last++
	}
	s.seen[a.ID] = last*chunk + len(s.appointments[last])
	s.appointments[last] = append(s.appointments[last], a)
	return s.held.Take(a.Size())
}

// laterThan returns end, or no time where end is not after start.
func laterThan(start, end time.Time) time.Time {
	if end.After(start) {
		return end
	}
	return time.Time{}
}

// goesBefore reports which of two rows with one id counts: the first in the order of start
// and patient (R6). Where both are equal, the rest of the row decides, so that the order of
// the rows never does.
func goesBefore(a, b *pims.Appointment) bool {
	order := cmp.Or(a.Start.Compare(b.Start), compareIDs(a.PatientID, b.PatientID), compareIDs(a.ConsultationID, b.ConsultationID))
	if order == 0 && *a != *b {
		order = slices.Compare(texts(a), texts(b))
	}
	return order < 0
}

// compareIDs orders numbers by value and puts a missing id last.
func compareIDs(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	case isNumber(a) && isNumber(b) && len(a) != len(b):
		return cmp.Compare(len(a), len(b))
	default:
		return strings.Compare(a, b)
	}
}

func isNumber(id string) bool { return strings.Trim(id, "0123456789") == "" }

func texts(a *pims.Appointment) []string {
	return []string{
		a.StatusText, a.ClientID, a.PatientName, a.ClientName, a.ClientPhone, a.ClientEmail, a.Veterinarian, a.Room, a.Title, a.TypeText,
		a.Reason, a.StartText, a.EndText,
	}
}

// merge joins slices. A visit that reaches over midnight is in two of them and is no
// duplicate. A visit that occurs twice in the slice of its start is a duplicate (R6). If
// there are rows and none is usable, the answer has an unknown form.
func merge(slices []*slice) (pims.Snapshot, error) {
	rows := 0
	for _, s := range slices {
		rows += len(s.seen)
	}
	m := merger{seen: make(map[string]int, rows)}
	m.whole.Appointments = make([]pims.Appointment, 0, rows)
	recognised, odd := false, 0
	for _, s := range slices {
		m.add(s)
		odd += s.oddIDs
		recognised = recognised || s.recognised
	}
	for _, s := range slices {
		m.addUnusable(s)
	}
	m.addBlocks(slices)
	if !recognised && (m.whole.Unidentified > 0 || len(m.whole.Unusable) > 0) {
		return pims.Snapshot{}, drift(m.whole.WhyUnusable(odd))
	}
	return m.whole, nil
}

type merger struct {
	whole pims.Snapshot
	seen  map[string]int // id to its place among the appointments; -1 is unusable
}

func (m *merger) add(s *slice) {
	m.whole.Unidentified += s.unidentified
	m.whole.Duplicates += s.duplicates
	from := pims.Instant(s.days.from, s.location)
	for i, rows := range s.appointments {
		for _, a := range rows {
			at, again := m.seen[a.ID]
			switch {
			case !again:
				m.seen[a.ID] = len(m.whole.Appointments)
				m.whole.Appointments = append(m.whole.Appointments, a)
				continue
			case goesBefore(&a, &m.whole.Appointments[at]):
				m.whole.Appointments[at] = a
			}
			if !a.Start.Before(from) {
				m.whole.Duplicates++
			}
		}
		s.appointments[i] = nil // 100,000 rows need not be held twice
	}
}

// addBlocks adds the blocks of all slices, in the order of their ids, after all other rows.
func (m *merger) addBlocks(all []*slice) {
	marked := make(map[string]bool)
	for _, s := range all {
		for id, mark := range s.blocks {
			if _, row := m.seen[id]; !row {
				marked[id] = marked[id] || mark
			}
		}
	}
	delete(marked, "") // rows without an id
	for _, id := range slices.Sorted(maps.Keys(marked)) {
		m.whole.Blocks = append(m.whole.Blocks, pims.Block{ID: id, Marked: marked[id]})
	}
}

// addUnusable adds the unusable rows of a slice, after the usable ones of all slices.
func (m *merger) addUnusable(s *slice) {
	for _, u := range s.unusable {
		if _, again := m.seen[u.ID]; again {
			continue
		}
		m.seen[u.ID] = -1
		m.whole.Unusable = append(m.whole.Unusable, u)
	}
}

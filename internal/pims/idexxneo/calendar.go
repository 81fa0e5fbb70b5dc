package idexxneo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

const (
	maxSliceDays   = 7 // R5
	parallelSlices = 5 // requests of one fetch at a time
)

// Appointments implements pims.Session (R5): the session is proved, the calendar
// is fetched in slices, and the session is proved again. Which days were asked for,
// whoever asked says.
func (s *session) Appointments(ctx context.Context, window pims.Window) (pims.Snapshot, error) {
	if window.Location.String() != s.location.String() {
		return pims.Snapshot{}, fmt.Errorf("the window's zone is not the practice's, %s", s.location)
	}
	if err := s.Prove(ctx); err != nil {
		return pims.Snapshot{}, err
	}
	fetchedAt := s.now()
	slices, err := s.slices(ctx, window)
	if err != nil {
		return pims.Snapshot{}, err
	}
	if err := s.Prove(ctx); err != nil {
		return pims.Snapshot{}, err
	}
	snapshot := merge(slices)
	snapshot.Window, snapshot.FetchedAt = window, fetchedAt
	return snapshot, nil
}

// slices fetches a window's slices, some at a time, and answers them in order.
func (s *session) slices(ctx context.Context, window pims.Window) ([]*slice, error) {
	windows := window.Slices(maxSliceDays)
	fetched := make([][]*slice, len(windows))
	group, ctx := panics.NewGroupWith(ctx, parallelSlices)
	for i, w := range windows {
		group.Do(func() (err error) {
			fetched[i], err = s.halves(ctx, w)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []*slice
	for _, f := range fetched {
		all = append(all, f...)
	}
	return all, nil
}

// halves fetches one slice, or its halves where the answer is over the size limit,
// down to a single day (R5).
func (s *session) halves(ctx context.Context, window pims.Window) ([]*slice, error) {
	one, err := s.slice(ctx, window)
	if err == nil {
		return []*slice{one}, nil
	}
	days := window.Days()
	if !errors.Is(err, pimshttp.ErrTooLarge) || days == 1 {
		return nil, err
	}
	var all []*slice
	for _, half := range window.Slices((days + 1) / 2) {
		part, err := s.halves(ctx, half)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

func (s *session) slice(ctx context.Context, window pims.Window) (*slice, error) {
	days := spanOf(window)
	start, end := days.bounds(calendarLayout)
	request := pimshttp.Request{
		Operation: pims.OpCalendar,
		Path:      "/appointments/getCalendarEventData",
		Query:     url.Values{"start": {start}, "end": {end}},
	}
	var read *slice
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) error {
		read = newSlice(days, s.location)
		return newReader(d).calendar(read.add)
	})
	return read, err
}

// calendar reads an answer of the calendar, a bare array or an object with the
// array under one known name, and hands over its rows as they come.
func (r *reader) calendar(add func(*event) error) error {
	var e event
	row := func() error {
		if err := r.event(&e); err != nil {
			return err
		}
		return add(&e)
	}
	if r.decoder.PeekKind() == '[' {
		return r.array(row)
	}
	lists := 0
	_, err := r.envelope(nil, func(name []byte) error {
		switch string(name) {
		case "appointments", "data", "events":
			lists++
			return r.array(row)
		default:
			return r.skip()
		}
	})
	if err == nil && lists != 1 {
		err = drift("the calendar is not under one known name")
	}
	return err
}

// A slice is what one answer of the calendar holds.
type slice struct {
	days     span
	location *time.Location
	seen     map[string]struct{}

	appointments [][]pims.Appointment // in chunks, which need not move to grow
	unusable     []pims.RecordError
	unidentified int
	duplicates   int
}

func newSlice(days span, location *time.Location) *slice {
	return &slice{days: days, location: location, seen: make(map[string]struct{})}
}

// add takes one row. Blocks and rosters are dropped first (R5); what a row lacks
// is counted (R6); a row that lies wholly outside the slice is an answer to
// another question.
func (s *slice) add(e *event) error {
	if !e.isVisit() {
		return nil
	}
	id := e.identity()
	if id == "" {
		s.unidentified++
		return nil
	}
	start, startOK := pims.ParseWall(e.start)
	end, endOK := pims.ParseWall(e.end)
	if startOK {
		switch s.days.place(start, end, !endOK && !pims.Blank(e.end)) {
		case outside:
			return drift("a row lies outside the days that were asked for")
		case touching:
			return nil
		case before, inside:
		}
	}
	if _, again := s.seen[id]; again {
		s.duplicates++
		return nil
	}
	s.seen[id] = struct{}{}
	switch {
	case !startOK && pims.Blank(e.start):
		s.unusable = append(s.unusable, pims.RecordError{ID: id, Field: "start", Reason: "is missing"})
	case !startOK:
		s.unusable = append(s.unusable, pims.RecordError{ID: id, Field: "start", Reason: "is no time of the form YYYY-MM-DD HH:MM:SS"})
	default:
		s.keep(e.appointment(start, laterThan(start, end), s.location))
	}
	return nil
}

const chunk = 512

func (s *slice) keep(a pims.Appointment) {
	last := len(s.appointments) - 1
	if last < 0 || len(s.appointments[last]) == chunk {
		s.appointments = append(s.appointments, make([]pims.Appointment, 0, chunk))
		last++
	}
	s.appointments[last] = append(s.appointments[last], a)
}

// laterThan is end, or none where it is not after start.
func laterThan(start, end time.Time) time.Time {
	if end.After(start) {
		return end
	}
	return time.Time{}
}

// merge puts slices together. A visit that reaches over midnight comes in two of
// them and is no duplicate; one that comes twice where it begins is (R6).
func merge(slices []*slice) pims.Snapshot {
	rows := 0
	for _, s := range slices {
		rows += len(s.seen)
	}
	m := merger{seen: make(map[string]struct{}, rows)}
	m.whole.Appointments = make([]pims.Appointment, 0, rows)
	for _, s := range slices {
		m.add(s)
	}
	return m.whole
}

type merger struct {
	whole pims.Snapshot
	seen  map[string]struct{}
}

func (m *merger) add(s *slice) {
	m.whole.Unidentified += s.unidentified
	m.whole.Duplicates += s.duplicates
	from := pims.Instant(s.days.from, s.location)
	for i, rows := range s.appointments {
		for _, a := range rows {
			if m.first(a.ID) {
				m.whole.Appointments = append(m.whole.Appointments, a)
			} else if !a.Start.Before(from) {
				m.whole.Duplicates++
			}
		}
		s.appointments[i] = nil // 100,000 rows need not be held twice
	}
	for _, u := range s.unusable {
		if m.first(u.ID) {
			m.whole.Unusable = append(m.whole.Unusable, u)
		}
	}
}

// first tells whether an id comes for the first time.
func (m *merger) first(id string) bool {
	_, again := m.seen[id]
	m.seen[id] = struct{}{}
	return !again
}

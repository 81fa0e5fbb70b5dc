package idexxneo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
	"github.com/pims-sync/pims-sync/internal/pims/paging"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

const (
	maxSliceDays   = 7 // R5
	parallelSlices = 5 // requests of one fetch at a time
)

// Appointments implements pims.Session (R5): it proves the session, fetches the calendar in
// slices, and proves the session again. The caller decides the days.
func (s *session) Appointments(ctx context.Context, window pims.Window) (pims.Snapshot, error) {
	if window.Location.String() != s.location.String() {
		return pims.Snapshot{}, fmt.Errorf("the window's zone is not the practice's, %s", s.location)
	}
	if err := s.Prove(ctx); err != nil {
		return pims.Snapshot{}, err
	}
	fetchedAt := s.now()
	snapshot, err := memory.Fetch(ctx, func(held *memory.Fetching) (pims.Snapshot, error) {
		slices, err := s.slices(ctx, window, held)
		if err != nil {
			return pims.Snapshot{}, err
		}
		if err := s.Prove(ctx); err != nil {
			return pims.Snapshot{}, err
		}
		return merge(slices)
	})
	if err != nil {
		return pims.Snapshot{}, err
	}
	snapshot.Window, snapshot.FetchedAt = window, fetchedAt
	return snapshot, nil
}

// slices fetches a window's slices, several at a time, and returns them in order.
func (s *session) slices(ctx context.Context, window pims.Window, held *memory.Fetching) ([]*slice, error) {
	windows := window.Slices(maxSliceDays)
	fetched := make([][]*slice, len(windows))
	group, ctx := panics.NewGroupWith(ctx, parallelSlices)
	for i, w := range windows {
		group.Do(func() (err error) {
			fetched[i], err = s.halves(ctx, w, held)
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

// halves fetches one slice. Where the answer exceeds the size limit, it fetches the halves
// instead, down to a single day (R5). It does not do so where a single row exceeds a limit
// (R57).
func (s *session) halves(ctx context.Context, window pims.Window, held *memory.Fetching) ([]*slice, error) {
	one, err := s.slice(ctx, window, held)
	if err == nil {
		return []*slice{one}, nil
	}
	days := window.Days()
	if !errors.Is(err, pimshttp.ErrTooLarge) || days == 1 {
		return nil, err
	}
	var all []*slice
	for _, half := range window.Slices((days + 1) / 2) {
		part, err := s.halves(ctx, half, held)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

func (s *session) slice(ctx context.Context, window pims.Window, held *memory.Fetching) (*slice, error) {
	days := spanOf(window)
	start, end := days.bounds(calendarLayout)
	request := pimshttp.Request{
		Operation: pims.OpCalendar,
		Path:      "/appointments/getCalendarEventData",
		Query:     url.Values{"start": {start}, "end": {end}},
	}
	read := newSlice(days, s.location)
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) error {
		read.held.GiveBack()
		read = newSlice(days, s.location)
		read.held = held.Share()
		return newReader(d).calendar(read.add)
	})
	if err != nil {
		read.held.GiveBack()
		return nil, err
	}
	return read, nil
}

// calendar reads an answer of the calendar, a bare array or an object with the array under
// one known name, whole. It passes each row to add as it arrives.
func (r *reader) calendar(add func(*event) error) error {
	var e event
	held := holdsNothing
	var pages paging.Told
	rows := 0
	row := func() error {
		held = holdsRows
		rows++
		if err := r.event(&e); err != nil {
			return err
		}
		return add(&e)
	}
	if r.decoder.PeekKind() == '[' {
		return r.array(row)
	}
	lists := 0
	_, err := r.envelope(func() holding { return held }, func(name []byte) error {
		switch string(name) {
		case "appointments", "data", "events":
			lists++
			if member := string(name); r.decoder.PeekKind() != '[' {
				return cmp.Or(r.skip(), drift(fmt.Sprintf("the calendar has no list under its member %q", member)))
			}
			return r.array(row)
		default:
			return pages.Member(name, r.decoder, tolerant()...)
		}
	})
	switch {
	case err != nil:
		return err
	case lists != 1:
		return drift("the calendar is not under one known name")
	case pages.Further(rows):
		return drift("the calendar comes in pages")
	default:
		return nil
	}
}

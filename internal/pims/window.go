package pims

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Date is a civil day, without zone or clock (R1).
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the civil day of an instant in a zone.
func DateOf(t time.Time, loc *time.Location) Date {
	y, m, d := t.In(loc).Date()
	return Date{y, m, d}
}

// ParseDate reads YYYY-MM-DD. It refuses days that do not exist.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, errors.New("not a date of the form YYYY-MM-DD")
	}
	return DateOf(t, time.UTC), nil
}

// String returns YYYY-MM-DD.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// AddDays adds days by the calendar.
func (d Date) AddDays(n int) Date { return DateOf(d.utc().AddDate(0, 0, n), time.UTC) }

// Sub returns the number of days from e to d.
func (d Date) Sub(e Date) int { return int(d.utc().Sub(e.utc()) / (24 * time.Hour)) }

// Before reports whether d comes before e.
func (d Date) Before(e Date) bool { return d.utc().Before(e.utc()) }

// After reports whether d comes after e.
func (d Date) After(e Date) bool { return e.Before(d) }

// In returns the instant at which the day begins in a zone: its midnight, or, where a clock
// change skips midnight, the first instant after it.
func (d Date) In(loc *time.Location) time.Time { return Instant(d.utc(), loc) }

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// A Window is a range of days of one clinic, both ends included, in the clinic's zone. As
// instants it is half open: [start 00:00, end + 1 day 00:00) (R1). The same Window bounds
// both sides of every comparison between us and the PIMS (R21).
type Window struct {
	Start    Date
	End      Date
	Location *time.Location
}

// NewWindow makes a window of the days start to end in a zone. It refuses an end
// before the start.
func NewWindow(start, end Date, loc *time.Location) (Window, error) {
	if end.Before(start) {
		return Window{}, fmt.Errorf("the window ends (%s) before it starts (%s)", end, start)
	}
	if loc == nil {
		return Window{}, errors.New("the window has no time zone")
	}
	return Window{start, end, loc}, nil
}

// Days returns the number of civil days in the window.
func (w Window) Days() int { return w.End.Sub(w.Start) + 1 }

// From returns the window's first instant.
func (w Window) From() time.Time { return w.Start.In(w.Location) }

// Until returns the first instant after the window.
func (w Window) Until() time.Time { return w.End.AddDays(1).In(w.Location) }

// Contains reports whether an instant lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From()) && t.Before(w.Until()) }

// ContainsDate reports whether a day lies in the window.
func (w Window) ContainsDate(d Date) bool { return !d.Before(w.Start) && !d.After(w.End) }

// Slices cuts the window into windows of at most n days, in order.
func (w Window) Slices(n int) []Window {
	var slices []Window
	for start := w.Start; !start.After(w.End); start = start.AddDays(n) {
		end := start.AddDays(n - 1)
		if end.After(w.End) {
			end = w.End
		}
		slices = append(slices, Window{start, end, w.Location})
	}
	return slices
}

// Covers reports whether every day of o lies in w.
func (w Window) Covers(o Window) bool { return w.ContainsDate(o.Start) && w.ContainsDate(o.End) }

// Cover joins windows of one zone that overlap or touch, ordered by their start. It returns
// the fewest windows that have exactly the same days.
func Cover(windows ...Window) []Window {
	sorted := slices.Clone(windows)
	slices.SortFunc(sorted, func(a, b Window) int { return a.Start.Sub(b.Start) })
	var cover []Window
	for _, w := range sorted {
		if last := len(cover) - 1; last >= 0 && !w.Start.After(cover[last].End.AddDays(1)) {
			if w.End.After(cover[last].End) {
				cover[last].End = w.End
			}
			continue
		}
		cover = append(cover, w)
	}
	return cover
}

// String returns a text like "2026-01-17..2026-01-24 Europe/Berlin".
func (w Window) String() string { return fmt.Sprintf("%s..%s %s", w.Start, w.End, w.Location) }

// Instant turns a local time into an instant in a zone (R2). The zone of the given time is
// ignored. A time that a spring change skips is moved forward by the length of the change.
// Of a time that an autumn change repeats, it returns the first. This is the only place
// where a local time becomes an instant.
func Instant(wall time.Time, loc *time.Location) time.Time {
	y, mo, d := wall.Date()
	h, mi, s := wall.Clock()
	t := time.Date(y, mo, d, h, mi, s, wall.Nanosecond(), loc)

	reading := time.Date(y, mo, d, h, mi, s, wall.Nanosecond(), time.UTC)
	shown := func(t time.Time) time.Time { // what the wall clock shows at t
		_, offset := t.Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	at := func(neighbour time.Time) time.Time { // the reading under a neighbour's offset
		_, offset := neighbour.Zone()
		return reading.Add(-time.Duration(offset) * time.Second).In(loc)
	}

	if shown(t).Equal(reading) {
		// The local time exists. It may also exist earlier, with the offset that was in
		// force before t's own.
		if begin, _ := t.ZoneBounds(); !begin.IsZero() {
			if first := at(begin.Add(-1)); first.Before(t) && shown(first).Equal(reading) {
				return first
			}
		}
		return t
	}
	if shown(t).After(reading) {
		return t // a gap, read with the offset before it: shifted forward
	}
	return at(t) // a gap, read with the offset after it: read it again with t's
}

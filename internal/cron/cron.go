// Package cron computes when a cron expression fires in a clinic's zone, through every
// change of its clocks (R34).
//
// It has no clock, no goroutine, no database and no state. Package scheduler decides what
// is due and enqueues it.
package cron

import (
	"iter"
	"time"
)

// An Expression is a cron expression of five fields: minute, hour, day of month, month, day
// of week. Parse makes one; the zero Expression never fires. Two that are equal by == fire
// at the same times.
//
// An Expression is evaluated in the local time of a zone. While the zone's offset is
// constant, it fires at every minute that matches its fields. At a clock change, the way
// the fields are written decides (R34). A field is fixed if it lists single values ("0",
// "8,14,20"); it moves if it has a "*", a step or a range.
//   - Minute and hour fixed ("30 2 * * *", "0 8,14,20 * * *"): each local time fires once,
//     when the clock first reaches or passes it. A time that a spring change skips fires
//     right after the gap (several in one gap fire once, together). A time that an autumn
//     change repeats fires the first time. No day is lost or doubled.
//   - Hour moving ("*/15 * * * *", "30 * * * *", "0 */2 * * *", "0 1-5 * * *"): every
//     minute that really passes and matches fires. A skipped time does not fire, and a
//     repeated time fires again: "30 * * * *" stays an hour apart through both changes.
//   - Hour fixed, minute moving ("*/15 2 * * *"): as with a moving hour. But if the gap
//     skips a time that matches, the expression fires once right after the gap, because the
//     gap may contain all times of the day.
//
// A change may be of any size and at any time: half an hour (Lord Howe), at midnight
// (Santiago), one minute past it (St. John's, once), a whole day (Apia, once). A skipped
// time keeps its own date: "0 0 6 9 *" fires on September 6 at 01:00 where that day begins
// then.
type Expression struct {
	minutes, hours, monthDays, months, weekdays set

	minuteFixed bool
	hourFixed   bool
	eitherDay   bool // both day fields are restricted: one of them is enough
}

// Next returns the first tick after an instant, in loc. For the zero Expression it returns
// the zero time. R34.
func (e Expression) Next(after time.Time, loc *time.Location) time.Time {
	switch {
	case e == Expression{}:
		return time.Time{}
	case e.minuteFixed && e.hourFixed:
		return e.nextFixed(after, loc)
	default:
		return e.nextMoving(after, loc)
	}
}

// Between yields the ticks after one instant and not after another, in order.
func (e Expression) Between(after, until time.Time, loc *time.Location) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for t := e.Next(after, loc); !t.IsZero() && !t.After(until) && yield(t); {
			t = e.Next(t, loc)
		}
	}
}

// Latest returns the last tick after one instant and not after another; false if there is
// none. It finds the tick to catch up after an outage: after is the entry's last tick or
// last change, whichever is later, and no more than CatchUp before until (R34).
func (e Expression) Latest(after, until time.Time, loc *time.Location) (latest time.Time, ok bool) {
	// Searching back in growing steps avoids walking through all ticks of a long time.
	for stride := time.Hour; !ok; stride *= 2 {
		from := until.Add(-stride)
		if !from.After(after) {
			from = after
		}
		for t := range e.Between(from, until, loc) {
			latest, ok = t, true
		}
		if from.Equal(after) {
			break
		}
	}
	return latest, ok
}

// nextFixed is Next for a fixed minute and hour.
func (e Expression) nextFixed(after time.Time, loc *time.Location) time.Time {
	// The clock shows this time, so every time up to it has been reached.
	local := stretchAt(after, loc).shows(after).Truncate(time.Minute)
	for {
		local = e.nextLocal(local)
		if t := reached(local, loc); t.After(after) {
			return t
		}
	}
}

// nextMoving is Next for a moving minute or hour.
func (e Expression) nextMoving(after time.Time, loc *time.Location) time.Time {
	s := stretchAt(after, loc)
	local := s.shows(after).Truncate(time.Minute)
	for {
		if t := s.instant(e.nextLocal(local)); s.holds(t) {
			return t
		}
		next := stretchAt(s.end, loc)
		gone, begun := s.shows(s.end), next.shows(s.end)
		if e.hourFixed && e.nextLocal(minuteBefore(gone)).Before(begun) {
			return s.end.In(loc) // the change skips a local time that matches
		}
		s, local = next, minuteBefore(begun)
	}
}

// nextLocal returns the first whole minute after another that matches, as a local time of
// no zone: a time in UTC that does not mean an instant.
func (e Expression) nextLocal(after time.Time) time.Time {
	t := after.Add(time.Minute)
	for {
		year, month, day := t.Date()
		switch {
		case !e.months.has(int(month)):
			t = time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case e.matchesDay(t):
			if hour, minute, ok := e.nextClock(t.Hour(), t.Minute()); ok {
				return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
			}
		}
		t = time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
	}
}

// matchesDay reports whether a local time's day matches the two day fields. If both are
// restricted, one match is enough, as cron has always done.
func (e Expression) matchesDay(local time.Time) bool {
	byMonth := e.monthDays.has(local.Day())
	byWeek := e.weekdays.has(int(local.Weekday()))
	if e.eitherDay {
		return byMonth || byWeek
	}
	return byMonth && byWeek
}

// nextClock returns the first time of day that matches, at a given one or later; false if
// the day has none left.
func (e Expression) nextClock(hour, minute int) (int, int, bool) {
	if e.hours.has(hour) {
		if m, ok := e.minutes.from(minute); ok {
			return hour, m, true
		}
	}
	h, ok := e.hours.from(hour + 1)
	m, _ := e.minutes.from(0)
	return h, m, ok
}

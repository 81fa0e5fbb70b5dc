// Package cron is the arithmetic of cron expressions: when one fires in a clinic's
// zone, through every change of its clocks (R34).
//
// It has no clock, no goroutine, no database and no state. What is due, and who
// enqueues it, is package scheduler's to say.
package cron

import (
	"iter"
	"time"
)

// An Expression is a cron expression of five fields: minute, hour, day of month, month, day of
// week. Parse makes one; the zero Expression never fires. Two that are equal by == fire
// alike.
//
// An Expression is evaluated on the wall clock of a zone. Where that clock runs evenly, a
// Expression fires at every minute that matches its fields. Where it is changed, the way
// the fields are written decides (R34). A field is fixed if it lists single values
// ("0", "8,14,20"); it moves if it holds a "*", a step or a range.
//
//   - Minute and hour fixed ("30 2 * * *", "0 8,14,20 * * *"): each reading fires
//     once, when the wall clock first reaches or passes it. One that a spring change
//     skips fires right after the gap (several in one gap: once, together); one that
//     an autumn change repeats fires the first time. No day is lost or doubled.
//   - Hour moving ("*/15 * * * *", "30 * * * *", "0 */2 * * *", "0 1-5 * * *"): every
//     minute that really passes and matches fires. What the gap skips does not fire,
//     what is repeated fires again: "30 * * * *" stays an hour apart through both
//     changes.
//   - Hour fixed, minute moving ("*/15 2 * * *"): likewise, but if the gap swallows a
//     reading that matches, it fires once right after the gap, for the gap may hold
//     all that the day had.
//
// A change may be of any size and at any time: half an hour (Lord Howe), at midnight
// (Santiago), one minute past it (St. John's, once), a whole day (Apia, once). A
// reading in a gap keeps its own date: "0 0 6 9 *" fires on September 6 at 01:00
// where that day begins then.
type Expression struct {
	minutes, hours, monthDays, months, weekdays set

	minuteFixed bool
	hourFixed   bool
	eitherDay   bool // both day fields are restricted: one of them is enough
}

// Next is the first tick after an instant, in loc. Of the zero Expression it is the zero
// time. R34.
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

// Latest is the last tick after one instant and not after another; false if there is
// none. It finds the tick to catch up after an outage: after is the entry's last
// tick or last change, whichever is later, and no more than CatchUp before until
// (R34).
func (e Expression) Latest(after, until time.Time, loc *time.Location) (latest time.Time, ok bool) {
	// Looking back in growing strides spares walking through all ticks of a long
	// time, be they many.
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

// nextFixed is Next where minute and hour are fixed.
func (e Expression) nextFixed(after time.Time, loc *time.Location) time.Time {
	// The wall clock shows this reading, so all up to it have been reached.
	reading := stretchAt(after, loc).shows(after).Truncate(time.Minute)
	for {
		reading = e.nextReading(reading)
		if t := reached(reading, loc); t.After(after) {
			return t
		}
	}
}

// nextMoving is Next where minute or hour moves.
func (e Expression) nextMoving(after time.Time, loc *time.Location) time.Time {
	s := stretchAt(after, loc)
	reading := s.shows(after).Truncate(time.Minute)
	for {
		if t := s.instant(e.nextReading(reading)); s.holds(t) {
			return t
		}
		next := stretchAt(s.end, loc)
		gone, begun := s.shows(s.end), next.shows(s.end)
		if e.hourFixed && e.nextReading(minuteBefore(gone)).Before(begun) {
			return s.end.In(loc) // the change skips a reading that matches
		}
		s, reading = next, minuteBefore(begun)
	}
}

// nextReading is the first whole minute after another that matches, as the wall
// clock of no zone shows it: a reading is a time in UTC that means no instant.
func (e Expression) nextReading(after time.Time) time.Time {
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

// matchesDay reports whether a reading's day is one of the two day fields'. If both
// are restricted, one of them is enough; that is what cron has always done.
func (e Expression) matchesDay(reading time.Time) bool {
	byMonth := e.monthDays.has(reading.Day())
	byWeek := e.weekdays.has(int(reading.Weekday()))
	if e.eitherDay {
		return byMonth || byWeek
	}
	return byMonth && byWeek
}

// nextClock is the first time of day that matches, at a given one or later; false if
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

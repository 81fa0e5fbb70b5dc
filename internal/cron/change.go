package cron

import "time"

// A Change is a change of a zone's clocks.
type Change struct {
	At            time.Time     // the first instant with the new offset, in the zone
	Before, After time.Duration // the offsets from UTC
}

// Gap reports whether clocks go forward, so that local times are skipped. Otherwise they go
// back, and local times come twice.
func (c Change) Gap() bool { return c.After > c.Before }

// From returns the local time at which clocks change, as they show it before the change.
func (c Change) From() time.Time { return c.At.UTC().Add(c.Before) }

// To returns what clocks show after the change.
func (c Change) To() time.Time { return c.At.UTC().Add(c.After) }

// Day returns the local day whose times are skipped or come twice, at 00:00 of no zone.
func (c Change) Day() time.Time {
	first := c.From()
	if !c.Gap() {
		first = c.To()
	}
	return first.Truncate(24 * time.Hour)
}

// maxStretches bounds the search for a change. Go ends some stretches with the year, so this
// is more than a decade.
const maxStretches = 20

// NextChange returns the first change of a zone's clocks after an instant; false where none
// is known.
func NextChange(after time.Time, loc *time.Location) (Change, bool) {
	s := stretchAt(after, loc)
	for range maxStretches {
		if s.end.IsZero() {
			break
		}
		next := stretchAt(s.end, loc)
		if next.offset != s.offset {
			return Change{s.end.In(loc), s.offset, next.offset}, true
		}
		s = next
	}
	return Change{}, false
}

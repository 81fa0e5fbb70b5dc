package cron

import "time"

// A stretch is a time in which a zone's wall clock runs evenly. (At its end the clock
// need not change: Go ends some stretches with the year.)
type stretch struct {
	end    time.Time // the first instant that is not in it; zero: it never ends
	offset time.Duration
	loc    *time.Location
}

// stretchAt is the stretch that an instant lies in. Its end is later than that.
func stretchAt(t time.Time, loc *time.Location) stretch {
	t = t.In(loc)
	_, end := t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		// golang/go#81583: on December 31 of a leap year ZoneBounds answers that the
		// year ended the day before.
		end = time.Date(t.UTC().Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	_, offset := t.Zone()
	return stretch{end, time.Duration(offset) * time.Second, loc}
}

// holds reports whether an instant is before the stretch's end.
func (s stretch) holds(t time.Time) bool { return s.end.IsZero() || t.Before(s.end) }

// shows is the reading of the stretch's wall clock at an instant.
func (s stretch) shows(t time.Time) time.Time { return t.UTC().Add(s.offset) }

// instant is when the stretch's wall clock shows a reading, if it ran for ever.
func (s stretch) instant(reading time.Time) time.Time { return reading.Add(-s.offset).In(s.loc) }

// reached is the first instant at which a zone's wall clock has reached or passed a
// reading. One that a change skips is passed at the end of the gap.
func reached(reading time.Time, loc *time.Location) time.Time {
	begin := reading.AddDate(0, 0, -1) // no zone is a day ahead of UTC
	for {
		s := stretchAt(begin, loc)
		t := s.instant(reading)
		if t.Before(begin) {
			t = begin.In(loc)
		}
		if s.holds(t) {
			return t
		}
		begin = s.end
	}
}

// minuteBefore is the last whole minute before a reading.
func minuteBefore(reading time.Time) time.Time {
	return reading.Add(-1).Truncate(time.Minute)
}

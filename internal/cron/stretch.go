package cron

import "time"

// A stretch is a time in which a zone's offset is constant. The offset need not change at
// its end: Go ends some stretches with the year.
type stretch struct {
	end    time.Time // the first instant that is not in it; zero: it never ends
	offset time.Duration
	loc    *time.Location
}

// stretchAt returns the stretch that contains an instant. Its end is later than the
// instant.
func stretchAt(t time.Time, loc *time.Location) stretch {
	t = t.In(loc)
	_, end := t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		// golang/go#81583: on December 31 of a leap year ZoneBounds returns an end of the
		// year one day too early.
		end = time.Date(t.UTC().Year()+1, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	_, offset := t.Zone()
	return stretch{end, time.Duration(offset) * time.Second, loc}
}

// holds reports whether an instant is before the stretch's end.
func (s stretch) holds(t time.Time) bool { return s.end.IsZero() || t.Before(s.end) }

// shows returns the local time of the stretch at an instant.
func (s stretch) shows(t time.Time) time.Time { return t.UTC().Add(s.offset) }

// instant returns when the stretch shows a local time, as if the stretch never ended.
func (s stretch) instant(local time.Time) time.Time { return local.Add(-s.offset).In(s.loc) }

// reached returns the first instant at which a zone's clock has reached or passed a local
// time. A skipped time is passed at the end of the gap.
func reached(local time.Time, loc *time.Location) time.Time {
	begin := local.AddDate(0, 0, -1) // no zone is a day ahead of UTC
	for {
		s := stretchAt(begin, loc)
		t := s.instant(local)
		if t.Before(begin) {
			t = begin.In(loc)
		}
		if s.holds(t) {
			return t
		}
		begin = s.end
	}
}

// minuteBefore returns the last whole minute before a local time.
func minuteBefore(local time.Time) time.Time {
	return local.Add(-1).Truncate(time.Minute)
}

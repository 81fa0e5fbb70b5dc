package idexxneo

import (
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// How Neo is asked for times. NEO.md §Calendar, §Consultations.
const (
	calendarLayout = "2006-01-02 15:04:05"
	searchLayout   = "02.01.2006 15:04:05"
)

// consultedAt is the instant of a consultation; zero where the text is none. The
// newer shape may tell the day alone, which then begins it.
func consultedAt(text string, location *time.Location) time.Time {
	wall, ok := pims.ParseWall(text)
	if !ok {
		day, err := pims.ParseDate(strings.TrimSpace(text))
		if err != nil {
			return time.Time{}
		}
		wall = midnight(day)
	}
	return pims.Instant(wall, location)
}

// A span is days of the wall clock, [start 00:00, end + 1 day 00:00). It is the
// answer's side of a pims.Window: rows are compared with it as they are written,
// before any zone comes into play.
type span struct{ from, until time.Time }

func spanOf(w pims.Window) span {
	return span{midnight(w.Start), midnight(w.End.AddDays(1))}
}

func midnight(d pims.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// bounds are the first and the last second of the span, as Neo is asked for it:
// whether Neo includes its end or not, or looks at the days alone, the answer is
// the same.
func (s span) bounds(layout string) (start, end string) {
	return s.from.Format(layout), s.until.Add(-time.Second).Format(layout)
}

// A place is where a visit lies relative to a span.
type place int

const (
	outside  place = iota // wholly
	touching              // it ends where the span begins
	before                // it begins before the span and reaches into it
	inside                // it begins in the span
)

// place finds a visit's place. An end before its start counts as none. Where an
// end was given but cannot be read, a visit that began earlier may reach in.
func (s span) place(start, end time.Time, unreadableEnd bool) place {
	switch {
	case !start.Before(s.until):
		return outside
	case !start.Before(s.from):
		return inside
	case end.After(s.from), unreadableEnd:
		return before
	case end.Equal(s.from):
		return touching
	default:
		return outside
	}
}

package idexxneo

import (
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// The formats of times in requests to Neo. NEO.md §Calendar, §Consultations.
const (
	calendarLayout = "2006-01-02 15:04:05"
	searchLayout   = "02.01.2006 15:04:05"
)

// consultedAt returns the instant of a consultation; zero where the text is not a time. The
// newer form may give only a day; then it returns the beginning of the day.
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

// A span is a range of days in local time, [start 00:00, end + 1 day 00:00). It corresponds
// to a pims.Window: rows are compared with it as they are written, before any zone applies.
type span struct{ from, until time.Time }

func spanOf(w pims.Window) span {
	return span{midnight(w.Start), midnight(w.End.AddDays(1))}
}

func midnight(d pims.Date) time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// bounds returns the first and the last second of the span for a request to Neo. Whether
// Neo includes the end or not, or looks only at the days, the answer is the same.
func (s span) bounds(layout string) (start, end string) {
	return s.from.Format(layout), s.until.Add(-time.Second).Format(layout)
}

// A place is the position of a visit relative to a span.
type place int

const (
	outside  place = iota // wholly
	touching              // it ends where the span begins
	before                // it begins before the span and reaches into it
	inside                // it begins in the span
)

// place returns a visit's place. An end before its start counts as none. Where an end was
// given but cannot be parsed, a visit that began earlier may reach into the span.
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

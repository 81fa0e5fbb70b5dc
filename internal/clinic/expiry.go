package clinic

import (
	"fmt"
	"strconv"
	"time"
)

// maxExpiryDays keeps an expiry within the years that every calendar can write.
const maxExpiryDays = 36500

// ParseExpiry reads when a new key expires: "90d" and "12h" count from now; a date like
// "2027-01-31" is the key's last day in now's zone (docs/interface.md §Commands).
func ParseExpiry(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		end := day.AddDate(0, 0, 1)
		if !end.After(now) || end.After(now.AddDate(0, 0, maxExpiryDays)) {
			return time.Time{}, fmt.Errorf("the expiry %q is in the past or more than a hundred years away", text)
		}
		return end, nil
	}
	n, unit, err := splitCount(text)
	switch {
	case err != nil || n < 1:
	case unit == 'd' && n <= maxExpiryDays:
		return now.AddDate(0, 0, n), nil
	case unit == 'h' && n <= maxExpiryDays*24:
		return now.Add(time.Duration(n) * time.Hour), nil
	}
	return time.Time{}, fmt.Errorf("the expiry %q is none of 90d, 12h or a date such as 2027-01-31", text)
}

// ParseSince reads since when something is shown: "90d" and "12h" count back from now; a
// date like "2026-01-31" is the first day, in now's zone (docs/interface.md §Commands).
func ParseSince(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return day, nil
	}
	n, unit, err := splitCount(text)
	switch {
	case err != nil || n < 1:
	case unit == 'd' && n <= maxExpiryDays:
		return now.AddDate(0, 0, -n), nil
	case unit == 'h' && n <= maxExpiryDays*24:
		return now.Add(-time.Duration(n) * time.Hour), nil
	}
	return time.Time{}, fmt.Errorf("%q is none of 90d, 12h or a date such as 2026-01-31", text)
}

// ParseMoment reads a moment in the past: "2026-01-31 08:30" and a date are in now's zone,
// "2026-01-31T08:30:00Z" has its own, "90d" and "12h" count back from now.
func ParseMoment(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	at, err := ParseSince(text, now)
	if err != nil {
		return at, fmt.Errorf(`%q is none of "2026-01-31 08:30", 2026-01-31, 2026-01-31T08:30:00Z, 90d or 12h`, text)
	}
	return at, nil
}

// splitCount splits "90d" into 90 and 'd'.
func splitCount(text string) (n int, unit byte, err error) {
	if text == "" {
		return 0, 0, strconv.ErrSyntax
	}
	last := len(text) - 1
	n, err = strconv.Atoi(text[:last])
	return n, text[last], err
}

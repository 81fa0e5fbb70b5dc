package anonymous

import (
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
)

var (
	uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)
	clock    = regexp.MustCompile(`^[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?`)
	phone    = regexp.MustCompile(`^\d{1,5}(?:[ .\-/()]{1,3}\d{1,5}){2,}`)
	dateLike = regexp.MustCompile(`^(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.]\d{4})(?:\D|$)`)

	dates = []struct {
		shape  *regexp.Regexp
		layout []string
	}{
		{regexp.MustCompile(`^(?:1[89]|2[01])\d\d-\d\d-\d\d`), []string{time.DateOnly}},
		{regexp.MustCompile(`^\d\d\.\d\d\.(?:1[89]|2[01])\d\d`), []string{"02.01.2006"}},
		{regexp.MustCompile(`^\d\d/\d\d/(?:1[89]|2[01])\d\d`), []string{"01/02/2006", "02/01/2006"}},
	}
)

const (
	longest     = 40 // of the texts that numeric recognises
	phoneDigits = 7  // that a phone number has at least
)

// numeric replaces a date, a clock, one of our own ids or a phone number at the beginning
// of a text. It returns how many runes it took; 0: there is none.
func (a *anonymiser) numeric(runes []rune, measured bool) (n int, replaced []rune) {
	if !isDigit(runes[0]) && !hex(runes[0]) {
		return 0, nil
	}
	head := ascii(runes[:min(len(runes), longest)])
	if id := uuidText.FindString(head); id != "" {
		parsed, err := uuid.Parse(id)
		if err != nil || !a.m.replacing {
			return len(id), nil
		}
		return len(id), []rune(a.m.uuid(parsed).String())
	}
	if n, moved := a.date(head); n > 0 {
		return n, []rune(moved)
	}
	if at := clock.FindString(head); at != "" {
		return len(at), nil
	}
	if number := phone.FindString(head); !measured && digitsIn(number) >= phoneDigits && !dateLike.MatchString(head) {
		return len(number), []rune(a.m.phone(number))
	}
	return 0, nil
}

// date moves a date, and keeps a time of day.
func (a *anonymiser) date(head string) (n int, moved string) {
	for _, form := range dates {
		found := form.shape.FindString(head)
		if found == "" || len(found) < len(head) && isDigit(rune(head[len(found)])) {
			continue
		}
		for _, layout := range form.layout {
			day, err := time.Parse(layout, found)
			if err != nil {
				continue
			}
			moved, rest := a.movedDay(day).Format(layout), head[len(found):]
			if len(rest) > 1 && (rest[0] == 'T' || rest[0] == ' ') {
				if at := clock.FindString(rest[1:]); at != "" {
					moved += rest[:1+len(at)]
				}
			}
			return len(moved), moved
		}
	}
	return 0, ""
}

// ascii returns the text up to the first rune that is not ASCII.
func ascii(runes []rune) string {
	var b strings.Builder
	for _, r := range runes {
		if r <= 0 || r >= 0x80 {
			break
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}

func digitsIn(text string) (n int) {
	for _, r := range text {
		if isDigit(r) {
			n++
		}
	}
	return n
}

func hex(r rune) bool { return r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' }

// moved moves a moment by the recording's number of weeks, to the same time of day in the
// clinic's zone. It is as late then as the dates and times of the answers, whatever the
// zone of the machine (R59).
func (a *anonymiser) moved(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return a.movedDay(t.In(a.location)).In(t.Location())
}

// movedDay moves a day by the recording's number of weeks.
func (a *anonymiser) movedDay(day time.Time) time.Time {
	if !a.m.replacing {
		return day
	}
	return day.AddDate(0, 0, 7*a.weeks)
}

// day moves a day that is written YYYY-MM-DD.
func (a *anonymiser) day(text string) string {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	return a.movedDay(day).Format(time.DateOnly)
}

// weeksFor returns by how many weeks the dates of a recording are moved, never 0. The clocks
// of the zone change on the same days, as far around the recording as such weeks exist; a
// zone without a rule, such as Africa/Casablanca, has few.
func weeksFor(began time.Time, location *time.Location, choose func(n int) int) int {
	const most, least = 1500, 4 // after 28 years every rule of weekdays has the same dates again
	for _, around := range []int{120, 60, 30, 10, 0} {
		var fit []int
		for weeks := -most; weeks <= most; weeks++ {
			if (weeks <= -least || weeks >= least) && sameClocks(began, weeks, around, location) {
				fit = append(fit, weeks)
			}
		}
		if len(fit) > 0 {
			return fit[choose(len(fit))]
		}
	}
	return -least
}

// sameClocks reports whether the clocks of a zone show, so many days around a moment, what
// they show some weeks later, and change at the same times.
func sameClocks(began time.Time, weeks, around int, location *time.Location) bool {
	shift := time.Duration(weeks) * 7 * 24 * time.Hour
	at := began.Add(-time.Duration(around) * 24 * time.Hour)
	for end := began.Add(time.Duration(around) * 24 * time.Hour); ; {
		here, there := at.In(location), at.Add(shift).In(location)
		if offset(here) != offset(there) {
			return false
		}
		_, next := here.ZoneBounds()
		_, nextThere := there.ZoneBounds()
		over, overThere := next.IsZero() || next.After(end), nextThere.IsZero() || nextThere.After(end.Add(shift))
		if over || overThere {
			return over == overThere
		}
		if !next.Add(shift).Equal(nextThere) {
			return false
		}
		at = next
	}
}

func offset(t time.Time) int {
	_, seconds := t.Zone()
	return seconds
}

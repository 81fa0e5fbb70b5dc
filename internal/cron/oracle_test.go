package cron_test

import (
	"strconv"
	"strings"
	"time"
)

// An oracle answers what cron.Expression answers, in the most straightforward way: it
// walks through every minute that really passes, looks at what the wall clock shows,
// and notices for itself when that jumps or comes again. It shares nothing with the
// package, reads expressions on its own, and needs valid ones.
type oracle struct {
	minutes, hours, days, months, weekdays [64]bool
	anyDay                                 bool // one of the two day fields is enough
	minuteFixed, hourFixed                 bool
}

func newOracle(expression string) *oracle {
	text := strings.ToLower(expression)
	for i, name := range strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec") {
		text = strings.ReplaceAll(text, name, strconv.Itoa(i+1))
	}
	for i, name := range strings.Fields("mon tue wed thu fri sat sun") {
		text = strings.ReplaceAll(text, name, strconv.Itoa(i+1))
	}
	f := strings.Fields(text)
	o := &oracle{
		minutes: values(f[0], 0, 59), hours: values(f[1], 0, 23), days: values(f[2], 1, 31),
		months: values(f[3], 1, 12), weekdays: values(f[4], 0, 7),
		anyDay:      !strings.Contains(f[2], "*") && !strings.Contains(f[4], "*"),
		minuteFixed: !strings.ContainsAny(f[0], "*/-"),
		hourFixed:   !strings.ContainsAny(f[1], "*/-"),
	}
	o.weekdays[0] = o.weekdays[0] || o.weekdays[7]
	return o
}

// values marks the numbers that a field names.
func values(field string, first, last int) (marked [64]bool) {
	for term := range strings.SplitSeq(field, ",") {
		bounds, stepText, stepped := strings.Cut(term, "/")
		lo, hi := first, last
		if last == 7 && !strings.Contains(bounds, "-") {
			hi = 6 // an open end
		}
		if bounds != "*" {
			from, to, ranged := strings.Cut(bounds, "-")
			lo, _ = strconv.Atoi(from)
			switch {
			case ranged:
				hi, _ = strconv.Atoi(to)
				if last == 7 && hi == 0 && lo > 0 { // to Sunday
					hi = 7
				}
				if last == 7 && lo == 7 && hi < 7 { // from Sunday
					lo = 0
				}
			case !stepped:
				hi = lo
			}
		}
		step := 1
		if stepped {
			step, _ = strconv.Atoi(stepText)
		}
		for n := first; n <= last; n++ {
			marked[n] = marked[n] || n >= lo && n <= hi && (n-lo)%step == 0
		}
	}
	return marked
}

// matches reports whether a minute of the wall clock is one of the expression's.
func (o *oracle) matches(m wallMinute) bool {
	if !o.minutes[m.minute] || !o.hours[m.hour] || !o.months[m.month] {
		return false
	}
	if o.anyDay {
		return o.days[m.day] || o.weekdays[m.weekday]
	}
	return o.days[m.day] && o.weekdays[m.weekday]
}

// A wallMinute is what a wall clock shows in one minute.
type wallMinute struct {
	number                            int64 // counted without gaps, so that a jump is seen
	month, day, weekday, hour, minute int8
}

// wallMinuteOf takes apart what the wall clock of a time's zone shows.
func wallMinuteOf(t time.Time) wallMinute {
	_, offset := t.Zone()
	wall := t.UTC().Add(time.Duration(offset) * time.Second)
	return wallMinute{
		number: wall.Unix() / 60,
		month:  int8(wall.Month()), day: int8(wall.Day()), weekday: int8(wall.Weekday()),
		hour: int8(wall.Hour()), minute: int8(wall.Minute()),
	}
}

// A walk is a time, minute by minute, as a zone's wall clock showed it.
type walk struct {
	begin time.Time // a whole minute
	steps []step
}

// A step is one minute of a walk.
type step struct {
	shown    wallMinute
	skipped  []wallMinute // what the wall clock left out just before
	repeated bool         // it showed this, or something later, before
}

// newWalk walks from one instant up to another.
func newWalk(begin, end time.Time, loc *time.Location) walk {
	w := walk{begin: begin}
	last := wallMinuteOf(begin.Add(-time.Minute).In(loc))
	latest := last.number
	for t := begin; !t.After(end); t = t.Add(time.Minute) {
		s := step{shown: wallMinuteOf(t.In(loc))}
		s.repeated = s.shown.number <= latest
		for n := last.number + 1; n < s.shown.number; n++ {
			s.skipped = append(s.skipped, wallMinuteOf(time.Unix(n*60, 0).UTC()))
		}
		w.steps = append(w.steps, s)
		last, latest = s.shown, max(latest, s.shown.number)
	}
	return w
}

// ticks lists the minutes of a walk at which the expression fires, by R34, as Unix
// times. The walk's first lead minutes only show what is repeated later.
func (o *oracle) ticks(w walk, lead int) []int64 {
	var ticks []int64
	for i := lead; i < len(w.steps); i++ {
		s := &w.steps[i]
		fires := o.matches(s.shown)
		if s.repeated && o.minuteFixed && o.hourFixed {
			fires = false
		}
		for _, m := range s.skipped {
			fires = fires || o.hourFixed && o.matches(m)
		}
		if fires {
			ticks = append(ticks, w.begin.Unix()+int64(i)*60)
		}
	}
	return ticks
}

package fleet

import (
	"fmt"
	"slices"
	"time"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Forecast says what a schedule will do in a zone.
type Forecast struct {
	Next     []Tick        // the coming ticks, soonest first
	Changes  []ClockChange // the next two changes of the clocks
	Warnings []string      // what is allowed and seldom meant
}

// A ClockChange says when the entries of a schedule fire on the day on which clocks change.
type ClockChange struct {
	cron.Change

	Entries []ChangeDay
}

// A ChangeDay is what one entry does on the day of a change.
type ChangeDay struct {
	Entry clinic.ScheduleEntry
	Times []time.Time // at which it fires, at most maxOfDay
	More  int         // further ones
	Moved bool        // a time is skipped; it fires right after the gap
	Twice bool        // a local time comes twice, and it fires both times
}

const (
	maxOfDay   = 8
	closeTicks = 15 * time.Minute // entries that fire more often are warned of
)

// Foresee says what entries do in a zone from a moment on, with the next ticks up to a
// number (R34).
func Foresee(entries []clinic.ScheduleEntry, loc *time.Location, now time.Time, ticks int) Forecast {
	var f Forecast
	expressions := make(map[int]cron.Expression, len(entries))
	var running []clinic.ScheduleEntry
	for _, e := range entries {
		expression, err := cron.Parse(e.Cron)
		if err != nil || !e.Enabled {
			continue
		}
		expressions[e.Index] = expression
		running = append(running, e)
	}
	for _, e := range running {
		at := now
		for range ticks {
			if at = expressions[e.Index].Next(at, loc); at.IsZero() {
				break
			}
			f.Next = append(f.Next, Tick{e.Type, at.In(loc)})
		}
	}
	slices.SortStableFunc(f.Next, func(a, b Tick) int { return a.At.Compare(b.At) })
	f.Next = f.Next[:min(len(f.Next), ticks)]
	at := now
	for range 2 {
		change, found := cron.NextChange(at, loc)
		if !found {
			break
		}
		day := ClockChange{Change: change}
		for _, e := range running {
			day.Entries = append(day.Entries, changeDay(e, expressions[e.Index], change, loc))
		}
		f.Changes, at = append(f.Changes, day), change.At
	}
	f.Warnings = warn(running, expressions, loc, now)
	return f
}

// changeDay works out one entry's day.
func changeDay(e clinic.ScheduleEntry, x cron.Expression, change cron.Change, loc *time.Location) ChangeDay {
	day := ChangeDay{Entry: e}
	y, m, d := change.Day().Date()
	begin, end := time.Date(y, m, d, 0, 0, 0, 0, loc), time.Date(y, m, d+1, 0, 0, 0, 0, loc)
	shown := map[string]bool{}
	for at := range x.Between(begin.Add(-time.Nanosecond), end.Add(-time.Nanosecond), loc) {
		clock := at.In(loc).Format("15:04")
		day.Twice = day.Twice || shown[clock]
		shown[clock] = true
		if len(day.Times) == maxOfDay {
			day.More++
			continue
		}
		day.Times = append(day.Times, at.In(loc))
	}
	// An entry with a time in the gap fires at its end, where on other days it does not.
	if change.Gap() && shown[change.To().Format("15:04")] {
		before := time.Date(y, m, d-1, change.To().Hour(), change.To().Minute(), 0, 0, loc)
		usual := x.Next(before.Add(-time.Nanosecond), loc)
		day.Moved = !usual.Equal(before)
	}
	return day
}

// warn names what is allowed and seldom meant.
func warn(running []clinic.ScheduleEntry, expressions map[int]cron.Expression, loc *time.Location, now time.Time) (warnings []string) {
	if len(running) == 0 {
		return []string{"Nothing runs by itself: no entry is on."}
	}
	reads := func(t syncs.Type) func(clinic.ScheduleEntry) bool {
		return func(e clinic.ScheduleEntry) bool {
			return (e.Type == t || e.Type == syncs.TypeFull) && !e.Options.DryRun
		}
	}
	if !slices.ContainsFunc(running, reads(syncs.TypeInbound)) {
		warnings = append(warnings, "No entry reads appointments: no new case is made.")
	}
	if !slices.ContainsFunc(running, reads(syncs.TypeReconciliation)) {
		warnings = append(warnings, "No entry reconciles: appointments that vanish from the PIMS stay here.")
	}
	for i := range running {
		for _, what := range warnOf(running[:i], running[i], expressions, loc, now) {
			warnings = append(warnings, fmt.Sprintf("Entry %d %s.", running[i].Index+1, what))
		}
	}
	return warnings
}

// warnOf is warn for one entry, after the ones before it.
func warnOf(before []clinic.ScheduleEntry, e clinic.ScheduleEntry, expressions map[int]cron.Expression, loc *time.Location, now time.Time) (warnings []string) {
	say := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if e.Options.DryRun {
		say("is a dry run and writes nothing")
	}
	if e.Options.StartDate != nil || e.Options.EndDate != nil {
		say("names dates, so it reads the same days each time")
	}
	first := expressions[e.Index].Next(now, loc)
	if first.IsZero() || first.Sub(now) > 366*24*time.Hour {
		say("does not fire within a year")
		return warnings
	}
	if second := expressions[e.Index].Next(first, loc); !second.IsZero() && second.Sub(first) < closeTicks {
		say("fires every %d minutes; each run reads all days of its window again", int(second.Sub(first).Minutes()))
	}
	if e.Type == syncs.TypeInbound && first.Sub(now) > 48*time.Hour {
		say("fires seldom; until then appointments are not read")
	}
	for _, other := range before {
		if other.Type == e.Type && expressions[other.Index].Next(now, loc).Equal(first) {
			say("starts the same sync at the same time as entry %d; only one of them runs", other.Index+1)
		}
	}
	return warnings
}

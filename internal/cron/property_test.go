package cron_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Zones whose clocks are changed in all the ways that there are, or not at all.
var variousZones = []string{
	"UTC", "Asia/Kolkata", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Santiago", "America/Havana",
	"America/Nuuk", "Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Gaza", "Atlantic/Azores",
	"Australia/Lord_Howe", "Antarctica/Troll", "Antarctica/Casey", "Pacific/Chatham",
}

func anyZone(t *rapid.T) *time.Location {
	return zone(t, rapid.SampledFrom(variousZones).Draw(t, "zone"))
}

// anyInstant draws a time of 2020 to 2040, to the nanosecond.
func anyInstant(t *rapid.T) time.Time {
	const year = 365 * 24 * time.Hour
	return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, int64(21*year)).Draw(t, "instant")))
}

// anyExpression draws an expression of every form.
func anyExpression(t *rapid.T) string {
	field := func(name string, first, last int) string {
		number := rapid.IntRange(first, last)
		term := rapid.Custom(func(t *rapid.T) string {
			lo := number.Draw(t, "from")
			step := rapid.IntRange(1, last-first-1).Draw(t, "step")
			switch rapid.IntRange(0, 5).Draw(t, "form") {
			case 0:
				return "*"
			case 1:
				return fmt.Sprintf("*/%d", step)
			case 2:
				return fmt.Sprintf("%d-%d", lo, rapid.IntRange(lo, last).Draw(t, "to"))
			case 3:
				return fmt.Sprintf("%d-%d/%d", lo, rapid.IntRange(lo, last).Draw(t, "to"), step)
			default:
				return fmt.Sprint(lo)
			}
		})
		return strings.Join(rapid.SliceOfN(term, 1, 3).Draw(t, name), ",")
	}
	day := "*"
	if rapid.Bool().Draw(t, "by day") {
		day = field("day of month", 1, 28)
	}
	return strings.Join([]string{
		field("minute", 0, 59), field("hour", 0, 23), day, "*", field("day of week", 0, 7),
	}, " ")
}

func TestNextIsTheNextAndNeverLeapsOver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cron, loc, after := parse(t, anyExpression(t)), anyZone(t), anyInstant(t)
		next := cron.Next(after, loc)
		require.True(t, next.After(after))

		between := after.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(after))-1).Draw(t, "later")))
		require.Equal(t, next, cron.Next(between, loc), "asked at any time before it, it is the same")
		require.True(t, cron.Next(next, loc).After(next))
	})
}

func TestBetweenAndLatestAgreeWithNext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cron, loc, after := parse(t, anyExpression(t)), anyZone(t), anyInstant(t)
		until := after.Add(time.Duration(rapid.Int64Range(0, int64(72*time.Hour)).Draw(t, "length")))
		var want []time.Time
		for tick := cron.Next(after, loc); !tick.After(until); tick = cron.Next(tick, loc) {
			want = append(want, tick)
		}
		require.Equal(t, want, slices.Collect(cron.Between(after, until, loc)))

		latest, ok := cron.Latest(after, until, loc)
		require.Equal(t, len(want) > 0, ok)
		if ok {
			require.Equal(t, want[len(want)-1], latest)
		}
	})
}

func TestAFixedTimeFiresOnceOnEveryCivilDay(t *testing.T) { // R34
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc := anyZone(t)
		hour, minute := rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute")
		first := anyInstant(t).In(loc)
		// No clock is changed at noon.
		const days = 400
		noon := func(day int) time.Time {
			return time.Date(first.Year(), first.Month(), first.Day()+day, 12, 0, 0, 0, loc)
		}
		ticks := slices.Collect(parse(t, fmt.Sprintf("%d %d * * *", minute, hour)).Between(noon(0).Add(-1), noon(days).Add(-1), loc))

		require.Len(t, ticks, days)
		for i, tick := range ticks {
			day := first.Day() + i
			if hour < 12 {
				day++
			}
			reading := time.Date(first.Year(), first.Month(), day, hour, minute, 0, 0, time.UTC)
			require.False(t, shown(tick).Before(reading), "tick %s of reading %s", tick, reading)
			require.True(t, shown(tick.Add(-time.Second)).Before(reading), "tick %s of reading %s is late", tick, reading)
		}
	})
}

// shown is what the wall clock shows, as if it were UTC.
func shown(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

func TestAnyExpressionAtAnyTimeIsTheOracles(t *testing.T) { // R34
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		expression, loc, begin := anyExpression(t), anyZone(t), anyInstant(t).Truncate(time.Minute)
		end := begin.Add(around * time.Minute)
		want := newOracle(expression).ticks(newWalk(begin.Add(-(lead-1)*time.Minute), end, loc), lead)
		var got []int64
		for tick := range parse(t, expression).Between(begin, end, loc) {
			got = append(got, tick.Unix())
		}
		require.Equal(t, inZone(want, loc), inZone(got, loc))
	})
}

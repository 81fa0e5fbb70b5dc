package cron_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
)

func parse(t require.TestingT, expression string) cron.Expression {
	c, err := cron.Parse(expression)
	require.NoError(t, err)
	return c
}

func zone(t require.TestingT, name string) *time.Location {
	loc, err := clinic.LoadZone(name)
	require.NoError(t, err)
	return loc
}

func instant(t require.TestingT, rfc3339 string) time.Time {
	at, err := time.Parse(time.RFC3339, rfc3339)
	require.NoError(t, err)
	return at
}

// ticks lists the ticks after one instant and not after another, as the zone's wall
// clock and offset show them.
func ticks(t *testing.T, expression, zoneName, after, until string) []string {
	t.Helper()
	list := []string{}
	for tick := range parse(t, expression).Between(instant(t, after), instant(t, until), zone(t, zoneName)) {
		list = append(list, tick.Format("01-02 15:04 -0700"))
	}
	return list
}

func TestTheSpecificationsSchedulesFireWhenTheySay(t *testing.T) { // W13
	t.Parallel()
	const saturday, monday = "2026-01-17T00:00:00-06:00", "2026-01-19T23:59:00-06:00"
	for expression, want := range map[string][]string{
		"0 6 * * *": {"01-17 06:00 -0600", "01-18 06:00 -0600", "01-19 06:00 -0600"},
		"0 */6 * * *": {
			"01-17 06:00 -0600", "01-17 12:00 -0600", "01-17 18:00 -0600",
			"01-18 00:00 -0600", "01-18 06:00 -0600", "01-18 12:00 -0600", "01-18 18:00 -0600",
			"01-19 00:00 -0600", "01-19 06:00 -0600", "01-19 12:00 -0600", "01-19 18:00 -0600",
		},
		"0 8,14,20 * * *": {
			"01-17 08:00 -0600", "01-17 14:00 -0600", "01-17 20:00 -0600",
			"01-18 08:00 -0600", "01-18 14:00 -0600", "01-18 20:00 -0600",
			"01-19 08:00 -0600", "01-19 14:00 -0600", "01-19 20:00 -0600",
		},
		"0 2 * * *":   {"01-17 02:00 -0600", "01-18 02:00 -0600", "01-19 02:00 -0600"},
		"0 6 * * 1-5": {"01-19 06:00 -0600"},
	} {
		require.Equal(t, want, ticks(t, expression, "America/Chicago", saturday, monday), expression)
	}
}

// changeCases are the named traps of clock changes (R34).
var changeCases = []struct {
	name, zone, expression, after, until string
	want                                 []string
}{
	// Berlin: on March 29 02:00 becomes 03:00, on October 25 03:00 becomes 02:00.
	{
		"a fixed time in the spring gap fires once, right after it",
		"Europe/Berlin", "30 2 * * *", "2026-03-28T00:00:00+01:00", "2026-03-30T12:00:00+02:00",
		[]string{"03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"},
	},
	{
		"several fixed times in one gap fire once together, with one that is due right after it",
		"Europe/Berlin", "0,15,45 2,3 * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00",
		[]string{"03-29 03:00 +0200", "03-29 03:15 +0200", "03-29 03:45 +0200"},
	},
	{
		"a fixed time in the autumn overlap fires once, the first time",
		"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00+02:00", "2026-10-26T12:00:00+01:00",
		[]string{"10-25 02:30 +0200", "10-26 02:30 +0100"},
	},
	{
		"after the first of two equal readings, the second is none",
		"Europe/Berlin", "30 2 * * *", "2026-10-25T02:10:00+01:00", "2026-10-26T12:00:00+01:00",
		[]string{"10-26 02:30 +0100"},
	},
	{
		"every quarter of an hour stays one through the gap",
		"Europe/Berlin", "*/15 * * * *", "2026-03-29T01:30:00+01:00", "2026-03-29T03:15:00+02:00",
		[]string{"03-29 01:45 +0100", "03-29 03:00 +0200", "03-29 03:15 +0200"},
	},
	{
		"every quarter of an hour stays one through the overlap",
		"Europe/Berlin", "*/15 2 * * *", "2026-10-25T00:00:00+02:00", "2026-10-25T12:00:00+01:00",
		[]string{
			"10-25 02:00 +0200", "10-25 02:15 +0200", "10-25 02:30 +0200", "10-25 02:45 +0200",
			"10-25 02:00 +0100", "10-25 02:15 +0100", "10-25 02:30 +0100", "10-25 02:45 +0100",
		},
	},
	{
		"half past every hour stays an hour apart through the gap",
		"Europe/Berlin", "30 * * * *", "2026-03-29T00:00:00+01:00", "2026-03-29T04:30:00+02:00",
		[]string{"03-29 00:30 +0100", "03-29 01:30 +0100", "03-29 03:30 +0200", "03-29 04:30 +0200"},
	},
	{
		"half past every hour stays an hour apart through the overlap",
		"Europe/Berlin", "30 * * * *", "2026-10-25T01:00:00+02:00", "2026-10-25T03:30:00+01:00",
		[]string{"10-25 01:30 +0200", "10-25 02:30 +0200", "10-25 02:30 +0100", "10-25 03:30 +0100"},
	},
	{
		"a moving hour does not make up for what the gap skips",
		"Europe/Berlin", "0 */2 * * *", "2026-03-28T23:00:00+01:00", "2026-03-29T06:00:00+02:00",
		[]string{"03-29 00:00 +0100", "03-29 04:00 +0200", "03-29 06:00 +0200"},
	},
	{
		"a moving minute in a fixed hour makes up once for an hour that the gap swallows",
		"Europe/Berlin", "*/15 2 * * *", "2026-03-28T12:00:00+01:00", "2026-03-30T02:15:00+02:00",
		[]string{"03-29 03:00 +0200", "03-30 02:00 +0200", "03-30 02:15 +0200"},
	},
	{
		"a range of one hour moves, as it is written",
		"Europe/Berlin", "30 2-2 * * *", "2026-10-25T00:00:00+02:00", "2026-10-25T12:00:00+01:00",
		[]string{"10-25 02:30 +0200", "10-25 02:30 +0100"},
	},
	{
		"a time in the gap on one day of the year keeps its date",
		"Europe/Berlin", "30 2 29 3 *", "2025-04-01T00:00:00+02:00", "2027-04-01T00:00:00+02:00",
		[]string{"03-29 03:00 +0200", "03-29 02:30 +0200"},
	},

	// Santiago: on September 6 00:00 becomes 01:00, on April 5 00:00 becomes 23:00.
	{
		"a day without a midnight fires at its first instant",
		"America/Santiago", "0 0 * * *", "2026-09-05T00:00:00-04:00", "2026-09-07T12:00:00-03:00",
		[]string{"09-06 01:00 -0300", "09-07 00:00 -0300"},
	},
	{
		"a day without a midnight is still the day that the expression names",
		"America/Santiago", "0 0 * * SUN", "2026-09-01T00:00:00-04:00", "2026-09-13T12:00:00-03:00",
		[]string{"09-06 01:00 -0300", "09-13 00:00 -0300"},
	},
	{
		"a repeated last hour of the day fires once",
		"America/Santiago", "30 23 * * *", "2026-04-04T00:00:00-03:00", "2026-04-06T00:00:00-04:00",
		[]string{"04-04 23:30 -0300", "04-05 23:30 -0400"},
	},
	{
		"the midnight after a repeated hour is fired once, when it is reached",
		"America/Santiago", "0 0 * * *", "2026-04-04T12:00:00-03:00", "2026-04-05T12:00:00-04:00",
		[]string{"04-05 00:00 -0400"},
	},

	// Lord Howe: half an hour. On October 4 02:00 becomes 02:30, on April 5 02:00
	// becomes 01:30.
	{
		"half an hour is a gap, too",
		"Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00+10:30", "2026-10-05T12:00:00+11:00",
		[]string{"10-04 02:30 +1100", "10-05 02:15 +1100"},
	},
	{
		"twenty minutes are followed through half an hour's gap",
		"Australia/Lord_Howe", "*/20 * * * *", "2026-10-04T01:30:00+10:30", "2026-10-04T03:00:00+11:00",
		[]string{"10-04 01:40 +1030", "10-04 02:40 +1100", "10-04 03:00 +1100"},
	},
	{
		"half an hour is an overlap, too",
		"Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00", "2026-04-05T12:00:00+10:30",
		[]string{"04-05 01:45 +1100"},
	},

	// Troll: two hours. On March 29 01:00 becomes 03:00.
	{
		"two hours' readings in one gap fire once",
		"Antarctica/Troll", "30 1,2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T12:00:00+02:00",
		[]string{"03-29 03:00 +0200"},
	},

	// St. John's changed a minute past midnight: on November 7, 2010 00:01 became
	// 23:01 of the day before, on March 14, 2010 00:01 became 01:01.
	{
		"a midnight that is repeated with the end of the day before fires once",
		"America/St_Johns", "0 0 * * *", "2010-11-06T12:00:00-02:30", "2010-11-08T12:00:00-03:30",
		[]string{"11-07 00:00 -0230", "11-08 00:00 -0330"},
	},
	{
		"an odd minute is when the gap ends",
		"America/St_Johns", "0,30 0,1 * * *", "2010-03-13T12:00:00-03:30", "2010-03-14T12:00:00-02:30",
		[]string{"03-14 00:00 -0330", "03-14 01:01 -0230", "03-14 01:30 -0230"},
	},

	// Apia had no December 30, 2011.
	{
		"a missing day fires once, when the next begins",
		"Pacific/Apia", "0 8,14,20 * * *", "2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00",
		[]string{"12-29 14:00 -1000", "12-29 20:00 -1000", "12-31 00:00 +1400", "12-31 08:00 +1400"},
	},
	{
		"a date that is missing fires once, when the next begins",
		"Pacific/Apia", "0 6 30 12 *", "2011-01-01T00:00:00-10:00", "2012-12-31T12:00:00+14:00",
		[]string{"12-31 00:00 +1400", "12-30 06:00 +1400"},
	},
	{
		"elapsed time knows no missing day",
		"Pacific/Apia", "30 * * * *", "2011-12-29T22:00:00-10:00", "2011-12-31T01:30:00+14:00",
		[]string{"12-29 22:30 -1000", "12-29 23:30 -1000", "12-31 00:30 +1400", "12-31 01:30 +1400"},
	},

	// Kwajalein had most of September 30, 1969 twice.
	{
		"a day that is repeated fires once",
		"Pacific/Kwajalein", "0 6 * * *", "1969-09-29T12:00:00+11:00", "1969-10-02T00:00:00-12:00",
		[]string{"09-30 06:00 +1100", "10-01 06:00 -1200"},
	},

	// Monrovia ran 44 minutes and 30 seconds behind UTC until January 7, 1972.
	{
		"an offset with seconds in it, and a gap that ends at an odd second",
		"Africa/Monrovia", "10 0 * * *", "1972-01-05T12:00:00Z", "1972-01-08T12:00:00Z",
		[]string{"01-06 00:10 -0044", "01-07 00:44 +0000", "01-08 00:10 +0000"},
	},
	{
		"a minute of which the gap leaves only the end is skipped",
		"Africa/Monrovia", "44 * * * *", "1972-01-07T00:00:00Z", "1972-01-07T03:00:00Z",
		[]string{"01-06 23:44 -0044", "01-07 01:44 +0000", "01-07 02:44 +0000"},
	},
}

func TestClockChangesAreFollowedByTheRule(t *testing.T) { // R34
	t.Parallel()
	for _, c := range changeCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, ticks(t, c.expression, c.zone, c.after, c.until), "%s in %s", c.expression, c.zone)
		})
	}
}

func TestAGapThatEndsWithinAMinuteIsFollowedToTheSecond(t *testing.T) { // R34
	t.Parallel()
	next := parse(t, "10 0 * * *").Next(instant(t, "1972-01-06T12:00:00Z"), zone(t, "Africa/Monrovia"))
	require.Equal(t, "1972-01-07T00:44:30Z", next.UTC().Format(time.RFC3339))
}

func TestTheLastDayOfALeapYearIsADayLikeAnother(t *testing.T) { // golang/go#81583
	t.Parallel()
	zones := embeddedZones(t) // they hold a rule where a system's may hold a list up to 2037
	for _, zoneName := range []string{"Europe/Berlin", "America/Santiago"} {
		loc := zones[zoneName]
		for _, year := range []int{2028, 2040} {
			last := time.Date(year, 12, 31, 0, 0, 0, 0, loc)
			for _, expression := range []string{"0 6,18 * * *", "0 */12 * * *", "0 6,18 29-31 12 *", "*/15 6 * * *"} {
				for i := range 8 {
					begin := last.Add(time.Duration(6*i-12) * time.Hour)
					var got []int64
					for tick := range parse(t, expression).Between(begin, begin.AddDate(0, 0, 2), loc) {
						got = append(got, tick.Unix())
					}
					want := newOracle(expression).ticks(newWalk(begin.Add(time.Minute), begin.AddDate(0, 0, 2), loc), 0)
					require.Equal(t, inZone(want, loc), inZone(got, loc), "%q from %s", expression, begin)
				}
			}
		}
	}
}

func TestFromTheLastDayOfALeapYearTheNextSummerIsSeen(t *testing.T) { // golang/go#81583
	t.Parallel()
	berlin := embeddedZones(t)["Europe/Berlin"]
	for _, expression := range []string{"0 6 1 7 *", "0-5 6 1 7 *"} {
		next := parse(t, expression).Next(time.Date(2040, 12, 31, 12, 0, 0, 0, berlin), berlin)
		require.Equal(t, "2041-07-01T06:00:00+02:00", next.Format(time.RFC3339), expression)
	}
}

func TestDaysOfTheMonthAndOfTheWeek(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, expression string
		want             []int // days of June 2026, which begins on a Monday
	}{
		{"both restricted: one is enough", "0 6 15 * FRI", []int{5, 12, 15, 19, 26}},
		{"only the day of the month", "0 6 1,15 * *", []int{1, 15}},
		{"only the day of the week", "0 6 * * 2,4", []int{2, 4, 9, 11, 16, 18, 23, 25, 30}},
		{"a step over all days restricts nothing by itself: both must match", "0 6 */2 * MON", []int{1, 15, 29}},
		{"the same for the week", "0 6 1-10 * */2", []int{2, 4, 6, 7, 9}},
		{"all days, written as a range, are restricted, as in any cron", "0 6 1 * 0-6", daysOfJune()},
		{"0 is Sunday", "0 6 * * 0", []int{7, 14, 21, 28}},
		{"7 is Sunday", "0 6 * * 7", []int{7, 14, 21, 28}},
		{"a range to Sunday by its second number", "0 6 * * 6-7", []int{6, 7, 13, 14, 20, 21, 27, 28}},
		{"a range to Sunday by its name", "0 6 * * sat-sun", []int{6, 7, 13, 14, 20, 21, 27, 28}},
		{"a range from Sunday by its second number", "0 6 * * 7-1", []int{1, 7, 8, 14, 15, 21, 22, 28, 29}},
		{"a whole week from Monday", "0 6 1 * MON-SUN", daysOfJune()},
		{"a step in the week", "0 6 * * 1-5/2", []int{1, 3, 5, 8, 10, 12, 15, 17, 19, 22, 24, 26, 29}},
		{"a step from a day on", "0 6 20/5 * *", []int{20, 25, 30}},
		{"the 31st is not in June", "0 6 31 * *", nil},
		{"another month is not June", "0 6 * JAN-MAY,jul-dec *", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var days []int
			for tick := range parse(t, c.expression).Between(instant(t, "2026-06-01T00:00:00Z"), instant(t, "2026-07-01T00:00:00Z"), time.UTC) {
				days = append(days, tick.Day())
			}
			require.Equal(t, c.want, days, c.expression)
		})
	}
}

func daysOfJune() []int {
	var days []int
	for day := range 30 {
		days = append(days, day+1)
	}
	return days
}

func TestRareDaysAreFound(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"0 6 29 2 *":   "2104-02-29T06:00:00Z", // 2100 has none
		"0 6 29 2 */6": "2116-02-29T06:00:00Z", // one that is a Saturday or a Sunday
	} {
		next := parse(t, expression).Next(instant(t, "2096-03-01T00:00:00Z"), time.UTC)
		require.Equal(t, want, next.Format(time.RFC3339), expression)
	}
}

func TestATickIsNeverTheInstantAskedFromAndAlwaysOnTheMinute(t *testing.T) {
	t.Parallel()
	daily := parse(t, "0 6 * * *")
	six := instant(t, "2026-01-17T06:00:00Z")
	require.Equal(t, six.AddDate(0, 0, 1), daily.Next(six, time.UTC))
	require.Equal(t, six, daily.Next(six.Add(-1), time.UTC))
	require.Equal(t, six, daily.Next(six.Add(-time.Minute+1), time.UTC))
	require.Equal(t, six.Add(time.Minute), parse(t, "* * * * *").Next(six.Add(time.Second), time.UTC))
}

func TestATickIsShownInTheZoneAskedFor(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	for _, expression := range []string{"0 6 * * *", "*/5 * * * *"} {
		require.Equal(t, berlin, parse(t, expression).Next(instant(t, "2026-01-17T12:00:00Z"), berlin).Location())
	}
}

func TestTheZeroCronNeverFires(t *testing.T) {
	t.Parallel()
	var never cron.Expression
	now := instant(t, "2026-01-17T12:00:00Z")
	require.True(t, never.Next(now, time.UTC).IsZero())
	require.Empty(t, slices.Collect(never.Between(now, now.AddDate(1, 0, 0), time.UTC)))
	_, ok := never.Latest(now, now.AddDate(1, 0, 0), time.UTC)
	require.False(t, ok)
}

func TestBetweenLeavesOutItsBeginningAndHasItsEnd(t *testing.T) {
	t.Parallel()
	six := instant(t, "2026-01-17T06:00:00Z")
	daily := parse(t, "0 6 * * *")
	require.Equal(t, []time.Time{six.AddDate(0, 0, 1)}, slices.Collect(daily.Between(six, six.AddDate(0, 0, 1), time.UTC)))
	require.Empty(t, slices.Collect(daily.Between(six, six, time.UTC)))
	require.Empty(t, slices.Collect(daily.Between(six, six.AddDate(0, 0, -9), time.UTC)), "an end before the beginning")
}

func TestBetweenStopsWhenItsReaderDoes(t *testing.T) {
	t.Parallel()
	now := instant(t, "2026-01-17T12:00:00Z")
	var seen int
	for range parse(t, "* * * * *").Between(now, now.AddDate(1000, 0, 0), time.UTC) {
		if seen++; seen == 3 {
			break
		}
	}
	require.Equal(t, 3, seen)
}

func TestLatestFindsTheTickToCatchUp(t *testing.T) { // R34
	t.Parallel()
	for _, c := range []struct{ name, expression, after, until, want string }{
		{"the last of several", "0 8,14,20 * * *", "2026-01-17T00:00:00Z", "2026-01-17T19:00:00Z", "2026-01-17T14:00:00Z"},
		{"one that is due at this instant", "0 6 * * *", "2026-01-17T00:00:00Z", "2026-01-17T06:00:00Z", "2026-01-17T06:00:00Z"},
		{"none, for the last was at the beginning", "0 6 * * *", "2026-01-17T06:00:00Z", "2026-01-18T05:59:59Z", ""},
		{"none, for the time is none", "* * * * *", "2026-01-17T06:00:00Z", "2026-01-17T06:00:00Z", ""},
		{"none, for it runs backwards", "* * * * *", "2026-01-17T06:00:00Z", "2026-01-17T05:00:00Z", ""},
		{"one long ago", "0 6 1 1 *", "2025-12-31T00:00:00Z", "2026-12-31T00:00:00Z", "2026-01-01T06:00:00Z"},
		{"the last of very many", "* * * * *", "1990-01-01T00:00:00Z", "2026-12-31T00:00:30Z", "2026-12-31T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			latest, ok := parse(t, c.expression).Latest(instant(t, c.after), instant(t, c.until), time.UTC)
			require.Equal(t, c.want != "", ok)
			if ok {
				require.Equal(t, c.want, latest.Format(time.RFC3339))
			}
		})
	}
}

package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cron"
)

func TestTheSameTimesWrittenInAnotherWayAreTheSame(t *testing.T) { // R34
	t.Parallel()
	for _, c := range []struct{ one, other string }{
		{"0 6 * * 0", "0 6 * * 7"},
		{"0 6 * * 0", "0 6 * * sun"},
		{"0 6 * * 1-5", "0 6 * * MON-FRI"},
		{"0 6 * * 1-5", "0 6 * * Mon,Tue,wed,THU,fRi"},
		{"0 6 * * 5-7", "0 6 * * FRI-SUN"},
		{"0 6 * * 5-7", "0 6 * * 5-0"},
		{"0 6 * * 0-2", "0 6 * * 7-2"},
		{"0 6 * * 0-2", "0 6 * * SUN-TUE"},
		{"0 6 * 1-12 *", "0 6 * JAN-DEC *"},
		{"0 6 * 3,9 *", "0 6 * mar,Sep *"},
		{"0 6 * * *", "00 06 * * *"},
		{"0 6 * * *", "  0\t6 *  * *\n"},
		{"0 6 * * *", "0 6 * * *" + strings.Repeat(" ", 491)}, // the longest there may be
		{"0 8,14,20 * * *", "0 20,8,14,8 * * *"},
		{"*/15 * * * *", "0/15 * * * *"},
		{"*/15 * * * *", "*/15 0-23/1 * * *"},
		{"5/20 * * * *", "5-59/20 * * * *"},
		{"0 6 * * 1/2", "0 6 * * 1-6/2"},
	} {
		require.Equal(t, parse(t, c.one), parse(t, c.other), "%q and %q", c.one, c.other)
	}
}

func TestAFixedTimeIsNotTheSameAsOneThatMoves(t *testing.T) { // R34
	t.Parallel()
	require.NotEqual(t, parse(t, "30 2 * * *"), parse(t, "30 2-2 * * *"))
	require.NotEqual(t, parse(t, "0-1 2 * * *"), parse(t, "0,1 2 * * *"))
}

func TestABadExpressionIsRefusedInWordsForAnOperator(t *testing.T) { // R33
	t.Parallel()
	for _, c := range []struct{ expression, want string }{
		{"", `cron "" has 0 fields; it needs five: minute, hour, day of month, month, day of week`},
		{"@daily", `cron "@daily" has 1 fields; it needs five: minute, hour, day of month, month, day of week`},
		{"0 0 6 * * *", `cron "0 0 6 * * *" has 6 fields; it needs five: minute, hour, day of month, month, day of week`},
		{"60 6 * * *", `cron "60 6 * * *": minute: 60 is not between 0 and 59`},
		{"0 24 * * *", `cron "0 24 * * *": hour: 24 is not between 0 and 23`},
		{"0 6 0 * *", `cron "0 6 0 * *": day of month: 0 is not between 1 and 31`},
		{"0 6 32 * *", `cron "0 6 32 * *": day of month: 32 is not between 1 and 31`},
		{"0 6 * 13 *", `cron "0 6 * 13 *": month: 13 is not between 1 and 12`},
		{"0 6 * * 8", `cron "0 6 * * 8": day of week: 8 is not between 0 and 7`},
		{"0 6-25 * * *", `cron "0 6-25 * * *": hour: 25 is not between 0 and 23`},
		{"0 99999999999999999999 * * *", `cron "0 99999999999999999999 * * *": hour: 99999999999999999999 is not between 0 and 23`},
		{"0 six * * *", `cron "0 six * * *": hour: "six" is not a number`},
		{"0 +6 * * *", `cron "0 +6 * * *": hour: "+6" is not a number`},
		{"0 ? * * *", `cron "0 ? * * *": hour: "?" is not a number`},
		{"0 ** * * *", `cron "0 ** * * *": hour: "**" is not a number`},
		{"0 *-6 * * *", `cron "0 *-6 * * *": hour: "*" is not a number`},
		{"0 -6 * * *", `cron "0 -6 * * *": hour: "" is not a number`},
		{"0 6- * * *", `cron "0 6- * * *": hour: "" is not a number`},
		{"0 6-8-10 * * *", `cron "0 6-8-10 * * *": hour: "8-10" is not a number`},
		{"0 MON * * *", `cron "0 MON * * *": hour: "MON" is not a number`},
		{"0 6 L * *", `cron "0 6 L * *": day of month: "L" is not a number`},
		{"0 6 * JANUARY *", `cron "0 6 * JANUARY *": month: "JANUARY" is neither a number nor one of JAN, FEB, MAR, APR, MAY, JUN, JUL, AUG, SEP, OCT, NOV, DEC`},
		{"0 6 * * MON#1", `cron "0 6 * * MON#1": day of week: "MON#1" is neither a number nor one of SUN, MON, TUE, WED, THU, FRI, SAT`},
		{"0 6, * * *", `cron "0 6, * * *": hour: a value is missing beside a comma`},
		{", 6 * * *", `cron ", 6 * * *": minute: a value is missing beside a comma`},
		{"0 22-2 * * *", `cron "0 22-2 * * *": hour: the range 22-2 runs backwards; write 22-23,0-2`},
		{"0 6 * NOV-FEB *", `cron "0 6 * NOV-FEB *": month: the range NOV-FEB runs backwards; write NOV-12,1-FEB`},
		{"0 6 * * FRI-MON", `cron "0 6 * * FRI-MON": day of week: the range FRI-MON runs backwards; write FRI-7,0-MON`},
		{"*/0 * * * *", `cron "*/0 * * * *": minute: the step "0" is not a number from 1 to 59`},
		{"*/60 * * * *", `cron "*/60 * * * *": minute: the step "60" is not a number from 1 to 59`},
		{"*/ * * * *", `cron "*/ * * * *": minute: the step "" is not a number from 1 to 59`},
		{"*/5/5 * * * *", `cron "*/5/5 * * * *": minute: the step "5/5" is not a number from 1 to 59`},
		{"0 */24 * * *", `cron "0 */24 * * *": hour: the step "24" is not a number from 1 to 23`},
		{"0 6 */31 * *", `cron "0 6 */31 * *": day of month: the step "31" is not a number from 1 to 30`},
		{"0 6 * * */7", `cron "0 6 * * */7": day of week: the step "7" is not a number from 1 to 6`},
		{"0 0 31 2 *", `cron "0 0 31 2 *" never fires: none of its months has one of its days`},
		{"0 0 30 FEB *", `cron "0 0 30 FEB *" never fires: none of its months has one of its days`},
		{"0 0 31 4,6,9,11 *", `cron "0 0 31 4,6,9,11 *" never fires: none of its months has one of its days`},
		{"0 0 31 2 */2", `cron "0 0 31 2 */2" never fires: none of its months has one of its days`},
		{strings.Repeat("0,", 250) + "0 6 * * *", `the cron expression is longer than 500 characters`},
	} {
		e, err := cron.Parse(c.expression)
		require.EqualError(t, err, c.want)
		require.Zero(t, e)
	}
}

func TestWhatFiresAtLeastInSomeYearIsNoError(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		"0 0 29 2 *",
		"0 0 29 2 */6",
		"0 0 30 4 *",
		"0 0 31 2,3 *",
		"0 0 30-31 2,11 *",
		"0 0 31 2 MON", // a Monday is enough
	} {
		parse(t, expression)
	}
}

func FuzzParse(f *testing.F) {
	for _, expression := range []string{
		"0 6 * * *", "0 */6 * * *", "0 8,14,20 * * *", "0 2 * * *", "0 6 * * 1-5", "*/15 * * * *", "30 2 29 2 *",
		"0 0 31 2 *", "5/20 1-23/2 */3 JAN-mar,12 FRI-SUN", "7-7 0 1,15 * 7-2", "0 6 * * 5-0", "60 24 0 13 8", "*/90 * * * *",
		"0 22-2 * * *", ",, -- // ** ??", "@daily", "0 0 6 * * *", "\xff \x00 é ½ ٣",
	} {
		f.Add(expression)
	}
	berlin := zone(f, "Europe/Berlin")
	begin := instant(f, "2026-03-28T00:00:00Z")
	end := begin.AddDate(0, 0, 2)
	w := newWalk(begin.Add(time.Minute), end, berlin)
	f.Fuzz(func(t *testing.T, expression string) {
		e, err := cron.Parse(expression)
		if err != nil {
			require.Zero(t, e)
			require.NotContains(t, err.Error(), "\n", "an error is one line")
			return
		}
		next := e.Next(begin, berlin)
		require.True(t, next.After(begin), "what is accepted fires")
		require.NotEmpty(t, e.Describe())

		again, err := cron.Parse(strings.ToLower(strings.Join(strings.Fields(expression), "  ")))
		require.NoError(t, err)
		require.Equal(t, e, again, "case and white space say nothing")

		var got []int64
		for tick := range e.Between(begin, end, berlin) {
			got = append(got, tick.Unix())
		}
		require.Equal(t, newOracle(expression).ticks(w, 0), got)
	})
}

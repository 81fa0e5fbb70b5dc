package practice_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Noon in Berlin, four days after its clocks went forward.
var now = time.Date(2026, 4, 2, 10, 0, 0, 0, time.UTC)

// condition is a clinic in Berlin whose data is of 06:02 and whose next check is at 14:00.
func condition(change func(*scheduler.Condition)) *scheduler.Condition {
	c := &scheduler.Condition{
		Clinic:      clinic.Clinic{Name: "Tierpraxis Alpenblick", Timezone: "Europe/Berlin", Active: true, CreatedAt: now.AddDate(0, -2, 0)},
		Credentials: scheduler.CredentialCondition{Set: true},
		Phases: []scheduler.PhaseCondition{
			{Type: syncs.TypeInbound, Scheduled: true, LastSuccess: now.Add(-6*time.Hour + 2*time.Minute), Next: now.Add(2 * time.Hour)},
			{Type: syncs.TypeCases, Scheduled: true, LastSuccess: now.Add(-2 * time.Hour), Next: now.Add(5 * time.Hour)},
		},
	}
	if change != nil {
		change(c)
	}
	return c
}

func TestAPracticeReadsPlainWords(t *testing.T) { // R61
	t.Parallel()
	fails := func(code syncs.Code) func(*scheduler.Condition) {
		return func(c *scheduler.Condition) {
			p := &c.Phases[0]
			p.Failing, p.FailedAt, p.FailureCode, p.LastCode, p.EndedAt, p.Since = true, now.Add(-time.Hour), code, code, now.Add(-time.Hour), now.Add(-time.Hour)
		}
	}
	for name, x := range map[string]struct {
		change           func(*scheduler.Condition)
		state            scheduler.ClinicState
		headline, detail string
	}{
		"ok":    {nil, scheduler.ClinicOK, "Your appointments are up to date as of 06:02.", "Next check 14:00."},
		"stale": {func(c *scheduler.Condition) { c.Phases[0].Due = now.Add(-time.Hour) }, scheduler.ClinicStale, "Your appointments are not up to date.", "The last complete check was 06:02. A check is overdue, and we look into it. You need to do nothing. Next check 14:00."},
		"off":   {func(c *scheduler.Condition) { c.Clinic.Active = false }, scheduler.ClinicOff, "Checks are turned off.", "The last complete check was 06:02. Tell us if they should go on."},
		"new": {func(c *scheduler.Condition) {
			c.Phases[0].LastSuccess, c.Phases[1].LastSuccess = time.Time{}, time.Time{}
		}, scheduler.ClinicNeverSynced, "Everything is ready for the first check.", "Next check 14:00."},
		"notes only":  {func(c *scheduler.Condition) { c.Phases[0].LastSuccess = time.Time{} }, scheduler.ClinicNeverSynced, "Everything is ready for the first check.", "Next check 14:00."},
		"plan":        {func(c *scheduler.Condition) { c.Plans.Open = 1 }, scheduler.ClinicWaiting, "We need to look at something before we go on.", "Nothing was deleted"},
		"password":    {func(c *scheduler.Condition) { c.Credentials.SuspendedAt = now.Add(-time.Hour) }, scheduler.ClinicLoginRefused, "We cannot sign in to your practice system.", "Please send us the present ones."},
		"second step": {fails(syncs.CodeAuthChallenge), scheduler.ClinicLoginRefused, "We cannot sign in to your practice system.", "Please sign in once yourself"},
		"unreachable": {fails(syncs.CodeUnreachable), scheduler.ClinicFailing, "Your practice system did not respond as it should.", "We try again by ourselves."},
		"our fault":   {fails(syncs.CodeInternal), scheduler.ClinicFailing, "The last check did not succeed.", "You need to do nothing."},
		"no login":    {func(c *scheduler.Condition) { c.Credentials.Set = false }, scheduler.ClinicFailing, "We cannot sign in to your practice system yet.", "Please send us"},
		"yesterday":   {func(c *scheduler.Condition) { c.Phases[0].LastSuccess = now.Add(-20 * time.Hour) }, scheduler.ClinicOK, "as of yesterday at 16:00.", ""},
		"days ago":    {func(c *scheduler.Condition) { c.Phases[0].LastSuccess = now.Add(-5 * 24 * time.Hour) }, scheduler.ClinicOK, "as of Sat 28 Mar at 11:00.", ""},
	} {
		r := practice.Describe(condition(x.change), nil, now)
		require.Equal(t, x.state, r.State, name)
		require.Contains(t, r.Headline, x.headline, name)
		require.Contains(t, r.Detail, x.detail, name)
	}
}

func TestDaysAreThoseOfTheClinic(t *testing.T) { // R1, R61
	t.Parallel()
	day := func(n, hour int) time.Time { return time.Date(2026, 4, n, hour, 30, 0, 0, time.UTC) }
	r := practice.Describe(condition(nil), []practice.Outcome{
		{At: day(-40, 6), Completed: true}, // long ago
		{At: day(0, 23), Completed: true},  // 1 April in Berlin
		{At: day(1, 6), Completed: true},
		{At: day(2, 4), Completed: true},
		{At: day(2, 8)},
		{At: day(-1, 8)},
	}, now)
	require.Len(t, r.Days, practice.Days)
	require.Equal(t, "2026-03-04", r.Days[0].Date.String())
	last := r.Days[practice.Days-5:]
	for i, want := range []practice.DayState{practice.DayNone, practice.DayBad, practice.DayNone, practice.DayGood, practice.DayPart} {
		require.Equal(t, want, last[i].State, last[i].Date)
	}
	good, checked := r.GoodDays()
	require.Equal(t, []int{1, 3}, []int{good, checked})
}

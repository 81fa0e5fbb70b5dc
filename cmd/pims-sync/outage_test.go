package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// seeded is a practice whose calendar is in the database already, and whose
// session is alive.
func seeded(t *testing.T, w *world, o neosim.Options) *practice {
	t.Helper()
	p := w.practice(t, o)
	var rows []neosim.Appointment
	for i := range 24 {
		rows = append(rows, neosim.Appointment{
			Start: p.Today().AddDate(0, 0, i%8-4).Add(time.Duration(8+i/8) * time.Hour), Patient: "Bruno", LastName: "Nakamura",
			Status: "Scheduled", Type: "Exam",
		})
	}
	p.SetAppointments(rows...)
	from := p.Today().AddDate(0, 0, -7).Format(time.DateOnly)
	a := p.sync(t, "inbound", `{"startDate": "`+from+`", "daysAhead": 14}`)
	require.Equal(t, 200, a.status, a.body)
	require.Len(t, p.rows(t), 24)
	return p
}

func TestAPIMSInTroubleEndsTheSyncWithItsOwnCodeAndWritesNothing(t *testing.T) { // R5, R38
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		fault  neosim.Fault
		code   string
		status int
	}{
		"an HTML page":         {neosim.Fault{Kind: neosim.FaultHTML}, "schema_drift", 502},
		"null":                 {neosim.Fault{Kind: neosim.FaultBody, Body: "null"}, "schema_drift", 502},
		"an empty object":      {neosim.Fault{Kind: neosim.FaultBody, Body: "{}"}, "schema_drift", 502},
		"a number":             {neosim.Fault{Kind: neosim.FaultBody, Body: "42"}, "schema_drift", 502},
		"half of the JSON":     {neosim.Fault{Kind: neosim.FaultTruncated}, "schema_drift", 502},
		"a renamed envelope":   {neosim.Fault{Kind: neosim.FaultRenamed}, "schema_drift", 502},
		"a cut connection":     {neosim.Fault{Kind: neosim.FaultDisconnect}, "pims_unreachable", 502},
		"an error of its own":  {neosim.Fault{Kind: neosim.FaultStatus, Code: 500}, "pims_error", 502},
		"maintenance":          {neosim.Fault{Kind: neosim.FaultStatus, Code: 503}, "pims_error", 502},
		"a maintenance page":   {neosim.Fault{Kind: neosim.FaultMaintenance}, "pims_error", 502},
		"a prohibition":        {neosim.Fault{Kind: neosim.FaultStatus, Code: 403}, "pims_error", 502},
		"too many requests":    {neosim.Fault{Kind: neosim.FaultStatus, Code: 429, RetryAfter: time.Second}, "pims_rate_limited", 502},
		"a row without a head": {neosim.Fault{Kind: neosim.FaultBody, Body: `[{"id": 1, "start": "2026-01-01 09:00:00"}, null]`}, "schema_drift", 502},
		"another practice":     {neosim.Fault{Kind: neosim.FaultOtherPractice}, "pims_wrong_practice", 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{})
			before := p.rows(t)
			c.fault.Op, c.fault.Count = neosim.OpCalendar, neosim.Forever
			p.Fail(c.fault)
			for _, kind := range []string{"inbound", "reconcile"} {
				a := p.sync(t, kind, "")
				require.Equal(t, c.status, a.status, "%s: %v", kind, a.body)
				require.Equal(t, c.code, a.text("code"), "%s: %v", kind, a.body)
				require.Equal(t, false, a.get("success"))
				require.NotEmpty(t, a.text("error"))
				require.Equal(t, before, p.rows(t), kind)
			}
			p.ClearFaults()
			a := p.sync(t, "inbound", "")
			require.Equal(t, 200, a.status, a.body)
			require.Equal(t, before, p.rows(t), "afterwards all is as it was")
		})
	}
}

func TestAFullSyncAfterAnUnusableCalendarDeletesNothing(t *testing.T) { // R27
	t.Parallel()
	p := seeded(t, newWorld(t), neosim.Options{})
	before := p.rows(t)
	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHTML, Count: neosim.Forever})
	a := p.sync(t, "full", "")
	require.Equal(t, 502, a.status, a.body)
	require.Equal(t, "schema_drift", a.text("code"))
	require.Equal(t, "schema_drift", a.text("inboundResult.code"))
	require.Equal(t, true, a.get("casesResult.success"), "enrichment needs no calendar")
	require.Equal(t, true, a.get("reconciliationResult.skipped"))
	require.Equal(t, before, p.rows(t))
}

func TestAPIMSThatIsDownIsUnreachable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("before the first login", func(t *testing.T) {
		t.Parallel()
		p := w.practice(t, neosim.Options{})
		p.neo.Close()
		a := p.sync(t, "inbound", "")
		require.Equal(t, 502, a.status, a.body)
		require.Equal(t, "pims_unreachable", a.text("code"))
		require.Empty(t, p.rows(t))
	})
	t.Run("with a session from before", func(t *testing.T) {
		t.Parallel()
		p := seeded(t, w, neosim.Options{})
		before := p.rows(t)
		p.neo.Close()
		a := p.sync(t, "full", "")
		require.Equal(t, 502, a.status, a.body)
		require.Equal(t, "pims_unreachable", a.text("code"))
		require.Equal(t, before, p.rows(t))
	})
}

func TestAPIMSThatIsSlowIsWaitedForAsLongAsASyncMayTake(t *testing.T) { // R28
	t.Parallel()
	w := newWorld(t)
	p := seeded(t, w, neosim.Options{})
	before := p.rows(t)

	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultSlow, Delay: 300 * time.Millisecond, Count: 2})
	require.Equal(t, 200, p.sync(t, "inbound", "").status)

	w.replicas[0].end()
	p.via = w.replica(func(c *cli.Config, _ *app.ServerOptions) { c.SyncTimeoutMS = 1500 })
	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHang, Count: neosim.Forever})
	a := p.sync(t, "inbound", "")
	require.Equal(t, 504, a.status, a.body)
	require.Equal(t, "timeout", a.text("code"))
	require.Equal(t, before, p.rows(t))
}

func TestAShortTroubleIsSleptOver(t *testing.T) { // R32
	t.Parallel()
	p := seeded(t, newWorld(t), neosim.Options{})
	for _, fault := range []neosim.Fault{
		{Kind: neosim.FaultStatus, Code: 503},
		{Kind: neosim.FaultDisconnect},
		{Kind: neosim.FaultStatus, Code: 429, RetryAfter: time.Second},
	} {
		fault.Op = neosim.OpCalendar
		p.Fail(fault)
		a := p.sync(t, "inbound", "")
		require.Equal(t, 200, a.status, "%s: %v", fault.Kind, a.body)
	}
}

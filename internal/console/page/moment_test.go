package page

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimesAreInTheClinicsZone(t *testing.T) { // R1
	t.Parallel()
	now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC) // New York's clocks went forward at 07:00 UTC
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	v := &Visit{Now: now}
	for at, want := range map[time.Time][2]string{
		now.Add(-9 * time.Minute): {"07:51", "9 min ago"},
		now.Add(-6 * time.Hour):   {"01:00", "6 h ago"},
		now.Add(30 * time.Second): {"08:00", "now"},
		now.Add(20 * time.Hour):   {"Mon 04:00", "in 20 h"},
		now.AddDate(0, 0, -40):    {"27 Jan", "40 d ago"},
		now.AddDate(-2, 0, 0):     {"8 Mar 2024", "730 d ago"},
	} {
		m := v.Moment(at, zone)
		require.Contains(t, string(m.Short()), ">"+want[0]+"<", at)
		require.Contains(t, string(m.Ago()), ">"+want[1]+"<", at)
	}
	require.Contains(t, string(v.Moment(now, zone).Full()), "Sun 8 Mar 2026, 08:00 EDT")
	require.Contains(t, string(v.Moment(time.Time{}, zone).Ago()), "never")
}

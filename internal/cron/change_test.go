package cron

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheNextChangesOfAZonesClocksAreFound(t *testing.T) { // R34
	t.Parallel()
	after := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	for zone, want := range map[string][2]string{
		"Europe/Berlin":       {"2027-03-28T02:00 2027-03-28T03:00 gap", "2027-10-31T03:00 2027-10-31T02:00"},
		"America/New_York":    {"2027-03-14T02:00 2027-03-14T03:00 gap", "2027-11-07T02:00 2027-11-07T01:00"},
		"Australia/Lord_Howe": {"2027-04-04T02:00 2027-04-04T01:30", "2027-10-03T02:00 2027-10-03T02:30 gap"},
		"Asia/Tokyo":          {"", ""},
		"UTC":                 {"", ""},
	} {
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		at := after
		for i, said := range want {
			change, found := NextChange(at, loc)
			require.Equal(t, said != "", found, "%s %d", zone, i)
			if !found {
				break
			}
			const layout = "2006-01-02T15:04"
			text := change.From().Format(layout) + " " + change.To().Format(layout)
			if change.Gap() {
				text += " gap"
			}
			require.Equal(t, said, text, zone)
			require.Equal(t, time.Sunday, change.Day().Weekday(), zone)
			at = change.At
		}
	}
	loc, err := time.LoadLocation("America/Santiago")
	require.NoError(t, err)
	back, found := NextChange(after, loc)
	require.True(t, found)
	require.Equal(t, "2027-04-03", back.Day().Format(time.DateOnly), "23:00 comes twice on the day before midnight")
}

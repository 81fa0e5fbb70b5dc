package anonymous

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/timetest"
)

func TestTheDatesOfACopyAreMovedInEveryZone(t *testing.T) { // R52
	t.Parallel()
	for _, zone := range []string{
		"America/New_York", "America/Chicago", "America/Sao_Paulo", "Europe/Berlin", "Europe/London", "Asia/Tokyo", "Asia/Tehran",
		"Australia/Lord_Howe", "Pacific/Auckland", "Africa/Casablanca", "America/Santiago", "UTC",
	} {
		location := timetest.Zone(t, zone)
		for month := range 12 {
			began := time.Date(2026, time.Month(1+month), 8, 15, 4, 5, 0, time.UTC)
			fits := 0
			weeks := weeksFor(began, location, func(n int) int { fits = n; return n / 2 })
			require.NotZero(t, weeks, zone)
			require.True(t, sameClocks(began, weeks, 0, location), zone)
			if zone != "Africa/Casablanca" { // its clocks follow the moon
				require.True(t, sameClocks(began, weeks, 120, location), "%s %s", zone, began)
				require.Greater(t, fits, 3, "%s %s", zone, began)
			}
		}
	}
}

// The machine's clocks may change where the clinic's do not, and the other way round.
func TestAMomentOfACopyIsAtTheSameTimeOfTheClinicsDay(t *testing.T) { // R52, R59
	t.Parallel()
	const wall = "Mon 15:04:05"
	for _, clinic := range []string{"Etc/GMT-7", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		for _, machine := range []string{"UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Kiritimati"} {
			location := timetest.Zone(t, clinic)
			for month := range 12 {
				at := time.Date(2028, time.Month(1+month), 28, 23, 50, 0, 0, time.UTC).In(timetest.Zone(t, machine))
				for weeks := 5; weeks < 60; weeks += 9 {
					a := &anonymiser{m: &mapper{replacing: true}, weeks: weeks, location: location}
					moved := a.moved(at)
					require.Equal(t, at.In(location).Format(wall), moved.In(location).Format(wall), "%s, machine in %s, %s, %d weeks", clinic, machine, at, weeks)
					day := at.In(location).Format(time.DateOnly)
					require.Equal(t, a.day(day), moved.In(location).Format(time.DateOnly))
					require.Equal(t, at.Location(), moved.Location())
				}
			}
		}
	}
}

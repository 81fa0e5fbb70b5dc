package main

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheClockOfThisGoCanBeMoved(t *testing.T) { // R59
	t.Parallel()
	_, err := writeOverlay(t.TempDir(), runtime.GOROOT()) //nolint:staticcheck // go test sets it
	require.NoError(t, err)
}

func TestTheProofHasEveryDayAtFourHoursInFiveZones(t *testing.T) { // R59
	t.Parallel()
	all := everyMoment(daysOfTheProof)
	require.Len(t, all, 731*4*5)
	leapDay := 0
	for _, m := range all {
		if m.at.Format(time.DateOnly) == "2028-02-29" {
			leapDay++
		}
	}
	require.Equal(t, 20, leapDay)
	require.Len(t, everyMoment(3), 3*4*5)
	require.Empty(t, everyMoment(0))
}

func TestTheChosenMomentsAreTheUnusualOnes(t *testing.T) { // R59
	t.Parallel()
	all := chosenMoments()
	require.Len(t, all, 60)
	has := func(zone, day string) bool {
		return slices.ContainsFunc(all, func(m moment) bool {
			return m.at.Format(time.DateOnly) == day && (zone == "" || m.zone == zone)
		})
	}
	for zone, days := range map[string][]string{
		"America/New_York":    {"2028-03-12", "2028-11-05"},
		"Europe/Berlin":       {"2028-03-26", "2028-10-29"},
		"Australia/Lord_Howe": {"2028-04-02", "2028-10-01"},
		"":                    {"2027-12-31", "2028-01-01", "2028-02-29", "2027-04-30"},
	} {
		for _, day := range days {
			require.True(t, has(zone, day), "%s %s", zone, day)
		}
	}
	weekdays := make(map[time.Weekday]bool)
	for _, m := range all {
		weekdays[m.at.Weekday()] = true
	}
	require.Len(t, weekdays, 7)
}

func TestASeedChoosesTheSameMomentsAgain(t *testing.T) {
	t.Parallel()
	require.Equal(t, randomMoment(7, "internal/queue").String(), randomMoment(7, inModule("/some/checkout/internal/queue")).String())
	require.NotEqual(t, randomMoment(7, "internal/queue").String(), randomMoment(7, "internal/api").String())
	require.NotEqual(t, randomMoment(7, "internal/queue").String(), randomMoment(8, "internal/queue").String())
}

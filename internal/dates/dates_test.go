package main

import (
	"fmt"
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
	seen := make(map[string]bool)
	leapDay := 0
	for _, series := range everySeries(daysOfTheProof) {
		for _, m := range series {
			seen[m.String()] = true
			if m.at.Format(time.DateOnly) == "2028-02-29" {
				leapDay++
			}
		}
	}
	require.Len(t, seen, 731*4*5)
	require.Equal(t, 20, leapDay)
	zones := make(map[string]bool)
	for _, series := range everySeries(1)[:len(theZones)] {
		zones[series[0].zone] = true
	}
	require.Len(t, zones, 5, "what looks at the zone alone is run in the first series")
	require.Len(t, everySeries(3), 4*5)
	require.Empty(t, everySeries(0))
}

func TestAFailureInARoundIsToldWithItsTime(t *testing.T) {
	t.Parallel()
	require.Equal(t, roundMark+"b\n--- FAIL: TestX\n    text\n"+roundMark+"d\npanic: e\n", failures(
		roundMark+"a\n"+roundMark+"b\n--- FAIL: TestX\n    text\n"+roundMark+"c\n"+roundMark+"d\npanic: e\n"))
	require.Equal(t, timesVariable+"=0 60", timesOf([]moment{{time.Unix(0, 0), "UTC"}, {time.Unix(60, 0), "UTC"}}))
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
	weekdays, ends := make(map[time.Weekday]bool), 0
	for _, m := range all {
		weekdays[m.at.Weekday()] = true
		if at := m.at.UTC(); at.Hour() == 23 && at.Minute() == 50 {
			ends++
		}
	}
	require.Len(t, weekdays, 7)
	require.GreaterOrEqual(t, ends, 10, "ends of a day in UTC")
}

func TestASeedChoosesTheSameAgain(t *testing.T) { // R59
	t.Parallel()
	first := randomMoment(7, "queue").String()
	require.Equal(t, first, randomMoment(7, "queue").String())
	require.NotEqual(t, randomMoment(7, "queue").String(), randomMoment(7, "api").String())
	require.NotEqual(t, randomMoment(7, "queue").String(), randomMoment(8, "queue").String())

	packages := make([]testPackage, 30)
	for i := range packages {
		packages[i].path = fmt.Sprint(i)
	}
	order := randomOrder(7, packages)
	require.Equal(t, order, randomOrder(7, packages))
	require.NotEqual(t, randomOrder(7, packages), randomOrder(8, packages))
	require.ElementsMatch(t, packages, randomOrder(7, packages))
}

func TestThePartsOfTheMomentsAreAllOfThem(t *testing.T) {
	t.Parallel()
	all := chosenMoments()
	for _, n := range []int{1, 7, 10, 60} {
		seen := map[moment]int{}
		for i := 1; i <= n; i++ {
			var p part
			require.NoError(t, p.Set(fmt.Sprintf("%d/%d", i, n)))
			for _, m := range p.of(all) {
				seen[m]++
			}
		}
		for _, m := range all {
			require.Equal(t, 1, seen[m], "part of %d at %s", n, m)
		}
	}
	for _, bad := range []string{"", "3", "0/3", "4/3", "x/3"} {
		require.Error(t, new(part).Set(bad), bad)
	}
}

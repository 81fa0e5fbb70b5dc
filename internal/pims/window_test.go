package pims_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func date(t *testing.T, s string) pims.Date {
	t.Helper()
	d, err := pims.ParseDate(s)
	require.NoError(t, err)
	return d
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func TestADateThatNoCalendarHasIsRefused(t *testing.T) { // R1
	t.Parallel()
	for _, s := range []string{"2026-02-29", "2026-13-01", "2026-1-1", "20260101", "", "2026-01-01T00:00:00Z"} {
		_, err := pims.ParseDate(s)
		require.Error(t, err, s)
	}
}

func TestAWindowIsHalfOpenAndCountsDaysByTheCalendar(t *testing.T) { // R1
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	w, err := pims.NewWindow(date(t, "2026-03-28"), date(t, "2026-03-29"), berlin)
	require.NoError(t, err)

	require.Equal(t, 2, w.Days())
	require.Equal(t, "2026-03-28T00:00:00+01:00", w.From().Format(time.RFC3339))
	require.Equal(t, "2026-03-30T00:00:00+02:00", w.Until().Format(time.RFC3339))
	require.Equal(t, 47*time.Hour, w.Until().Sub(w.From()), "the spring change takes an hour out")
	require.True(t, w.Contains(w.From()))
	require.False(t, w.Contains(w.Until()))
	require.True(t, w.Contains(w.Until().Add(-time.Nanosecond)))
}

func TestAWindowThatEndsBeforeItStartsIsRefused(t *testing.T) {
	t.Parallel()
	_, err := pims.NewWindow(date(t, "2026-03-02"), date(t, "2026-03-01"), time.UTC)
	require.ErrorContains(t, err, "ends (2026-03-01) before it starts (2026-03-02)")
}

func TestSlicesCoverTheWindowOnceAndInOrder(t *testing.T) { // R5
	t.Parallel()
	for days := 1; days <= 40; days++ {
		w, err := pims.NewWindow(date(t, "2026-02-20"), date(t, "2026-02-20").AddDays(days-1), time.UTC)
		require.NoError(t, err)
		next := w.Start
		for _, s := range w.Slices(7) {
			require.Equal(t, next, s.Start)
			require.LessOrEqual(t, s.Days(), 7)
			next = s.End.AddDays(1)
		}
		require.Equal(t, w.End.AddDays(1), next)
	}
}

// The oracle walks through the instants around a change minute by minute and
// remembers what the wall clock shows.
func TestInstantAgreesWithAMinuteByMinuteClock(t *testing.T) { // R2
	t.Parallel()
	changes := map[string][]string{
		"Europe/Berlin":       {"2026-03-29", "2026-10-25"},
		"America/New_York":    {"2026-03-08", "2026-11-01"},
		"America/Santiago":    {"2026-04-05", "2026-09-06"}, // midnight is missing
		"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"}, // half an hour
		"Africa/Casablanca":   {"2026-02-15", "2026-03-22"},
		"Pacific/Apia":        {"2011-12-30"}, // a whole day is missing
		"Asia/Kolkata":        {"2026-06-01"},
	}
	for name, days := range changes {
		loc := zone(t, name)
		for _, day := range days {
			noon := time.Date(date(t, day).Year, date(t, day).Month, date(t, day).Day, 12, 0, 0, 0, time.UTC)
			first := map[string]time.Time{}
			for at := noon.Add(-60 * time.Hour); at.Before(noon.Add(60 * time.Hour)); at = at.Add(time.Minute) {
				shown := at.In(loc).Format("2006-01-02 15:04")
				if _, seen := first[shown]; !seen {
					first[shown] = at
				}
			}
			for wall := noon.Add(-24 * time.Hour); wall.Before(noon.Add(24 * time.Hour)); wall = wall.Add(time.Minute) {
				got := pims.Instant(wall, loc)
				text := wall.Format("2006-01-02 15:04")
				if want, exists := first[text]; exists {
					require.True(t, want.Equal(got), "%s %s: want %s, got %s", name, text, want.In(loc), got)
					continue
				}
				_, before := got.Add(-24 * time.Hour).Zone()
				if name == "Pacific/Apia" {
					_, before = noon.Add(-48 * time.Hour).In(loc).Zone()
				}
				shift := got.UTC().Sub(wall.Add(-time.Duration(before) * time.Second))
				require.Zero(t, shift, "%s %s lies in a gap and is read with the offset before it, got %s", name, text, got)
				_, after := got.Zone()
				require.NotEqual(t, before, after, "%s %s comes out after the change", name, text)
			}
		}
	}
}

func TestCoverJoinsWhatOverlapsOrTouchesAndKeepsGaps(t *testing.T) { // R27
	t.Parallel()
	w := func(start, end string) pims.Window {
		return pims.Window{Start: date(t, start), End: date(t, end), Location: time.UTC}
	}
	require.Equal(t,
		[]pims.Window{w("2026-01-01", "2026-01-20"), w("2026-03-01", "2026-03-02")},
		pims.Cover(w("2026-03-01", "2026-03-02"), w("2026-01-10", "2026-01-20"), w("2026-01-01", "2026-01-09"), w("2026-01-02", "2026-01-03")))
	require.Empty(t, pims.Cover())
}

package clinic_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

func TestAnExpiryCountsDaysOrHoursOrNamesTheLastDay(t *testing.T) {
	t.Parallel()
	chicago, err := clinic.LoadZone("America/Chicago")
	require.NoError(t, err)
	now := time.Date(2026, 3, 4, 12, 30, 0, 0, chicago)
	for text, want := range map[string]time.Time{
		"90d":        time.Date(2026, 6, 2, 12, 30, 0, 0, chicago),
		"365d":       time.Date(2027, 3, 4, 12, 30, 0, 0, chicago),
		"12h":        time.Date(2026, 3, 5, 0, 30, 0, 0, chicago),
		"1h":         time.Date(2026, 3, 4, 13, 30, 0, 0, chicago),
		"2027-01-31": time.Date(2027, 2, 1, 0, 0, 0, 0, chicago),
		"2026-03-04": time.Date(2026, 3, 5, 0, 0, 0, 0, chicago),
	} {
		got, err := clinic.ParseExpiry(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
}

func TestAMomentIsATimeInTheZoneOrCountsBack(t *testing.T) {
	t.Parallel()
	chicago, err := clinic.LoadZone("America/Chicago")
	require.NoError(t, err)
	now := time.Date(2026, 3, 4, 12, 30, 0, 0, chicago)
	for text, want := range map[string]time.Time{
		"2026-03-01 09:05":          time.Date(2026, 3, 1, 9, 5, 0, 0, chicago),
		"2026-03-01T09:05":          time.Date(2026, 3, 1, 9, 5, 0, 0, chicago),
		"2026-03-01 09:05:07":       time.Date(2026, 3, 1, 9, 5, 7, 0, chicago),
		"2026-03-01":                time.Date(2026, 3, 1, 0, 0, 0, 0, chicago),
		"2026-03-01T09:05:00Z":      time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC),
		"2026-03-01T09:05:00+02:00": time.Date(2026, 3, 1, 7, 5, 0, 0, time.UTC),
		"2d":                        time.Date(2026, 3, 2, 12, 30, 0, 0, chicago),
		"3h":                        time.Date(2026, 3, 4, 9, 30, 0, 0, chicago),
	} {
		at, err := clinic.ParseMoment(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(at), "%s: %s", text, at)
	}
	for _, text := range []string{"", "yesterday", "09:05", "2026-02-30", "2026-03-01 25:00", "01/03/2026", "-2d"} {
		_, err := clinic.ParseMoment(text, now)
		require.ErrorContains(t, err, "2026-01-31 08:30", text)
	}
}

func TestAnExpiryThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "d", "h", "90", "0d", "-1d", "90 d", "90D", "1.5d", "12m", "99999999999999999999d", "36501d", "9999999h",
		"2026-03-03", "2026-02-30", "2027-1-31", "9999-12-31", "never", "é",
	} {
		_, err := clinic.ParseExpiry(text, noon)
		require.ErrorContains(t, err, "expiry", text)
	}
}

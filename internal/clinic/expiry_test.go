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

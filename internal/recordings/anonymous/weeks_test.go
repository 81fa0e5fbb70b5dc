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

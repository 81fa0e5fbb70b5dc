package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/trends"
)

// fakeTotals is daily_totals with one day, the bench's yesterday.
type fakeTotals struct{}

func (fakeTotals) Count(context.Context, time.Time) error { return nil }

func (fakeTotals) Totals(context.Context, pims.Date) ([]trends.Day, error) {
	day := *sample.TrendDay()
	day.Date = pims.DateOf(testTime, time.UTC).AddDays(-1)
	return []trends.Day{day}, nil
}

func TestTrendsHaveEachDayOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	key := b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)
	list := b.get("/api/trends", withKey(key))
	require.Equal(t, http.StatusOK, list.Code, "%s", list.Body)
	items, _ := list.at("items").([]any)
	require.Len(t, items, trends.MaxDays)
	yesterday, _ := items[trends.MaxDays-2].(map[string]any)
	require.Equal(t, map[string]any{"completed": 7940.0, "failed": 31.0, "cancelled": 0.0}, yesterday["syncs"])
	today, _ := items[trends.MaxDays-1].(map[string]any)
	require.Nil(t, today["countedAt"])

	for days, n := range map[string]int{"1": 1, "2": 2, "7": 7, "14": 14, "45": 45, "90": 90} {
		items, _ := b.get("/api/trends?days="+days, withKey(key)).at("items").([]any)
		require.Len(t, items, n, days)
		last, _ := items[n-1].(map[string]any)
		require.Equal(t, today["day"], last["day"], "the last is today")
	}
	for _, days := range []string{"0", "91", "365", "-1", "07", "+7", "7.0", "week"} {
		refused := b.get("/api/trends?days="+days, withKey(key))
		require.Equal(t, http.StatusBadRequest, refused.Code, days)
		require.Equal(t, "days", refused.at("field"))
		require.Equal(t, "days must be a whole number between 1 and 90", refused.at("error"), "it says what would do")
	}
}

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
}

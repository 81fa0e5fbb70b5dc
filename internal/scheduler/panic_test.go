package scheduler_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// secret is what the panics hold and no log may (R40).
const secret = "Pip Thistle"

// A breaking observer panics where it is told of schedules or of freshness.
type breaking struct{}

func (breaking) SchedulesLoaded(int, int)              { panic(secret) }
func (breaking) Ticks(string, int)                     {}
func (breaking) Fresh(syncs.Type, int, time.Duration)  { panic(secret) }
func (breaking) Clinics(map[scheduler.ClinicState]int) {}

func TestALoopThatPanicsGoesOn(t *testing.T) { // R58
	t.Parallel()
	log := &logtest.Book{}
	scheduling(t, pgtest.URL(t), timetest.At(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)), func(o *scheduler.Options) {
		o.Enqueue, o.Observe, o.Logger = true, breaking{}, slog.New(slog.NewJSONHandler(log, nil))
	}).begin(t)
	require.Eventually(t, func() bool {
		times := map[any]int{}
		for _, line := range log.Panics(t) {
			times[line["loop"]]++
		}
		return times["clinics"] > 0 && times["schedules"] > 1 // it began again
	}, 30*time.Second, 10*time.Millisecond)
	require.NotContains(t, log.String(), secret)
}

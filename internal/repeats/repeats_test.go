package repeats_test

import (
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/repeats"
)

// A log is a logger below a Handler, and what came out of it.
func newLog() (*slog.Logger, *logtest.Book) {
	var book logtest.Book
	return slog.New(repeats.Handler(slog.NewJSONHandler(&book, nil))), &book
}

func TestTheSameLinePassesOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, book := newLog()
		began := time.Now()
		for second := range 150 {
			log.Error("Error fetching jobs", "err", errors.New("connection refused"), "attempt", second, "sleep_duration", strconv.Itoa(second)+"s")
			time.Sleep(time.Second) // of the bubble's own time
		}
		type line struct {
			second  int
			leftOut any
			attempt any
		}
		var lines []line
		for _, entry := range book.Lines(t) {
			at, err := time.Parse(time.RFC3339Nano, entry["time"].(string))
			require.NoError(t, err)
			lines = append(lines, line{int(at.Sub(began).Seconds()), entry["left_out"], entry["attempt"]})
		}
		require.Equal(t, []line{{0, nil, 0.0}, {60, 59.0, 60.0}, {120, 59.0, 120.0}}, lines)
	})
}

// No line hides another one.
func TestOtherLinesPass(t *testing.T) {
	t.Parallel()
	log, book := newLog()
	for range 3 {
		log.Error("Error fetching jobs", "err", "connection refused", "queue", "default")
		log.Error("Error fetching jobs", "err", "permission denied", "queue", "default")
		log.Error("Error fetching jobs", "err", "connection refused", "queue", "other")
		log.Warn("Error fetching jobs", "err", "connection refused", "queue", "default")
		log.Error("Error electing", "err", "connection refused", "queue", "default")
		log.Error("Error fetching jobs", "err", `connection refused" "queue"="default`)
		log.Error("Error fetching jobs", slog.Group("err", "a", "connection refused"))
		log.With("queue", "default").Error("Error fetching jobs", "err", "connection refused")
		log.With("queue", "other").Error("Error fetching jobs", "err", "denied")
		log.WithGroup("river").Error("Error fetching jobs", "err", "connection refused", "queue", "default")
		log.With("client", "one").WithGroup("river").Error("Error fetching jobs", "err", "connection refused", "queue", "default")
		log.WithGroup("river").With("queue", "default").Error("Error fetching jobs", "err", "denied")
	}
	require.Len(t, book.Lines(t), 12)
	log.Debug("Error fetching jobs")
	require.Len(t, book.Lines(t), 12, "the other handler decides about levels")
}

// The memory of lines is bounded; what it cannot remember passes.
func TestWhatIsNotRememberedPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, book := newLog()
		all := func() {
			for n := range 1000 {
				log.Error("Error completing job", "job_id", n)
			}
		}
		all()
		require.Len(t, book.Lines(t), 1000)
		book.Reset()
		all()
		require.Len(t, book.Lines(t), 1000-256)
		book.Reset()
		time.Sleep(time.Minute) // of the bubble's own time
		log.Error("Error fetching jobs")
		log.Error("Error fetching jobs")
		require.Len(t, book.Lines(t), 1, "lines of before are forgotten")
		all()
		book.Reset()
		all()
		require.Len(t, book.Lines(t), 1000-255)
	})
}

func TestLinesOfManyGoroutinesAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, book := newLog()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range 10 {
					log.With("queue", "default").Error("Error fetching jobs")
				}
			})
		}
		all.Wait()
		time.Sleep(time.Minute) // of the bubble's own time
		log.With("queue", "default").Error("Error fetching jobs")
		lines := book.Lines(t)
		require.Len(t, lines, 2)
		require.InDelta(t, 99, lines[1]["left_out"], 0)
	})
}

package chaos

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A watch measures how long the syncs of killed replicas wait to be taken up again
// or closed.
type watch struct {
	database *database

	mu   sync.Mutex
	open map[hold]time.Time // since when
	took []time.Duration
}

// A hold is an attempt at a sync that some process held.
type hold struct {
	ID      string
	Attempt int
}

func newWatch(t *testing.T, d *database) *watch {
	t.Helper()
	w := &watch{database: d, open: make(map[hold]time.Time)}
	ctx, cancel := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	looking.Go(func() {
		for pause(ctx, 100*time.Millisecond) {
			w.look(ctx)
		}
	})
	t.Cleanup(func() { cancel(); looking.Wait() })
	return w
}

// add begins to measure.
func (w *watch) add(holds ...hold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range holds {
		if _, known := w.open[h]; !known {
			w.open[h] = time.Now()
		}
	}
}

// look closes what was taken up by another attempt, or is over. What cannot be read,
// since PostgreSQL is away, waits on.
func (w *watch) look(ctx context.Context) {
	w.mu.Lock()
	var ids []string
	for h := range w.open {
		ids = append(ids, h.ID)
	}
	w.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	type state struct {
		ID, Status string
		Attempt    int
	}
	rows, err := w.database.pool.Query(ctx, `select id::text, status, attempt from case_sync_audits where id = any($1::uuid[])`, ids)
	if err != nil {
		return
	}
	states, err := pgx.CollectRows(rows, pgx.RowToStructByPos[state])
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for h, since := range w.open {
		for _, s := range states {
			over := s.Status != "queued" && s.Status != "in_progress"
			if s.ID == h.ID && (over || s.Attempt > h.Attempt) {
				delete(w.open, h)
				w.took = append(w.took, time.Since(since))
			}
		}
	}
}

// waiting are the syncs that nobody has taken up yet, and the longest time that one
// has waited or waits.
func (w *watch) waiting() (open int, longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, took := range w.took {
		longest = max(longest, took)
	}
	for _, since := range w.open {
		longest = max(longest, time.Since(since))
	}
	return len(w.open), longest
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.took) == 0 {
		return "no sync had to be taken up"
	}
	sorted := slices.SortedFunc(slices.Values(w.took), cmp.Compare)
	return fmt.Sprintf("%d syncs taken up or closed after %.1f s (median), %.1f s (longest)",
		len(sorted), sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds())
}

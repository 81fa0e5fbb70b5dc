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

	mu      sync.Mutex
	open    map[hold]*wait
	took    []time.Duration
	longest time.Duration // that one waited and nothing of its clinic was in the way
	slowest string        // the sync that did
}

// A hold is an attempt at a sync that some process held.
type hold struct {
	ID      string
	Attempt int
}

// A wait is for another attempt.
type wait struct {
	since time.Time
	free  time.Time // since when no other sync of the clinic was seen to run; R29: it has to wait its turn
}

func newWatch(t *testing.T, d *database) *watch {
	t.Helper()
	w := &watch{database: d, open: make(map[hold]*wait)}
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
			w.open[h] = &wait{since: time.Now(), free: time.Now()}
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
		Busy       bool // its clinic, with another sync
	}
	rows, err := w.database.pool.Query(ctx, `
		select id::text, status, attempt, exists (
			select from case_sync_audits o where o.clinic_id = a.clinic_id and o.id <> a.id and o.parent_id is null and o.status = 'in_progress')
		from case_sync_audits a where id = any($1::uuid[])`, ids)
	if err != nil {
		return
	}
	states, err := pgx.CollectRows(rows, pgx.RowToStructByPos[state])
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for h, wait := range w.open {
		for _, s := range states {
			if s.ID != h.ID {
				continue
			}
			if over := s.Status != "queued" && s.Status != "in_progress"; over || s.Attempt > h.Attempt {
				delete(w.open, h)
				w.took = append(w.took, time.Since(wait.since))
			}
			if waited := time.Since(wait.free); waited > w.longest {
				w.longest, w.slowest = waited, h.ID
			}
			if s.Busy {
				wait.free = time.Now()
			}
		}
	}
}

// waiting are the syncs that nobody has taken up yet, and the longest time that one
// has waited while it was its turn.
func (w *watch) waiting() (open int, longest time.Duration, slowest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open), w.longest, w.slowest
}

func (w *watch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.took) == 0 {
		return "no sync had to be taken up"
	}
	sorted := slices.SortedFunc(slices.Values(w.took), cmp.Compare)
	return fmt.Sprintf("%d syncs taken up or closed after %.1f s (median), %.1f s (longest), %.1f s (longest when it was its turn)",
		len(sorted), sorted[len(sorted)/2].Seconds(), sorted[len(sorted)-1].Seconds(), w.longest.Seconds())
}

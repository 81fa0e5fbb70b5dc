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

// beat is how long after a blow a heartbeat may still be from before it.
const beat = lease / 4

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

// A state is what became of a sync.
type state struct {
	ID, Status string
	Attempt    int
	Busy       bool       // its clinic, with another sync
	Expires    *time.Time // its lease
}

// look measures the waits that are open. What cannot be read, since PostgreSQL is
// away, waits on.
func (w *watch) look(ctx context.Context) {
	states, err := w.states(ctx)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for h, wait := range w.open {
		if s, read := states[h.ID]; read {
			w.note(h, wait, s)
		}
	}
}

// states are those of the syncs that wait.
func (w *watch) states(ctx context.Context) (map[string]state, error) {
	w.mu.Lock()
	var ids []string
	for h := range w.open {
		ids = append(ids, h.ID)
	}
	w.mu.Unlock()
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := w.database.pool.Query(ctx, `
		select id::text, status, attempt, exists (
				select from case_sync_audits o where o.clinic_id = a.clinic_id and o.id <> a.id and o.parent_id is null and o.status = 'in_progress'),
			(select expires_at from sync_leases where audit_id = a.id)
		from case_sync_audits a where id = any($1::uuid[])`, ids)
	if err != nil {
		return nil, err
	}
	read, err := pgx.CollectRows(rows, pgx.RowToStructByPos[state])
	states := make(map[string]state)
	for _, s := range read {
		states[s.ID] = s
	}
	return states, err
}

// note closes the wait for what another attempt took up, for what is over, and for
// what its own process goes on with, since it survived.
func (w *watch) note(h hold, wait *wait, s state) {
	over := s.Status != "queued" && s.Status != "in_progress"
	switch {
	case over || s.Attempt > h.Attempt:
		delete(w.open, h)
		w.took = append(w.took, time.Since(wait.since))
	case s.Expires != nil && s.Expires.After(wait.since.Add(lease+beat)):
		delete(w.open, h)
		return
	}
	if waited := time.Since(wait.free); waited > w.longest {
		w.longest, w.slowest = waited, h.ID
	}
	if s.Busy {
		wait.free = time.Now()
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

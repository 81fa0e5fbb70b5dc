package scheduler_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// A ledger is a store of schedules that records what is read and replaced.
type ledger struct {
	scheduler.ClinicStore
	scheduler.EntryStore

	all             []uuid.UUID // the clinics, ordered
	mu              sync.Mutex
	reads, replaced [][]uuid.UUID
}

// noted returns what was read and replaced until now.
func (l *ledger) noted() (reads, replaced [][]uuid.UUID) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.reads), slices.Clone(l.replaced)
}

func (l *ledger) SchedulesOf(_ context.Context, ids []uuid.UUID) ([]scheduler.Config, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads = append(l.reads, ids)
	return nil, nil
}

func (l *ledger) ReplaceOf(_ context.Context, ids []uuid.UUID, _ []scheduler.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replaced = append(l.replaced, ids)
	return nil
}

func (l *ledger) EnqueueDue(context.Context, time.Time, int, func(scheduler.Entry) ([]scheduler.Tick, time.Time)) (int, map[scheduler.Outcome]int, error) {
	return 0, nil, nil
}

func (l *ledger) ClinicsAfter(_ context.Context, after uuid.UUID, _ int) ([]uuid.UUID, error) {
	if after == uuid.Nil {
		return l.all, nil
	}
	return nil, nil
}

func (l *ledger) ConditionsOf(context.Context, []uuid.UUID, time.Time) ([]scheduler.Condition, error) {
	return nil, nil
}

func (l *ledger) Changed(context.Context, time.Time) ([]uuid.UUID, error) { return nil, nil }

// A hundred changes of two clinics within a second load those two once. A change that names
// no clinic, and five minutes, load all.
func TestChangesOfSchedulesAreGathered(t *testing.T) { // R33
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, two, three := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
		l, changed := &ledger{all: []uuid.UUID{one, two, three}}, make(chan string)
		s := scheduler.New(scheduler.Options{
			Clinics: l, Entries: l, Enqueue: true, Logger: slog.New(slog.DiscardHandler),
			Changed: func() (<-chan string, func()) { return changed, func() {} },
		})
		ctx, end := context.WithCancel(t.Context())
		s.Begin(ctx)
		reads, _ := l.noted()
		require.Equal(t, [][]uuid.UUID{l.all}, reads, "at the start all")

		for range 50 {
			changed <- one.String()
			changed <- two.String()
		}
		time.Sleep(2 * time.Second)
		reads, _ = l.noted()
		require.Len(t, reads, 2)
		require.ElementsMatch(t, []uuid.UUID{one, two}, reads[1])

		changed <- one.String()
		changed <- "" // some may have been missed
		time.Sleep(2 * time.Second)
		reads, _ = l.noted()
		require.Len(t, reads, 3)
		require.Equal(t, l.all, reads[2])

		time.Sleep(5 * time.Minute)
		reads, replaced := l.noted()
		require.Len(t, reads, 4)
		require.Equal(t, l.all, reads[3])
		require.Equal(t, reads, replaced)
		end()
		s.Wait()
	})
}

package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A source is a sync that tests move.
type source struct {
	mu    sync.Mutex
	audit syncs.Audit
	err   error
	reads atomic.Int32
	told  atomic.Int32 // subscriptions
	news  chan string
}

func (s *source) read(_ context.Context, clinicID, _ uuid.UUID) (syncs.Audit, error) {
	s.reads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if clinicID != s.audit.ClinicID {
		return syncs.Audit{}, syncs.Fail(syncs.CodeNotFound, "no such sync")
	}
	return s.audit, s.err
}

func (s *source) set(change func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func newWatcher() (*Watcher, *source) {
	s := &source{news: make(chan string), audit: syncs.Audit{ID: uuid.New(), ClinicID: uuid.New(), Status: syncs.StatusInProgress}}
	return New(Options{
		Read: s.read,
		Told: func() (<-chan string, func()) {
			s.told.Add(1)
			return s.news, func() { s.told.Add(-1) }
		},
		Live: 250 * time.Millisecond, Idle: time.Second, Logger: slog.New(slog.DiscardHandler),
	}), s
}

// follow collects what a follower sees.
func follow(ctx context.Context, w *Watcher, s *source, progress bool) (seen []syncs.Audit, err error) {
	for audit, failure := range w.Follow(ctx, s.audit.ClinicID, s.audit.ID, progress) {
		seen, err = append(seen, audit), failure
	}
	return seen, err
}

func TestManyFollowersOfASyncCostAsManyReadsAsOne(t *testing.T) { // R38
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, s := newWatcher()
		var all sync.WaitGroup
		for range 300 {
			all.Go(func() {
				seen, err := follow(t.Context(), w, s, true)
				require.NoError(t, err)
				require.Equal(t, syncs.StatusCompleted, seen[len(seen)-1].Status)
				require.GreaterOrEqual(t, len(seen), 4)
			})
		}
		time.Sleep(time.Second - time.Millisecond)
		require.EqualValues(t, 4, s.reads.Load())
		require.EqualValues(t, 1, s.told.Load())
		s.set(func(s *source) { s.audit.Status = syncs.StatusCompleted })
		all.Wait()
		require.EqualValues(t, 5, s.reads.Load())
		synctest.Wait()
		require.Zero(t, s.told.Load())
		require.Empty(t, w.readers)
	})
}

func TestWhoWaitsIsToldAtOnceAndReadsSeldom(t *testing.T) { // R28
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, s := newWatcher()
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = follow(t.Context(), w, s, false)
		}()
		time.Sleep(2500 * time.Millisecond)
		require.EqualValues(t, 3, s.reads.Load())
		s.news <- uuid.NewString() // another sync
		synctest.Wait()
		require.EqualValues(t, 3, s.reads.Load())
		s.set(func(s *source) { s.audit.Status = syncs.StatusFailed })
		s.news <- s.audit.ID.String()
		<-done
		require.Equal(t, 2500*time.Millisecond, time.Since(began))

		// Somebody who follows the progress makes the reader of those who wait quicker.
		s.set(func(s *source) { s.audit.Status = syncs.StatusInProgress })
		s.reads.Store(0)
		waiting, leave := context.WithCancel(t.Context())
		go func() { _, _ = follow(waiting, w, s, false) }()
		time.Sleep(100 * time.Millisecond)
		watching, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, _ = follow(watching, w, s, true)
		require.EqualValues(t, 5, s.reads.Load())
		leave()
		synctest.Wait()
		require.Empty(t, w.readers)
		require.Zero(t, s.told.Load())
	})
}

func TestAnErrorEndsTheFollowersAndTheNextBeginAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, s := newWatcher()
		s.err = errors.New("gone")
		_, err := follow(t.Context(), w, s, true)
		require.EqualError(t, err, "gone")
		s.set(func(s *source) { s.err, s.audit.Status = nil, syncs.StatusCompleted })
		_, err = follow(t.Context(), w, s, true)
		require.NoError(t, err)
		for _, err := range w.Follow(t.Context(), uuid.New(), s.audit.ID, true) {
			require.ErrorContains(t, err, "no such sync", "another clinic sees nothing")
		}

		w.o.Read = func(context.Context, uuid.UUID, uuid.UUID) (syncs.Audit, error) { panic("Zanzibar") }
		_, err = follow(t.Context(), w, s, true) // R58
		require.ErrorContains(t, err, "panic")
		require.NotContains(t, err.Error(), "Zanzibar")
		synctest.Wait()
		require.Empty(t, w.readers)
	})
}

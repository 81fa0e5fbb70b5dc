package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// errGivenUp ends a wait that a test only wants to have reserved.
var errGivenUp = errors.New("given up")

func TestReservationsOfAllReplicasAreSpacedByTheInterval(t *testing.T) { // R32
	t.Parallel()
	url := pgtest.URL(t)
	first, second := pgtest.Open(t, url), pgtest.Open(t, url)
	const perSecond = 0.01 // so slow that the test's own time does not count
	givenUp, giveUp := context.WithCancelCause(t.Context())
	next := func() time.Duration {
		return scan[time.Duration](t, first, "select next_at - clock_timestamp() from pims_rate_limits where host = 'neo.example'")
	}
	// What is reserved is reserved, though nobody waits for it: the pause ends the
	// context that the wait then looks at.
	pause := func(context.Context) func() { giveUp(errGivenUp); return func() {} }

	require.NoError(t, first.RateLimiter(perSecond, pause).Wait(t.Context(), "neo.example"), "the first is free")
	require.InDelta(t, 0, next(), float64(10*time.Second))
	require.ErrorIs(t, second.RateLimiter(perSecond, pause).Wait(givenUp, "NEO.example"), errGivenUp)
	require.InDelta(t, 100*time.Second, next(), float64(10*time.Second))
	require.NoError(t, second.RateLimiter(perSecond, pause).Wait(t.Context(), "other.example"), "another host is another queue")
	require.InDelta(t, 100*time.Second, next(), float64(10*time.Second))
}

func TestUnusedTimeIsNotSavedUp(t *testing.T) { // R32
	t.Parallel()
	db := pgtest.New(t)
	limiter := db.RateLimiter(0.01, nil)
	require.NoError(t, limiter.Wait(t.Context(), "neo.example"))
	exec(t, db, "update pims_rate_limits set next_at = next_at - interval '1 day'")
	require.NoError(t, limiter.Wait(t.Context(), "neo.example"), "after a quiet day one request is free")
	require.InDelta(t, 0, scan[time.Duration](t, db, "select next_at - clock_timestamp() from pims_rate_limits"), float64(10*time.Second), "and no second one")
}

func TestConcurrentReservationsAreDistinctAndInStep(t *testing.T) { // R32
	t.Parallel()
	db := pgtest.New(t)
	const n = 8
	var waiting atomic.Int32
	all, cancel := context.WithCancelCause(t.Context())
	limiter := db.RateLimiter(0.01, func(context.Context) func() {
		if waiting.Add(1) == n-1 {
			cancel(errGivenUp)
		}
		return func() {}
	})
	errs := race(n, func() error { return limiter.Wait(all, "neo.example") })
	require.Equal(t, 1, count(errs, nil))
	require.Equal(t, n-1, count(errs, errGivenUp))
	require.InDelta(t, (n-1)*100*time.Second, scan[time.Duration](t, db, "select next_at - clock_timestamp() from pims_rate_limits"), float64(10*time.Second))
}

func TestWaitingIsPausedWork(t *testing.T) { // R32
	t.Parallel()
	db := pgtest.New(t)
	var paused, resumed atomic.Int32
	limiter := db.RateLimiter(100, func(context.Context) func() {
		paused.Add(1)
		return func() { resumed.Add(1) }
	})
	for range 10 {
		require.NoError(t, limiter.Wait(t.Context(), "neo.example"))
	}
	require.Positive(t, paused.Load())
	require.Equal(t, paused.Load(), resumed.Load())
}

func TestNoRateIsNoLimitAndNoRequest(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for range 100 {
		require.NoError(t, db.RateLimiter(0, nil).Wait(t.Context(), "neo.example"))
	}
	require.Zero(t, scan[int](t, db, "select count(*) from pims_rate_limits"))
}

func TestALimiterWithoutItsDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	limiter := db.RateLimiter(1, nil)
	exec(t, db, "alter table pims_rate_limits rename to gone")
	err := limiter.Wait(t.Context(), "neo.example")
	require.ErrorContains(t, err, "reserve a request to the PIMS")
	require.NotErrorIs(t, err, syncs.ErrDatabase)
}

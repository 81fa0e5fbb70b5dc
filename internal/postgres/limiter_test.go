package postgres_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
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

	require.NoError(t, first.RateLimiter(perSecond, pause).Wait(t.Context(), pims.Charge{Host: "neo.example"}), "the first is free")
	require.InDelta(t, 0, next(), float64(10*time.Second))
	require.ErrorIs(t, second.RateLimiter(perSecond, pause).Wait(givenUp, pims.Charge{Host: "NEO.example"}), errGivenUp)
	require.InDelta(t, 100*time.Second, next(), float64(10*time.Second))
	require.NoError(t, second.RateLimiter(perSecond, pause).Wait(t.Context(), pims.Charge{Host: "other.example"}), "another host is another queue")
	require.InDelta(t, 100*time.Second, next(), float64(10*time.Second))
}

func TestABucketHasALimitOfItsOwnAndARequestMayCountMoreThanOnce(t *testing.T) { // R32, R53
	t.Parallel()
	db := pgtest.New(t)
	ahead := func(key string) time.Duration {
		return scan[time.Duration](t, db, "select coalesce(max(next_at) - clock_timestamp(), '-1 hour') from pims_rate_limits where host = $1", key)
	}
	wait := func(charge pims.Charge) error {
		charge.Host = "PIMS.example"
		waiting, giveUp := context.WithCancelCause(t.Context())
		return db.RateLimiter(1e6, func(context.Context) func() { giveUp(errGivenUp); return func() {} }).Wait(waiting, charge)
	}
	slow := pims.Limit{Bucket: "appointment", PerMinute: 1}
	require.NoError(t, wait(pims.Charge{Limit: slow, Cost: 3}), "the first is free, whatever it costs")
	require.InDelta(t, 2*time.Minute, ahead("pims.example appointment"), float64(10*time.Second), "it occupies three minutes")
	require.ErrorIs(t, wait(pims.Charge{Limit: slow}), errGivenUp)
	require.InDelta(t, 3*time.Minute, ahead("pims.example appointment"), float64(10*time.Second))
	require.InDelta(t, 0, ahead("pims.example"), float64(10*time.Second), "the host's own limit counts each once")
	require.NoError(t, wait(pims.Charge{Limit: pims.Limit{Bucket: "patient", PerMinute: 1}}), "another bucket is another queue")
	require.Equal(t, -time.Hour, ahead("pims.example other"))
}

func TestUnusedTimeIsNotSavedUp(t *testing.T) { // R32
	t.Parallel()
	db := pgtest.New(t)
	limiter := db.RateLimiter(0.01, nil)
	require.NoError(t, limiter.Wait(t.Context(), pims.Charge{Host: "neo.example"}))
	exec(t, db, "update pims_rate_limits set next_at = next_at - interval '1 day'")
	require.NoError(t, limiter.Wait(t.Context(), pims.Charge{Host: "neo.example"}), "after a quiet day one request is free")
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
	errs := race(n, func() error { return limiter.Wait(all, pims.Charge{Host: "neo.example"}) })
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
		require.NoError(t, limiter.Wait(t.Context(), pims.Charge{Host: "neo.example"}))
	}
	require.Positive(t, paused.Load())
	require.Equal(t, paused.Load(), resumed.Load())
}

func TestNoRateIsNoLimitAndNoRequest(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for range 100 {
		require.NoError(t, db.RateLimiter(0, nil).Wait(t.Context(), pims.Charge{Host: "neo.example"}))
	}
	require.Zero(t, scan[int](t, db, "select count(*) from pims_rate_limits"))
}

func TestALimiterWithoutItsDatabaseSaysSo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	limiter := db.RateLimiter(1, nil)
	exec(t, db, "alter table pims_rate_limits rename to gone")
	err := limiter.Wait(t.Context(), pims.Charge{Host: "neo.example"})
	require.ErrorContains(t, err, "reserve a request to the PIMS")
	require.NotErrorIs(t, err, syncs.ErrDatabase)
}

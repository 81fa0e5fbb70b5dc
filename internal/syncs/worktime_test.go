package syncs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestASyncThatWorksTooLongEndsWithATimeout(t *testing.T) { // R28
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := syncs.WithWorkLimit(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		<-ctx.Done()
		require.Equal(t, time.Minute, time.Since(begin))
		require.ErrorIs(t, context.Cause(ctx), syncs.ErrTimeout)
	})
}

func TestWaitingForTheRateLimitDoesNotCountAsWork(t *testing.T) { // R32
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := syncs.WithWorkLimit(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()

		time.Sleep(30 * time.Second)
		first, second := syncs.PauseWork(ctx), syncs.PauseWork(ctx)
		time.Sleep(time.Hour)
		first()
		first() // twice is once
		time.Sleep(time.Hour)
		require.NoError(t, ctx.Err())
		second()

		<-ctx.Done()
		require.Equal(t, 2*time.Hour+time.Minute, time.Since(begin))
		require.ErrorIs(t, context.Cause(ctx), syncs.ErrTimeout)
	})
}

func TestWithoutALimitThereIsNoClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := syncs.WithWorkLimit(t.Context(), 0)
		syncs.PauseWork(ctx)()
		time.Sleep(1000 * time.Hour)
		require.NoError(t, ctx.Err())
		cancel()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}

package panics_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/panics"
)

func TestALoopThatPanicsBeginsAgainAfterASecond(t *testing.T) { // R58
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		loops := &panics.Loops{Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, end := context.WithCancel(t.Context())
		began := time.Now()
		var begun []time.Duration
		loops.Begin(ctx, "watch", func(ctx context.Context) {
			begun = append(begun, time.Since(began))
			if len(begun) < 3 {
				panic(secret)
			}
			<-ctx.Done()
		})
		time.Sleep(time.Minute) // of the bubble's own time
		end()
		loops.Wait()
		require.Equal(t, []time.Duration{0, time.Second, 2 * time.Second}, begun)
		require.Equal(t, 2, bytes.Count(log.Bytes(), []byte("A panic ended one turn of a loop; it goes on")))
		require.Contains(t, log.String(), "loop=watch")
		require.NotContains(t, log.String(), secret)
	})
}

func TestALoopThatPanickedEndsWithItsContextDuringThePause(t *testing.T) { // R58
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		loops := &panics.Loops{Log: slog.New(slog.DiscardHandler)}
		ctx, end := context.WithCancel(t.Context())
		times := 0
		loops.Begin(ctx, "watch", func(context.Context) { times++; panic(secret) })
		synctest.Wait()
		end()
		loops.Wait()
		require.Equal(t, 1, times)
	})
}

func TestAPanicEndsOneTurnOnly(t *testing.T) { // R58
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		loops := &panics.Loops{Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, end := context.WithTimeout(t.Context(), 25*time.Second)
		defer end()
		turns := 0
		loops.Every(ctx, "tick", 10*time.Second, func() {
			turns++
			if turns == 2 {
				panic(secret)
			}
		})
		require.Equal(t, 3, turns, "at 0, 10 and 20 s")
		require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("loop=tick")))
		require.NotContains(t, log.String(), secret)
	})
}

func TestTheStarterHearsOfTheEnd(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	require.NoError(t, panics.Start(func() error { return nil })())
	require.Equal(t, broken, panics.Start(func() error { return broken })())
	err := panics.Start(func() error { panic(secret) })()
	require.NotNil(t, panics.In(err))
	require.NotContains(t, err.Error(), secret)
}

func TestTheOwnerOfAContextIsTold(t *testing.T) {
	t.Parallel()
	var told *panics.Error
	panics.Owner(t.Context())(&panics.Error{}) // nobody's
	panics.Owner(panics.WithOwner(t.Context(), func(e *panics.Error) { told = e }))(panics.In(panics.Catch(func() error { panic(secret) })))
	require.NotNil(t, told)
}

func TestALoopThatFailsSaysSoOnceAMinuteAndWhenItWorksAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		began := time.Now()
		loops := &panics.Loops{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Duration("after", a.Value.Time().Sub(began))
				}
				return a
			},
		}))}
		ctx, end := context.WithCancel(t.Context())
		away := func() bool {
			passed := time.Since(began)
			return passed >= time.Minute && passed < 3*time.Minute+30*time.Second
		}
		loops.Begin(ctx, "work", func(ctx context.Context) {
			loops.Try(ctx, "work", 250*time.Millisecond, slog.LevelWarn, "No work was found", func() error {
				if away() {
					return errors.New("the database is away")
				}
				return nil
			})
		})
		time.Sleep(10 * time.Minute) // of the bubble's own time
		end()
		loops.Wait()
		require.Equal(t, `after=1m0s level=WARN msg="No work was found" error="the database is away"
after=2m0s level=WARN msg="No work was found" error="the database is away"
after=3m0s level=WARN msg="No work was found" error="the database is away"
after=3m30s level=INFO msg="A loop works again" loop=work failed_turns=600 seconds=150
`, log.String())
	})
}

func TestTheErrorOfALoopThatIsEndedIsNotLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		loops := &panics.Loops{Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, end := context.WithCancel(t.Context())
		loops.Begin(ctx, "work", func(ctx context.Context) {
			loops.Try(ctx, "work", time.Second, slog.LevelWarn, "No work was found", func() error {
				<-ctx.Done()
				return ctx.Err()
			})
		})
		synctest.Wait()
		end()
		loops.Wait()
		require.Empty(t, log.String())
	})
}

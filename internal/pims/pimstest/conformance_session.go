package pimstest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func runSession(t *testing.T, h Harness) {
	t.Run("opening makes no request", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		state, err := b.Provider().Login(t.Context(), b.Account())
		require.NoError(t, err)
		b.ExpireSessions()
		session := b.open(state)
		b.requireKind(session.Prove(t.Context()), pims.ErrSessionExpired)
	})
	t.Run("a state that nobody saved is refused without quoting it", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		for _, state := range []pims.State{{}, {Data: []byte("Zznonsense")}, {Data: []byte(`{"Zz":1}`)}} {
			_, err := b.Provider().Open(b.Account(), state)
			require.Error(t, err)
			b.requireDiscreet(err)
		}
	})
	t.Run("its state opens it again", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		first := b.login()
		want, err := first.Appointments(t.Context(), b.window(12, 18))
		require.NoError(t, err)
		state, err := first.State()
		require.NoError(t, err)
		got, err := b.open(state).Appointments(t.Context(), b.window(12, 18))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want.Appointments, got.Appointments))
		again, err := b.open(state).State()
		require.NoError(t, err)
		require.True(t, state.Until.Equal(again.Until), "R36: a session does not get younger")
		require.Equal(t, state.Idle, again.Idle)
	})
	t.Run("every call says that it has expired", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		b.ExpireSessions()
		for _, c := range b.calls() {
			if c.op == OpFind && !isFinder(session) {
				continue
			}
			b.requireKind(c.run(t.Context(), session), pims.ErrSessionExpired)
		}
	})
	t.Run("every call ends with its context", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		for _, c := range b.calls() {
			b.Fail(c.op, FaultHang)
		}
		for _, c := range b.calls() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			err := c.run(ctx, session)
			cancel()
			if c.op == OpFind && !isFinder(session) {
				continue
			}
			b.requireKind(err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, pims.ErrUnreachable, "the caller's patience, not the PIMS's fault: %s", c.op)
		}
	})
	t.Run("a cancelled context ends a call before it begins", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range b.calls() {
			if c.op == OpFind && !isFinder(session) {
				continue
			}
			b.requireKind(c.run(ctx, session), context.Canceled)
		}
	})
	t.Run("all of it at once is safe", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		var group sync.WaitGroup
		failures := make(chan error, 1000)
		for range 8 {
			for _, c := range b.calls() {
				group.Go(func() { failures <- c.run(t.Context(), session) })
			}
			group.Go(func() {
				_, err := session.State()
				failures <- err
			})
		}
		group.Wait()
		close(failures)
		var all error
		for err := range failures {
			all = errors.Join(all, err)
		}
		require.NoError(t, all)
	})
}

package casesync_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAFullSyncThatEndsBetweenTwoPhasesIsNotCompleted(t *testing.T) { // R27, R31
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-03 10:00"))
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	p.recorder.onReport = func(progress syncs.Progress) {
		if progress.Phase == syncs.TypeInbound && progress.Step == "write" && progress.Done > 0 {
			end(syncs.ErrShutdown) // after the phase's last write
		}
	}
	o := p.run(ctx, syncs.Run{Type: syncs.TypeFull})
	require.ErrorIs(t, o.err, syncs.ErrShutdown)
	require.Equal(t, syncs.StatusFailed, o.audit.Status)
	require.Equal(t, syncs.CodeInterrupted, o.audit.Result.Code)
	require.Equal(t, syncs.StatusCompleted, o.audit.Children[0].Status)
	require.Len(t, o.audit.Result.Skipped, 2)
}

func TestWhatAnEndedSyncDidNotReachIsNobodysFault(t *testing.T) { // R12, W17
	t.Parallel()
	for _, tc := range []struct {
		cause       error
		level, said string
	}{
		{syncs.ErrCancelled, "INFO", "Sync cancelled"},
		{syncs.ErrShutdown, "WARN", "Sync interrupted"},
		{syncs.ErrLeaseLost, "WARN", "Sync interrupted"},
		{syncs.ErrTimeout, "ERROR", "Sync failed"},
	} {
		t.Run(tc.cause.Error(), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.seenMany(4)
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
				if call.Op == pimstest.OpConsultation && call.ID == "2" {
					end(tc.cause)
				}
				return nil
			})
			o := p.run(ctx, syncs.Run{Type: syncs.TypeCases, Options: one})
			require.ErrorIs(t, o.err, tc.cause)
			require.Equal(t, 4, o.Stats.CasesFound)
			require.Zero(t, o.Stats.CasesFailed)
			require.Empty(t, o.audit.Result.Failures)
			require.Equal(t, 4, o.Stats.CasesEnriched+o.Stats.CasesSkipped)
			require.Positive(t, o.Stats.CasesSkipped)
			lines := p.logs.of(p, &o.audit)
			require.Len(t, lines, 2, "one line for each event")
			require.Equal(t, []any{tc.level, tc.said}, []any{lines[1]["level"], lines[1]["msg"]})
			p.fake.OnCall(nil)
			p.again = nil
		})
	}
}

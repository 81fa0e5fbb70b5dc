package casesync_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
)

func TestAFullSyncThatEndsBetweenTwoPhasesIsNotCompleted(t *testing.T) { // R27, R31
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-03 10:00"))
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	p.recorder.onReport = func(progress casesync.Progress) {
		if progress.Phase == casesync.TypeInbound && progress.Step == "write" && progress.Done > 0 {
			end(casesync.ErrShutdown) // after the phase's last write
		}
	}
	o := p.run(ctx, casesync.Run{Type: casesync.TypeFull})
	require.ErrorIs(t, o.err, casesync.ErrShutdown)
	require.Equal(t, casesync.StatusFailed, o.audit.Status)
	require.Equal(t, casesync.CodeInterrupted, o.audit.Result.Code)
	require.Equal(t, casesync.StatusCompleted, o.audit.Children[0].Status)
	require.Len(t, o.audit.Result.Skipped, 2)
}

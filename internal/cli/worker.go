package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// WithWorker is WithEngine for a command that starts a sync. A living replica works on the
// sync. Without one, the command works on this sync only (docs/interface.md §Commands).
func WithWorker(ctx context.Context, std Streams, c *Config, run func(*app.Engine) error) error {
	return WithStore(ctx, std, c, func(s *app.Store) error {
		alive, err := replicasOrNone(ctx, s)
		if err != nil {
			return err
		}
		e, err := NewEngine(ctx, c, s, NewLogger(std.Err, Quietly(c)), app.EngineOptions{Private: !alive})
		if err != nil {
			return err
		}
		defer e.Close()
		return run(e)
	})
}

// replicasOrNone reports whether a replica is alive. Where none is, no process takes up the
// syncs of a killed one, so they are closed as interrupted and do not block new ones (R30).
func replicasOrNone(ctx context.Context, s *app.Store) (alive bool, err error) {
	if alive, err = s.Replicas().Alive(ctx, queue.ReplicaSilence); err != nil || alive {
		return alive, err
	}
	left, err := s.Audits().Expired(ctx)
	if err != nil {
		return false, err
	}
	status, result := casesync.Conclude(syncs.Result{}, syncs.Fail(syncs.CodeInterrupted,
		"the process that worked on the sync ended, and there was no replica to go on; what it had stored stays, the next sync goes on from there"))
	for _, run := range left {
		err := s.Audits().Finish(ctx, run.Lease, status, result, time.Now())
		if err != nil && !errors.Is(err, syncs.ErrLeaseLost) {
			return false, fmt.Errorf("closing sync %s, whose process ended: %w", run.Lease.AuditID, err)
		}
	}
	return false, nil
}

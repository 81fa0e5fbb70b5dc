package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// withWorker is withEngine for a command that starts a sync. A living replica works on the
// sync. Without one, the command works on this sync only (docs/interface.md §Commands).
func withWorker(ctx context.Context, std streams, c *Config, run func(*app.Engine) error) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		alive, err := replicasOrNone(ctx, s)
		if err != nil {
			return err
		}
		e, err := newEngine(ctx, c, s, newLogger(std.err, quietly(c)), app.EngineOptions{Private: !alive})
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

// carryOut works on a sync that the command has started, or waits for a replica to do so,
// and returns how it ended.
func carryOut(ctx context.Context, std streams, c *Config, e *app.Engine, owner clinic.Clinic, audit syncs.Audit) error {
	if e.Private {
		if err := e.Start(ctx); err != nil {
			return err
		}
	}
	ended, err := follow(ctx, std, c, e, audit)
	switch {
	case errors.Is(err, errInterrupted) && e.Private:
		return callOff(e, audit)
	case err != nil:
		return err
	}
	return tell(std, c, owner, ended)
}

// cancelSync cancels a sync and records it (R44).
func cancelSync(ctx context.Context, e *app.Engine, audit syncs.Audit) error {
	action := event(access.SyncCancel, audit.ClinicID, access.RecordOf("sync", audit.ID))
	return act(ctx, e.Store, action, func(ctx context.Context, x *access.Event) error {
		x.Before = access.Values{"status": audit.Status}
		after, err := e.Queue.Cancel(ctx, audit.ClinicID, audit.ID, actor())
		x.After = access.Values{"status": after.Status, "asked": true}
		return err
	})
}

// callOff cancels the sync of an interrupted command, because no other process would
// continue it.
func callOff(e *app.Engine, audit syncs.Audit) error {
	ctx, cancel := context.WithTimeout(context.Background(), cancelWait)
	defer cancel()
	err := cancelSync(ctx, e, audit)
	if err == nil {
		audit, err = e.Queue.Wait(ctx, audit.ClinicID, audit.ID)
	}
	if err != nil {
		return fmt.Errorf("interrupted, and sync %s could not be cancelled: %w; the next command closes it", audit.ID, err)
	}
	return fmt.Errorf("interrupted; sync %s is %s, what it had stored stays", audit.ID, audit.Status)
}

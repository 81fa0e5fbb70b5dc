package synccmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CarryOut works on a sync that the command has started, or waits for a replica to do so,
// and returns how it ended.
func CarryOut(ctx context.Context, std cli.Streams, c *cli.Config, e *app.Engine, owner clinic.Clinic, audit syncs.Audit) error {
	if e.Private {
		if err := e.Start(ctx); err != nil {
			return err
		}
	}
	ended, err := Follow(ctx, std, c, e, audit)
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
	action := cli.Event(access.SyncCancel, audit.ClinicID, access.RecordOf("sync", audit.ID))
	return cli.Act(ctx, e.Store, action, func(ctx context.Context, x *access.Event) error {
		x.Before = access.Values{"status": audit.Status}
		after, err := e.Queue.Cancel(ctx, audit.ClinicID, audit.ID, cli.Actor())
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

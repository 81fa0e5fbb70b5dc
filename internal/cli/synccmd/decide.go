package synccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// PlansApproveCmd approves a plan.
type PlansApproveCmd struct {
	ID  cli.ID `arg:"" help:"The plan's id."`
	Yes bool   `help:"Do not ask for confirmation. Required with --json and without a terminal."`
}

// Run describes what the plan would do, asks for confirmation, approves the plan, and works
// on its sync (R23).
func (a *PlansApproveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithWorker(ctx, std, c, func(e *app.Engine) error {
		owner, err := ownerOfPlan(ctx, e.Store, a.ID.UUID)
		if err != nil {
			return err
		}
		if err := a.confirm(ctx, std, c, e.Store, owner); err != nil {
			return err
		}
		audit, err := e.Fleet().ApprovePlan(ctx, cli.By(), owner.ID, a.ID.UUID, syncs.TriggerCLI)
		if err != nil {
			return ofPlan(a.ID, err)
		}
		return CarryOut(ctx, std, c, e, owner, audit)
	})
}

// confirm asks whether to carry out the plan, and shows the number of cases and their days.
// A plan that can no longer be decided is reported before that.
func (a *PlansApproveCmd) confirm(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, owner clinic.Clinic) error {
	if a.Yes {
		return nil
	}
	plan, err := s.Plans().Plan(ctx, owner.ID, a.ID.UUID)
	if err != nil {
		return err
	}
	if err := plan.Decidable(time.Now()); err != nil {
		return ofPlan(a.ID, err)
	}
	would := approval(&plan)
	if c.JSON || !render.IsTerminal(std.In) {
		return cli.Usage(fmt.Errorf("this would %s; nobody can be asked here: add --yes to do it", would))
	}
	yes, err := cli.Ask(std, fmt.Sprintf("This would %s, for %s.\nApprove it? [y/N] ", would, owner.Name))
	if err == nil && !yes {
		err = errors.New("not approved; the plan stays as it is")
	}
	return err
}

// approval describes what an approval of the plan would do.
func approval(plan *syncs.Plan) string {
	switch plan.Code {
	case syncs.CodeShiftGuard:
		return fmt.Sprintf("move %s, most by %s", render.Counted(plan.Evidence.Moved, "case"), plan.Evidence.MovedBy)
	case syncs.CodeWrongPractice:
		return fmt.Sprintf("run the %s of %s to %s with the calendar of a practice that shares no appointment with ours",
			plan.SyncType, plan.Window.Start, plan.Window.End)
	case syncs.CodeDriftGuard:
		return fmt.Sprintf("accept the new form of the PIMS's answers and run the %s of %s to %s", plan.SyncType, plan.Window.Start, plan.Window.End)
	default:
		return fmt.Sprintf("soft-delete %s that %s still missing: %s", render.Counted(len(plan.Cases), "case"), are(len(plan.Cases)), missingOn(plan.Evidence.Days))
	}
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// PlansRejectCmd rejects a plan.
type PlansRejectCmd struct {
	ID     cli.ID `arg:"" help:"The plan's id."`
	Reason string `help:"Why; it stands in the operator log. Name no patient and no client." placeholder:"TEXT"`
}

// Run closes the plan.
func (a *PlansRejectCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithEngine(ctx, std, c, func(e *app.Engine) error {
		owner, err := ownerOfPlan(ctx, e.Store, a.ID.UUID)
		if err != nil {
			return err
		}
		if err := e.Fleet().RejectPlan(ctx, cli.By(), owner.ID, a.ID.UUID, a.Reason); err != nil {
			return ofPlan(a.ID, err)
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "status": syncs.PlanRejected}, func(w io.Writer) {
			fmt.Fprintln(w, "The plan is rejected; nothing was changed. The next sync looks for itself.")
		})
	})
}

// ofPlan says of which plan an error is.
func ofPlan(id cli.ID, err error) error { return fmt.Errorf("plan %s: %w", id.UUID, err) }

func ownerOfPlan(ctx context.Context, s *app.Store, planID uuid.UUID) (clinic.Clinic, error) {
	clinicID, err := s.Plans().ClinicOf(ctx, planID)
	if err != nil {
		return clinic.Clinic{}, cli.NoSuch(err, "plan", planID, "plans list --clinic ID")
	}
	return s.Clinics().Clinic(ctx, clinicID)
}

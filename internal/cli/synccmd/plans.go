package synccmd

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// PlansCmd holds the commands on what a guard held back.
type PlansCmd struct {
	List PlansListCmd `cmd:"" help:"List a clinic's plans, newest first."`
	Show PlansShowCmd `cmd:"" help:"Show one plan with its evidence."`

	Approve PlansApproveCmd `cmd:"" help:"Approve a plan: start the sync that does what the guard held back, and work on it."`
	Reject  PlansRejectCmd  `cmd:"" help:"Reject a plan; nothing is deleted."`
}

// PlansListCmd lists plans.
type PlansListCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Status *string      `help:"Only plans in this status: open, approved, rejected, expired or superseded." enum:"open,approved,rejected,expired,superseded" placeholder:"STATUS"`
	Limit  cli.Limit    `help:"How many." default:"20"`
	Cursor string       `help:"Continue a list: the nextCursor of the earlier list."`
}

// Run lists the plans.
func (a *PlansListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		list, err := s.Plans().Plans(ctx, a.Clinic.UUID, syncs.PlanFilter{
			Status: syncs.PlanStatus(render.Given(a.Status)), Page: syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor},
		})
		if err != nil {
			return err
		}
		loc, _ := owner.Location() // nil shows UTC
		rows := make([][]string, len(list.Items))
		for i := range list.Items {
			x := &list.Items[i]
			rows[i] = []string{x.ID.String(), x.Standing(), string(x.Code), heldBack(x), render.Stamp(x.CreatedAt, loc), render.Stamp(x.ExpiresAt, loc), executor(x)}
		}
		document, err := api.PlansDocument(list)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No plans.")
				return
			}
			render.Table(w, []string{"id", "status", "guard", "held back", "created", "expires", "carried out by"}, rows)
			cli.More(w, list.NextCursor)
		})
	})
}

// executor describes the sync that carries a plan out.
func executor(plan *syncs.Plan) string {
	if plan.Execution.SyncID == uuid.Nil {
		return "-"
	}
	return plan.Execution.SyncID.String()
}

// PlansShowCmd shows a plan.
type PlansShowCmd struct {
	ID cli.ID `arg:"" help:"The plan's id."`
}

// Run shows the plan.
func (a *PlansShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, err := ownerOfPlan(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		plan, err := s.Plans().Plan(ctx, owner.ID, a.ID.UUID)
		if err != nil {
			return err
		}
		document, err := api.PlanDocument(plan)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) { showPlan(w, owner, &plan) })
	})
}

func showPlan(w io.Writer, owner clinic.Clinic, plan *syncs.Plan) {
	loc, _ := owner.Location() // nil shows UTC
	head := []string{
		"plan", plan.ID.String(), "clinic", owner.Name, "status", plan.Standing(), "guard", guardOf(plan),
		"sync", plan.SyncID.String(), "created", render.Stamp(plan.CreatedAt, loc), "expires", render.Stamp(plan.ExpiresAt, loc),
	}
	if plan.DecidedBy != "" {
		head = append(head, "decided", render.Stamp(plan.DecidedAt, loc)+" by "+plan.Decider())
	}
	if plan.Execution.SyncID != uuid.Nil {
		head = append(head, "carried out by", "sync "+executor(plan)+" ("+plan.Execution.Outcome()+")")
	}
	render.Fields(w, append(head, evidence(plan, loc)...)...)
	fmt.Fprintf(w, "\n%s\n", plan.Reason)
	if len(plan.Cases) > 0 {
		showPlannedCases(w, plan, loc)
	}
	if plan.Decidable(time.Now()) == nil {
		fmt.Fprintf(w, "\nTo do it: pims-sync plans approve %s\nTo close it: pims-sync plans reject %s\n", plan.ID, plan.ID)
	}
}

// showPlannedCases lists the visits with the details by which a practice recognises them,
// and with what the PIMS returned for each.
func showPlannedCases(w io.Writer, plan *syncs.Plan, loc *time.Location) {
	found := make(map[string]string, len(plan.Evidence.Lookups))
	for _, l := range plan.Evidence.Lookups {
		found[l.PIMSID] = fmt.Sprintf("%s (%s, %s)", l.Found, l.Method, render.Stamp(l.At, loc))
	}
	rows := make([][]string, len(plan.Cases))
	for i, x := range plan.Cases {
		rows[i] = []string{
			render.DayStamp(x.ScheduledDate, loc), render.OrDash(x.Kind), render.OrDash(x.Room), x.PIMSID, x.CaseID.String(), render.OrDash(found[x.PIMSID]),
		}
	}
	fmt.Fprintln(w)
	render.Table(w, []string{"scheduled", "type", "room", "appointment", "case", "looked up"}, rows)
}

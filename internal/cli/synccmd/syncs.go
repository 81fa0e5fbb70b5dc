package synccmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// SyncsCmd holds the commands on present and past syncs.
type SyncsCmd struct {
	List    SyncsListCmd    `cmd:"" help:"List a clinic's syncs, newest first."`
	Show    SyncsShowCmd    `cmd:"" help:"Show one sync."`
	Watch   SyncsWatchCmd   `cmd:"" help:"Follow a sync until it is over; exit 1 if it failed."`
	Cancel  SyncsCancelCmd  `cmd:"" help:"Cancel a sync that is queued or running."`
	Restore SyncsRestoreCmd `cmd:"" help:"Undo the soft deletes of a sync."`
}

// SyncsListCmd lists syncs.
type SyncsListCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Type   *string      `help:"Only this type: inbound, cases, reconciliation or full." enum:"inbound,cases,reconciliation,full" placeholder:"TYPE"`
	Status *string      `help:"Only this status: queued, in_progress, completed, failed or cancelled." enum:"queued,in_progress,completed,failed,cancelled" placeholder:"STATUS"`
	Code   string       `help:"Only syncs that ended with this code, such as schema_drift." placeholder:"CODE"`
	Since  string       `help:"Only syncs from then on: 90d, 12h or a date." placeholder:"WHEN"`
	Limit  cli.Limit    `help:"How many." default:"20"`
	Cursor string       `help:"Continue a list: the nextCursor of the earlier list."`
}

// Help shows how the command is used.
func (*SyncsListCmd) Help() string {
	return `Examples:
  pims-sync syncs list --clinic ID --status failed --since 7d
  pims-sync syncs list --clinic ID --code schema_drift --json`
}

// Run lists the syncs.
func (a *SyncsListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	filter := syncs.AuditFilter{
		Type: syncs.Type(render.Given(a.Type)), Status: syncs.Status(render.Given(a.Status)), Code: syncs.Code(a.Code),
		Page: syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor},
	}
	if a.Code != "" && !slices.Contains(syncs.EndCodes(), filter.Code) {
		return cli.Usage(fmt.Errorf("--code must be one of %s", strings.Trim(fmt.Sprint(syncs.EndCodes()), "[]")))
	}
	if a.Since != "" {
		since, err := clinic.ParseSince(a.Since, time.Now())
		if err != nil {
			return cli.Usage(fmt.Errorf("--since: %w", err))
		}
		filter.Since = since
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		list, err := s.Audits().Audits(ctx, a.Clinic.UUID, filter)
		if err != nil {
			return err
		}
		loc, _ := owner.Location() // nil shows UTC
		rows := make([][]string, len(list.Items))
		for i := range list.Items {
			x := &list.Items[i]
			rows[i] = []string{
				x.ID.String(), string(x.Type) + dryWord(x), string(x.Status), string(x.Trigger), render.Stamp(x.CreatedAt, loc),
				workTime(x), render.OrDash(string(x.Result.Code)),
			}
		}
		document, err := api.SyncsDocument(list)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No syncs.")
				return
			}
			render.Table(w, []string{"id", "type", "status", "by", "created", "took", "code"}, rows)
			cli.More(w, list.NextCursor)
		})
	})
}

// dryWord marks a dry run in a list.
func dryWord(x *syncs.Audit) string {
	if x.Options.DryRun {
		return " (dry run)"
	}
	return ""
}

// workTime describes how long a sync that is over was worked on.
func workTime(audit *syncs.Audit) string {
	if audit.StartedAt.IsZero() || audit.CompletedAt.IsZero() {
		return "-"
	}
	return audit.Duration().Round(time.Millisecond).String()
}

// SyncsShowCmd shows a sync.
type SyncsShowCmd struct {
	ID      cli.ID         `arg:"" help:"The sync's id."`
	Changes cli.LimitOrAll `help:"How many of its changes to list, or all. Changes of soft-deleted cases come first." default:"50" placeholder:"N"`
}

// Run shows the sync.
func (a *SyncsShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, audit, err := auditOf(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		events, err := s.Records().EventsOf(ctx, owner.ID, audit.ID)
		if err != nil {
			return err
		}
		loc := zoneOf(owner)
		events = cases.DeletionsFirst(cases.WithoutEchoes(events))
		total := len(events)
		events = events[:a.Changes.Cut(total)]
		if c.JSON {
			document, err := api.SyncEventsDocument(audit, events, total, loc)
			if err != nil {
				return err
			}
			return cli.Show(std, c, document, nil)
		}
		if err := showAudit(std, c, owner, audit); err != nil {
			return err
		}
		if err := tellApproval(ctx, std, s, audit, loc); err != nil {
			return err
		}
		tellChanges(std.Out, audit.ID, events, total, loc)
		return nil
	})
}

// tellChanges lists the first events of a sync. total is how many it has.
func tellChanges(w io.Writer, syncID uuid.UUID, events []cases.Event, total int, loc *time.Location) {
	if len(events) == 0 {
		return
	}
	fmt.Fprintln(w, "\nWhat it changed (pims-sync cases history tells all of one case):")
	for i := range events {
		for _, sentence := range events[i].Tell(loc) {
			fmt.Fprintf(w, "  case %s: %s\n", events[i].CaseID, sentence)
		}
	}
	if left := total - len(events); left > 0 {
		fmt.Fprintf(w, "  … %d more: pims-sync syncs show %s --changes all\n", left, syncID)
	}
}

// tellApproval prints who approved the plan that the sync carries out.
func tellApproval(ctx context.Context, std cli.Streams, s *app.Store, audit syncs.Audit, loc *time.Location) error {
	if audit.Approval == uuid.Nil {
		return nil
	}
	plan, err := s.Plans().Plan(ctx, audit.ClinicID, audit.Approval)
	if err != nil && casesync.Explain(err).Code == syncs.CodeNotFound { // it was deleted with the sync that left it
		return nil
	}
	if err == nil {
		fmt.Fprintf(std.Out, "\nApproved by %s at %s; why: pims-sync plans show %s\n", plan.Decider(), render.Stamp(plan.DecidedAt, loc), plan.ID)
	}
	return err
}

// auditOf reads a sync of any clinic, and the clinic.
func auditOf(ctx context.Context, s *app.Store, syncID uuid.UUID) (clinic.Clinic, syncs.Audit, error) {
	clinicID, err := s.Audits().ClinicOf(ctx, syncID)
	if err != nil {
		return clinic.Clinic{}, syncs.Audit{}, cli.NoSuch(err, "sync", syncID, "syncs list --clinic ID")
	}
	owner, err := s.Clinics().Clinic(ctx, clinicID)
	if err != nil {
		return clinic.Clinic{}, syncs.Audit{}, err
	}
	audit, err := s.Audits().Audit(ctx, clinicID, syncID)
	return owner, audit, err
}

// SyncsWatchCmd follows a sync.
type SyncsWatchCmd struct {
	ID cli.ID `arg:"" help:"The sync's id."`
}

// Run follows the sync, whichever process works on it.
func (a *SyncsWatchCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithEngine(ctx, std, c, func(e *app.Engine) error {
		owner, audit, err := auditOf(ctx, e.Store, a.ID.UUID)
		if err != nil {
			return err
		}
		audit, err = Follow(ctx, std, c, e, audit)
		if err != nil {
			return err
		}
		return tell(std, c, owner, audit)
	})
}

// SyncsCancelCmd cancels a sync.
type SyncsCancelCmd struct {
	ID cli.ID `arg:"" help:"The sync's id."`
}

// cancelWait is how long the command waits for a running sync to end.
const cancelWait = 10 * time.Second

// Run cancels the sync.
func (a *SyncsCancelCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithWorker(ctx, std, c, func(e *app.Engine) error {
		owner, audit, err := auditOf(ctx, e.Store, a.ID.UUID)
		if err != nil {
			return err
		}
		if audit.Status.Final() {
			return fmt.Errorf("sync %s is over already (%s); `pims-sync syncs show %s` tells how it ended", a.ID, audit.Status, a.ID)
		}
		if err := cancelSync(ctx, e, audit); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, cancelWait)
		defer cancel()
		if audit, err = e.Queue.Wait(wait, audit.ClinicID, audit.ID); err != nil {
			return err
		}
		return showAudit(std, c, owner, audit)
	})
}

package synccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// SyncCmd holds the commands that run a sync. Their flags are the fields of the endpoints'
// requests (docs/interface.md §Commands).
type SyncCmd struct {
	Inbound   SyncInboundCmd   `cmd:"" help:"Create and update cases from the PIMS's appointments."`
	Cases     SyncCasesCmd     `cmd:"" help:"Add medical notes, vitals and diagnoses to cases."`
	Reconcile SyncReconcileCmd `cmd:"" help:"Soft-delete cases whose appointments are gone from the PIMS."`
	Full      SyncFullCmd      `cmd:"" help:"Run the three syncs in turn."`
}

// forClinic holds the flags of every sync.
type forClinic struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	DryRun bool         `help:"Show what would be done. Write only the audit and the PIMS session."`
	Record bool         `help:"Keep what the PIMS returns, sealed, for 7 days; pims-sync recordings shows and replays it."`
}

type withDates struct {
	StartDate *cli.Date `help:"First day, YYYY-MM-DD in the clinic's zone." placeholder:"DATE"`
	EndDate   *cli.Date `help:"Last day." placeholder:"DATE"`
}

type withDaysAhead struct {
	DaysAhead *int `help:"How many days ahead (0 to 90, default 7)."`
}

type withEnrichment struct {
	ParallelBatchSize *int `help:"Consultations fetched at a time (1 to 20, default 5)."`
	Force             bool `help:"Read every consultation again, also final ones and those whose next read is later."`
}

type withLookback struct {
	LookbackDays  *int `help:"How many days back (1 to 180, default 7)."`
	LookaheadDays *int `help:"How many days ahead (0 to 90, default 0)."`
}

// SyncInboundCmd runs an inbound sync.
type SyncInboundCmd struct {
	forClinic     `embed:""`
	withDates     `embed:""`
	withDaysAhead `embed:""`
}

// Run runs the sync.
func (a *SyncInboundCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return runSync(ctx, std, c, &a.Clinic, syncs.TypeInbound, syncs.Options{
		StartDate: a.StartDate.Pointer(), EndDate: a.EndDate.Pointer(), DaysAhead: a.DaysAhead, DryRun: a.DryRun, Record: a.Record,
	})
}

// SyncCasesCmd runs an enrichment.
type SyncCasesCmd struct {
	forClinic      `embed:""`
	withDates      `embed:""`
	withEnrichment `embed:""`
}

// Run runs the sync.
func (a *SyncCasesCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return runSync(ctx, std, c, &a.Clinic, syncs.TypeCases, syncs.Options{
		StartDate: a.StartDate.Pointer(), EndDate: a.EndDate.Pointer(),
		ParallelBatchSize: a.ParallelBatchSize, Force: a.Force, DryRun: a.DryRun, Record: a.Record,
	})
}

// SyncReconcileCmd runs a reconciliation.
type SyncReconcileCmd struct {
	forClinic    `embed:""`
	withLookback `embed:""`
}

// Run runs the sync.
func (a *SyncReconcileCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return runSync(ctx, std, c, &a.Clinic, syncs.TypeReconciliation, syncs.Options{
		LookbackDays: a.LookbackDays, LookaheadDays: a.LookaheadDays, DryRun: a.DryRun, Record: a.Record,
	})
}

// SyncFullCmd runs a full sync.
type SyncFullCmd struct {
	forClinic      `embed:""`
	withDates      `embed:""`
	withDaysAhead  `embed:""`
	withEnrichment `embed:""`
	withLookback   `embed:""`
}

// Run runs the sync.
func (a *SyncFullCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return runSync(ctx, std, c, &a.Clinic, syncs.TypeFull, syncs.Options{
		StartDate: a.StartDate.Pointer(), EndDate: a.EndDate.Pointer(), DaysAhead: a.DaysAhead,
		ParallelBatchSize: a.ParallelBatchSize, Force: a.Force,
		LookbackDays: a.LookbackDays, LookaheadDays: a.LookaheadDays, DryRun: a.DryRun, Record: a.Record,
	})
}

// runSync queues a sync, works on it, and prints how it ended.
func runSync(ctx context.Context, std cli.Streams, c *cli.Config, of *cli.OfClinic, t syncs.Type, o syncs.Options) error {
	if err := o.Check(t); err != nil {
		return err
	}
	return cli.WithWorker(ctx, std, c, func(e *app.Engine) error {
		owner, err := cli.ClinicOf(ctx, e.Store, of.UUID)
		if err != nil {
			return err
		}
		var audit syncs.Audit
		err = cli.Act(ctx, e.Store, cli.Event(access.SyncStart, owner.ID, access.Record{}), func(ctx context.Context, x *access.Event) (err error) {
			audit, err = e.Queue.Start(ctx, syncs.Request{ClinicID: owner.ID, Type: t, Trigger: syncs.TriggerCLI, Options: o}, "")
			x.Record = access.RecordOf("sync", audit.ID)
			x.After = access.Values{"type": t, "dryRun": o.DryRun, "force": o.Force, "record": o.Record}
			return err
		})
		if err != nil {
			return err
		}
		return CarryOut(ctx, std, c, e, owner, audit)
	})
}

// followEvery is how often the shown progress is updated.
const followEvery = 200 * time.Millisecond

// databaseAway is how long the database may be unreachable while a sync is followed. The
// embedded one is back in seconds, because a replica that finds it ended starts it again.
const databaseAway = 30 * time.Second

// errInterrupted: a person pressed Ctrl-C while a sync was followed.
var errInterrupted = errors.New("interrupted")

// Follow shows the progress of a sync until it is over. When interrupted it returns
// errInterrupted, and the sync continues.
func Follow(ctx context.Context, std cli.Streams, c *cli.Config, e *app.Engine, audit syncs.Audit) (syncs.Audit, error) {
	bar := render.NewBar(std.Err, !c.JSON)
	defer bar.Close()
	seen := time.Now()
	wait := func(ctx context.Context) (syncs.Audit, error) { return e.Queue.Wait(ctx, audit.ClinicID, audit.ID) }
	for now, err := range syncs.Follow(ctx, followEvery, wait) {
		switch {
		case errors.Is(err, syncs.ErrDatabase) && time.Since(seen) < databaseAway: // look again
		case err != nil:
			return audit, err
		case now.Status.Final():
			return now, nil
		default:
			audit, seen = now, time.Now()
			bar.Show(now.Progress)
		}
	}
	return audit, fmt.Errorf("%w; sync %s goes on, `pims-sync syncs watch %s` follows it", errInterrupted, audit.ID, audit.ID)
}

// tell prints how a sync ended. It returns an error where the sync failed.
func tell(std cli.Streams, c *cli.Config, owner clinic.Clinic, audit syncs.Audit) error {
	if err := showAudit(std, c, owner, audit); err != nil {
		return err
	}
	if audit.Status == syncs.StatusCompleted {
		return nil
	}
	err := fmt.Errorf("the %s sync %s: %s (%s)", audit.Type, audit.Status, audit.Result.Error, audit.Result.Code)
	if audit.Result.Code == syncs.CodeInternal {
		err = fmt.Errorf("%w; --log-level info shows what it met", err)
	}
	return err
}

func showAudit(std cli.Streams, c *cli.Config, owner clinic.Clinic, audit syncs.Audit) error {
	document, err := api.SyncDocument(audit)
	if err != nil {
		return err
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		loc, _ := owner.Location() // nil shows UTC
		head := []string{
			"sync", audit.ID.String(),
			"clinic", owner.Name,
			"type", string(audit.Type) + dryMark(audit),
			"status", string(audit.Status),
			"started by", string(audit.Trigger),
			"started", render.Stamp(audit.StartedAt, loc),
			"took", workTime(&audit),
		}
		if audit.Approval != uuid.Nil {
			head = append(head, "approved plan", audit.Approval.String())
		}
		render.Fields(w, head...)
		if audit.Type != syncs.TypeFull {
			showStats(w, "", audit, loc)
		}
		for _, child := range audit.Children {
			fmt.Fprintf(w, "\n%s: %s\n", child.Type, child.Status)
			showStats(w, "  ", child, loc)
		}
		for _, phase := range syncs.Types() {
			if reason, skipped := audit.Result.Skipped[phase]; skipped {
				fmt.Fprintf(w, "\n%s: not run, because %s\n", phase, reason)
			}
		}
		if audit.Result.Error != "" {
			fmt.Fprintf(w, "\n%s (%s)\n", audit.Result.Error, audit.Result.Code)
		}
		if audit.Result.PlanID != uuid.Nil {
			fmt.Fprintf(w, "Plan: pims-sync plans show %s\n", audit.Result.PlanID)
		}
	})
}

func dryMark(a syncs.Audit) string {
	if a.Options.DryRun {
		return " (dry run: nothing was written)"
	}
	return ""
}

// showStats prints the counts, the warnings, the failures and what a dry run would change, with times in
// a zone; nil means UTC.
func showStats(w io.Writer, indent string, audit syncs.Audit, loc *time.Location) {
	var counts []string
	for _, count := range audit.Result.Stats.Counts(audit.Type) {
		counts = append(counts, fmt.Sprintf("%s %d", count.Name, count.Value))
	}
	fmt.Fprintln(w, indent+strings.Join(counts, ", "))
	for _, words := range audit.Result.Warnings.Words(strconv.Itoa) {
		fmt.Fprintf(w, "%swarning: %s\n", indent, words)
	}
	for _, f := range audit.Result.Failures {
		fmt.Fprintf(w, "%scase %s failed: %s (%s)\n", indent, f.CaseID, f.Error, f.Code)
	}
	for _, change := range syncs.ChangesInOrder(audit.Result.Changes) {
		if change.Action == syncs.ActionCreated {
			fmt.Fprintf(w, "%swould be created: appointment %s%s\n", indent, change.PIMSID, newCase(change, loc))
			continue
		}
		fmt.Fprintf(w, "%swould be %s: appointment %s, case %s, %s, %s\n", indent, strings.ReplaceAll(string(change.Action), "_", " "),
			change.PIMSID, change.CaseID, render.Stamp(change.ScheduledDate, loc), render.OrDash(change.PatientName))
		for _, f := range change.Fields {
			before := "nothing"
			if f.Before != "" {
				before = strconv.Quote(moment(f.Before, loc))
			}
			fmt.Fprintf(w, "%s  %s: %s → %q\n", indent, f.Field, before, moment(f.After, loc))
		}
	}
}

// newCase describes in one line a case that would be created.
func newCase(change syncs.Change, loc *time.Location) string {
	var b strings.Builder
	for _, name := range []string{"scheduledDate", "caseType", "status", "patientName", "clientName"} {
		for _, f := range change.Fields {
			if f.Field == name && f.After != "" {
				b.WriteString(", " + moment(f.After, loc))
			}
		}
	}
	return b.String()
}

// moment formats a time for people, in a zone. Any other text is returned as it is.
func moment(text string, loc *time.Location) string {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return render.Stamp(t, loc)
	}
	return text
}

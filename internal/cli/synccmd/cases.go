package synccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CasesCmd holds the commands on cases.
type CasesCmd struct {
	List CasesListCmd `cmd:"" help:"List a clinic's cases by date, the newest first."`
	Show CasesShowCmd `cmd:"" help:"Show one case with its metadata."`

	Compare CasesCompareCmd `cmd:"" help:"Show how a case differs between two moments."`
	Changes CasesChangesCmd `cmd:"" help:"List or follow the changes of a clinic's cases, as the change feed has them."`
	History CasesHistoryCmd `cmd:"" help:"Show the changes of a case: when, by whom, from what to what."`
	Restore CasesRestoreCmd `cmd:"" help:"Undo a soft delete."`

	CheckNotes CasesCheckNotesCmd `cmd:"" help:"Find cases that may hold notes of another patient or visit; clear the notes, or undo a clearing."`
}

// CasesListCmd lists cases.
type CasesListCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	From   *cli.Date    `help:"First day, in the clinic's zone." placeholder:"DATE"`
	To     *cli.Date    `help:"Last day." placeholder:"DATE"`
	Status string       `help:"Only this status."`
	PIMSID string       `name:"pims-id" help:"Only the case of this appointment."`

	Deleted     string `help:"true: only soft-deleted cases; false: only others; any: both." enum:"true,false,any" default:"any"`
	OldestFirst bool   `help:"Show the oldest first."`

	Limit  cli.Limit `help:"How many." default:"50"`
	Cursor string    `help:"Continue a list: the nextCursor of the earlier list."`
}

// Run lists the cases.
func (a *CasesListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if a.From != nil && a.To != nil && a.To.Before(a.From.Date) {
		return cli.Usage(errors.New("--to must not be before --from"))
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		loc, err := owner.Location()
		if err != nil {
			return err
		}
		list, err := s.Records().Cases(ctx, a.Clinic.UUID, a.filter())
		if err != nil {
			return err
		}
		rows := make([][]string, len(list.Items))
		for i := range list.Items {
			x := &list.Items[i]
			rows[i] = []string{x.ID.String(), said(x.PIMSID), scheduled(x, loc), caseStatus(x), x.CaseType, said(x.PatientName), said(x.ClientName)}
		}
		document, err := api.CasesDocument(list)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No cases.")
				return
			}
			render.Table(w, []string{"id", "appointment", "scheduled", "status", "type", "patient", "client"}, rows)
			cli.More(w, list.NextCursor)
		})
	})
}

// filter returns which cases are listed, and in which order.
func (a *CasesListCmd) filter() cases.Filter {
	filter := cases.Filter{Status: a.Status, PIMSID: a.PIMSID, NewestFirst: !a.OldestFirst, Page: syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor}}
	if a.Deleted != "any" {
		filter.Deleted = new(a.Deleted == "true")
	}
	if a.From != nil {
		filter.From = a.From.Date
	}
	if a.To != nil {
		filter.To = a.To.Date
	}
	return filter
}

// caseStatus returns the case's status, with a mark where the case is soft-deleted.
func caseStatus(x *cases.Record) string {
	if x.SoftDeleted {
		return x.Status + " (deleted)"
	}
	return x.Status
}

// CasesShowCmd shows a case.
type CasesShowCmd struct {
	ID cli.ID `arg:"" help:"The case's id."`
	At string `help:"Show it as it was then, by its history: a time in the clinic's zone, 12h or 7d ago." placeholder:"WHEN"`
}

// Help shows how the command is used.
func (*CasesShowCmd) Help() string {
	return `Example:
  pims-sync cases show ID
  pims-sync cases show ID --at "2026-11-24 09:00"
  pims-sync cases show ID --at 2d --json

With --at, medical notes that were later found not to be the patient's are left out. "cases
history ID" lists the changes, "cases compare ID" says what differs between two moments.`
}

// Run shows the case.
func (a *CasesShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, err := ownerOfCase(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		if a.At != "" {
			return a.showThen(ctx, std, c, s, owner)
		}
		record, err := s.Records().Case(ctx, owner.ID, a.ID.UUID)
		if err != nil {
			return err
		}
		document, err := api.CaseDocument(record)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) { showCase(w, owner, &record) })
	})
}

func showCase(w io.Writer, owner clinic.Clinic, x *cases.Record) {
	loc, _ := owner.Location() // nil shows UTC
	render.Fields(w,
		"case", x.ID.String(), "clinic", owner.Name, "appointment", said(x.PIMSID)+" ("+x.Provider+")",
		"patient", said(x.PatientName), "client", said(x.ClientName), "phone", said(x.PhoneNumber),
		"scheduled", scheduled(x, loc), "status", x.Status, "status by sync", said(x.SyncStatus), "type", x.CaseType,
		"created", render.Stamp(x.CreatedAt, loc), "updated", render.Stamp(x.UpdatedAt, loc))
	if x.SoftDeleted {
		fmt.Fprintf(w, "\nSoft-deleted at %s: %s. Undo: pims-sync cases restore %s\n", render.Stamp(x.DeletedAt, loc), render.OrDash(x.DeletedReason), x.ID)
	}
	_, _ = io.WriteString(w, "\n"+render.IndentJSON(x.Metadata)+"\n")
}

func scheduled(x *cases.Record, loc *time.Location) string {
	if x.ScheduledDate == nil {
		return "-"
	}
	return render.Stamp(*x.ScheduledDate, loc)
}

func said(s *string) string {
	return render.OrDash(render.Given(s))
}

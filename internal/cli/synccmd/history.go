package synccmd

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CasesHistoryCmd shows a case's history.
type CasesHistoryCmd struct {
	ID     cli.ID    `arg:"" help:"The case's id."`
	Limit  cli.Limit `help:"How many events." default:"100"`
	Cursor string    `help:"Continue a list: the nextCursor of the earlier list."`
}

// Run prints the history, oldest first, also of a removed case (R14).
func (a *CasesHistoryCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, err := ownerOf(ctx, s, a.ID.UUID, s.Records().ClinicOfHistory)
		if err != nil {
			return err
		}
		list, err := s.Records().History(ctx, owner.ID, a.ID.UUID, syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor})
		if err != nil {
			return err
		}
		loc := zoneOf(owner)
		document, err := api.EventsDocument(list, loc)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			tellEvents(w, cases.WithoutEchoes(list.Items), loc)
			cli.More(w, list.NextCursor)
		})
	})
}

// tellEvents prints who changed what when. Changes of one actor at one time are printed
// together.
func tellEvents(w io.Writer, events []cases.Event, loc *time.Location) {
	var last cases.Event
	for i := range events {
		e := &events[i]
		if i == 0 || e.Actor != last.Actor || !e.At.Equal(last.At) {
			fmt.Fprintf(w, "%s  %s\n", e.At.In(loc).Format("2006-01-02 15:04:05 MST"), e.Who())
		}
		last = *e
		for _, sentence := range e.Tell(loc) {
			fmt.Fprintf(w, "  %s\n", sentence)
		}
	}
}

// CasesRestoreCmd undoes a soft delete.
type CasesRestoreCmd struct {
	ID cli.ID `arg:"" help:"The case's id."`
}

// Run restores the case (R24).
func (a *CasesRestoreCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, err := ownerOfCase(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		restorations, err := s.Fleet().RestoreCase(ctx, cli.By(), owner.ID, a.ID.UUID)
		return showRestored(std, c, restorations, err)
	})
}

// SyncsRestoreCmd undoes the soft deletes of a sync.
type SyncsRestoreCmd struct {
	ID cli.ID `arg:"" help:"The sync's id."`
}

// Run restores the cases that the sync deleted and that are still deleted (R24).
func (a *SyncsRestoreCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, audit, err := auditOf(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		restorations, err := s.Fleet().RestoreSync(ctx, cli.By(), owner.ID, audit.ID)
		return showRestored(std, c, restorations, err)
	})
}

// showRestored prints what came of a restore, and fails where a case was refused.
func showRestored(std cli.Streams, c *cli.Config, restorations []cases.Restoration, err error) error {
	if err != nil && len(restorations) == 0 {
		return err
	}
	count := make(map[cases.RestoreOutcome]int)
	var refusals []string
	var last error
	for i := range restorations {
		r := &restorations[i]
		count[r.Outcome]++
		if err := r.Refusal(); err != nil {
			refusals = append(refusals, fmt.Sprintf("case %s: %v", r.CaseID, err))
			last = err
		}
	}
	document, err := api.RestoreDocument(restorations, time.Now())
	if err != nil {
		return err
	}
	err = cli.Show(std, c, document, func(w io.Writer) {
		fmt.Fprintf(w, "restored: %d, not soft-deleted: %d, refused: %d\n",
			count[cases.RestoreDone], count[cases.RestoreUnchanged], count[cases.RestoreRefused])
		for _, refusal := range refusals {
			fmt.Fprintln(w, refusal)
		}
	})
	if err == nil && last != nil {
		err = fmt.Errorf("%d of %s refused; the last: %w", len(refusals), render.Counted(len(restorations), "case"), last)
	}
	return err
}

// ownerOfCase returns the clinic of the case.
func ownerOfCase(ctx context.Context, s *app.Store, caseID uuid.UUID) (clinic.Clinic, error) {
	return ownerOf(ctx, s, caseID, s.Records().ClinicOf)
}

func ownerOf(ctx context.Context, s *app.Store, caseID uuid.UUID, find func(context.Context, uuid.UUID) (uuid.UUID, error)) (clinic.Clinic, error) {
	clinicID, err := find(ctx, caseID)
	if err != nil {
		return clinic.Clinic{}, cli.NoSuch(err, "case", caseID, "cases list --clinic ID")
	}
	return s.Clinics().Clinic(ctx, clinicID)
}

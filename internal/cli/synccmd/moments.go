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
)

// showThen shows a case as it was.
func (a *CasesShowCmd) showThen(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, owner clinic.Clinic) error {
	at, err := momentOf("--at", a.At, zoneOf(owner))
	if err != nil {
		return err
	}
	timeline, err := s.Records().Timeline(ctx, owner.ID, a.ID.UUID)
	if err != nil {
		return err
	}
	was, err := timeline.At(at)
	if err != nil {
		return err
	}
	document, err := api.MomentDocument(was)
	if err != nil {
		return err
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		fmt.Fprintf(w, "As it was at %s:\n\n", render.Stamp(at, zoneOf(owner)))
		showCase(w, owner, &was.Record)
		if was.NotesWithheld {
			fmt.Fprintf(w, "\nIts medical notes of that time are left out: they were later found not to be this patient's. See pims-sync cases history %s\n", was.ID)
		}
	})
}

// CasesCompareCmd compares a case at two moments.
type CasesCompareCmd struct {
	ID   cli.ID `arg:"" help:"The case's id."`
	From string `required:"" help:"The earlier moment: a time in the clinic's zone, 12h or 7d ago." placeholder:"WHEN"`
	To   string `help:"The later one; without it, now." placeholder:"WHEN"`
}

// Help shows how the command is used.
func (*CasesCompareCmd) Help() string {
	return `What was changed and changed back is left out; "cases history ID" has it. Medical notes that
were later found not to be the patient's are left out, too.

Example:
  pims-sync cases compare ID --from 7d
  pims-sync cases compare ID --from "2026-11-24 09:00" --to "2026-11-25 09:00" --json`
}

// Run prints what differs, and who changed it last (R14).
func (a *CasesCompareCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		owner, err := ownerOfCase(ctx, s, a.ID.UUID)
		if err != nil {
			return err
		}
		loc := zoneOf(owner)
		from, err := momentOf("--from", a.From, loc)
		if err != nil {
			return err
		}
		to := time.Now()
		if a.To != "" {
			if to, err = momentOf("--to", a.To, loc); err != nil {
				return err
			}
		}
		if to.Before(from) {
			return cli.Usage(errors.New("--to must not be before --from"))
		}
		timeline, err := s.Records().Timeline(ctx, owner.ID, a.ID.UUID)
		if err != nil {
			return err
		}
		changes, err := timeline.Between(from, to)
		if err != nil {
			return err
		}
		document, err := api.ComparisonDocument(from, to, changes, loc)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(changes) == 0 {
				fmt.Fprintf(w, "No difference between %s and %s.\n", render.Stamp(from, loc), render.Stamp(to, loc))
				return
			}
			tellEvents(w, cases.WithoutEchoes(changes), loc)
		})
	})
}

// momentOf reads a flag that is a moment in the clinic's zone.
func momentOf(flag, text string, loc *time.Location) (time.Time, error) {
	at, err := clinic.ParseMoment(text, time.Now().In(loc))
	if err != nil {
		return at, cli.Usage(fmt.Errorf("%s: %w", flag, err))
	}
	return at, nil
}

// zoneOf returns the clinic's zone, or UTC where it has none.
func zoneOf(owner clinic.Clinic) *time.Location {
	loc, err := owner.Location()
	if err != nil {
		return time.UTC
	}
	return loc
}

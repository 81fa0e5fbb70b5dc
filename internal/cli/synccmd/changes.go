package synccmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CasesChangesCmd reads the change feed.
type CasesChangesCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	After  string       `help:"Continue after a cursor; now: only what comes. Default: from the oldest change that is kept." placeholder:"CURSOR"`
	Limit  cli.Limit    `help:"How many at once." default:"100"`
	Follow bool         `help:"Wait for further changes, until Ctrl-C."`
}

// followWait is how long one round of --follow waits.
const followWait = 30 * time.Second

// Run prints the changes, the oldest first (R46). With --follow and --json it prints one
// document on a line for each page.
func (a *CasesChangesCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		loc, _ := owner.Location() // nil shows UTC
		changes := app.NewFeed(s, cli.NewLogger(std.Err, cli.Quietly(c)))
		request := feed.Request{ClinicID: owner.ID, After: a.After, Limit: int(a.Limit)}
		page, err := changes.Read(ctx, request)
		if err == nil && a.Follow && a.After == feed.FromNow {
			fmt.Fprintln(std.Err, "Waiting for changes; Ctrl-C ends.")
		}
		for err == nil {
			if err := showChanges(std, c, page, loc, a.Follow); err != nil || !a.Follow || ctx.Err() != nil {
				return err
			}
			request.After, request.Wait = page.Next.String(), followWait
			page, err = changes.Read(ctx, request)
		}
		if failure, ok := errors.AsType[*syncs.Failure](err); ok && failure.Field == "after" {
			return cli.Usage(errors.New("--" + failure.Message))
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C is how following ends
		}
		return err
	})
}

func showChanges(std cli.Streams, c *cli.Config, page feed.Page, loc *time.Location, following bool) error {
	document, err := api.ChangesDocument(page)
	if err != nil {
		return err
	}
	if following && len(page.Changes) == 0 {
		return nil
	}
	if following && c.JSON {
		return json.NewEncoder(std.Out).Encode(document)
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		for i := range page.Changes {
			x := &page.Changes[i]
			fmt.Fprintf(w, "%s  %s  %-8s  %s  (%s)\n", render.Stamp(x.At, loc), x.CaseID, x.Action, render.OrDash(strings.Join(x.Fields, ", ")), syncs.Who(x.Actor))
		}
		if following {
			return
		}
		if len(page.Changes) == 0 {
			fmt.Fprintln(w, "No changes.")
		}
		fmt.Fprintf(w, "cursor: %s\n", page.Next)
		if page.More {
			fmt.Fprintln(w, "There are more: --after CURSOR goes on.")
		}
	})
}

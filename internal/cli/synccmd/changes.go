package synccmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
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
	Follow bool         `help:"Wait for further changes, until Ctrl-C; also while the database restarts."`
}

const (
	// followWait is how long one round of --follow waits.
	followWait = 30 * time.Second

	// While the database is not there, --follow asks again after a pause that doubles.
	firstFollowPause, lastFollowPause = 500 * time.Millisecond, 30 * time.Second
)

// Run prints the changes, the oldest first (R46). With --follow and --json it prints one
// document on a line for each page.
func (a *CasesChangesCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		loc, _ := owner.Location() // nil shows UTC
		changes := app.NewFeed(s, cli.NewLogger(std.Err, cli.Quietly(c)))
		request := feed.Request{ClinicID: owner.ID, After: a.After, Limit: int(a.Limit)}
		page, err := changes.Read(ctx, request)
		if err != nil {
			return beginAgain(err, owner.ID)
		}
		if a.Follow && a.After == feed.FromNow {
			fmt.Fprintln(std.Err, "Waiting for changes; Ctrl-C ends.")
		}
		if err := showChanges(std, c, page, loc, a.Follow); err != nil || !a.Follow {
			return err
		}
		request.After, request.Wait = page.Next.String(), followWait
		err = follow(ctx, std, changes, &request, func(page feed.Page) error { return showChanges(std, c, page, loc, true) })
		return a.ended(ctx, std, err, request)
	})
}

// follow shows one page after the other until the context ends, and moves the request on
// after each. While the database is not there, it says so and asks again.
func follow(ctx context.Context, std cli.Streams, changes *feed.Feed, request *feed.Request, show func(feed.Page) error) error {
	pause := firstFollowPause
	for ctx.Err() == nil {
		now := *request
		if pause > firstFollowPause {
			now.Wait = 0 // to say at once that the database is there again
		}
		page, err := changes.Read(ctx, now)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			if pause > firstFollowPause {
				fmt.Fprintln(std.Err, "The database is there again.")
			}
			pause = firstFollowPause
			if err := show(page); err != nil {
				return err
			}
			request.After = page.Next.String()
		case !casesync.Explain(err).Code.Retryable():
			return err
		default:
			fmt.Fprintf(std.Err, "The changes cannot be read now (%s); trying again in %s.\n", casesync.Explain(err).Code, pause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, lastFollowPause)
		}
	}
	return nil
}

// ended says how following ended, and how it goes on.
func (a *CasesChangesCmd) ended(ctx context.Context, std cli.Streams, err error, request feed.Request) error {
	goOn := fmt.Sprintf("pims-sync cases changes --clinic %s --after %s --follow", request.ClinicID, request.After)
	switch {
	case err == nil || ctx.Err() != nil: // Ctrl-C is how following ends
		fmt.Fprintf(std.Err, "The last cursor: %s\nTo go on from there: %s\n", request.After, goOn)
		return nil //nolint:nilerr // the error only says that the context ended
	case casesync.Explain(err).Code == syncs.CodeCursorExpired:
		return beginAgain(err, request.ClinicID)
	default:
		return fmt.Errorf("%w; to go on: `%s`", err, goOn)
	}
}

// beginAgain says in the terms of the command line how a reader begins again whose cursor is
// too old.
func beginAgain(err error, clinicID uuid.UUID) error {
	if err == nil || casesync.Explain(err).Code != syncs.CodeCursorExpired {
		return err
	}
	return fmt.Errorf("the changes after this cursor are not all kept any more, or the database was restored since: "+
		"`pims-sync cases changes --clinic %[1]s --after now` prints a new cursor; then list all cases with `pims-sync cases list --clinic %[1]s --limit 500`, page by page with --cursor, and go on from the cursor", clinicID)
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

package peoplecmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// OperatorLogCmd lists what people, keys and commands did.
type OperatorLogCmd struct {
	Clinic cli.OfClinic `help:"Only actions on this clinic."`
	Since  string       `help:"Only actions from then on: 90d, 12h or a date." placeholder:"WHEN"`
	Limit  cli.Limit    `help:"How many." default:"50"`
	Cursor string       `help:"Continue a list: the nextCursor of the earlier list."`
}

// Help shows how the command is used.
func (*OperatorLogCmd) Help() string {
	return `It shows no secret and no name of a patient or client.

Example:
  pims-sync operator-log --since 7d
  pims-sync operator-log --clinic ID --json`
}

// Run lists the events (R44).
func (a *OperatorLogCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	filter := access.Filter{Page: syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor}}
	if a.Since != "" {
		since, err := clinic.ParseSince(a.Since, time.Now())
		if err != nil {
			return cli.Usage(fmt.Errorf("--since: %w", err))
		}
		filter.Since = since
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		if a.Clinic.Given() {
			filter.Clinics = []uuid.UUID{a.Clinic.UUID}
		}
		list, err := s.OperatorLog().Events(ctx, filter)
		if err != nil {
			return err
		}
		document, err := fleetapi.OperatorEventsDocument(list)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			tellActions(w, list.Items)
			cli.More(w, list.NextCursor)
		})
	})
}

func tellActions(w io.Writer, events []access.Event) {
	if len(events) == 0 {
		fmt.Fprintln(w, "No actions.")
		return
	}
	rows := make([][]string, len(events))
	for i := range events {
		e := &events[i]
		outcome := string(e.Outcome)
		if e.Code != "" {
			outcome += " (" + e.Code + ")"
		}
		rows[i] = []string{render.Stamp(e.At, nil), actorName(&e.Who), e.Origin, string(e.Action), render.OrDash(idText(e.ClinicID)), render.OrDash(e.Record.ID), outcome, changed(e)}
	}
	render.Table(w, []string{"when", "who", "from", "action", "clinic", "record", "outcome", "before → after"}, rows)
}

// actorName describes who acted.
func actorName(who *access.Who) string {
	if who.Kind == access.KindOSUser {
		return "os:" + who.Name
	}
	return fmt.Sprintf("%s %s (%s)", who.Kind, who.ID, render.OrDash(who.Name))
}

// changed describes what an action changed.
func changed(e *access.Event) string {
	text := func(v access.Values) string {
		if v == nil {
			return "-"
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return string(encoded)
	}
	if e.Before == nil && e.After == nil {
		return "-"
	}
	return text(e.Before) + " → " + text(e.After)
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

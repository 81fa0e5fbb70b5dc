package eventcmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// WebhooksDeliveriesCmd lists deliveries.
type WebhooksDeliveriesCmd struct {
	ID    cli.ID    `arg:"" help:"The endpoint's id."`
	State *string   `help:"Only this state." enum:"pending,delivered,failed,skipped" placeholder:"STATE"`
	Limit cli.Limit `help:"How many." default:"20"`
}

type deliveryJSON struct {
	ID         uuid.UUID       `json:"id"`
	ClinicID   *uuid.UUID      `json:"clinicId"`
	Type       string          `json:"type"`
	State      string          `json:"state"`
	Tries      int             `json:"tries"`
	CreatedAt  time.Time       `json:"createdAt"`
	NextTryAt  *time.Time      `json:"nextTryAt"`
	EndedAt    *time.Time      `json:"endedAt"`
	LastTryAt  *time.Time      `json:"lastTryAt"`
	LastStatus int             `json:"lastStatus"`
	LastError  string          `json:"lastError"`
	Response   string          `json:"response"`
	Body       json.RawMessage `json:"body"`
}

func deliveryDocument(d webhooks.Delivery) deliveryJSON {
	document := deliveryJSON{
		ID: d.ID, ClinicID: clinicOrNone(d.ClinicID), Type: d.Type, State: d.State, Tries: d.Tries, CreatedAt: d.CreatedAt.UTC(),
		EndedAt: render.Optional(d.EndedAt), LastTryAt: render.Optional(d.LastTryAt), LastStatus: d.LastStatus, LastError: d.LastError,
		Response: d.Response, Body: d.Body,
	}
	if d.State == webhooks.Pending {
		document.NextTryAt = render.Optional(d.NextTryAt)
	}
	return document
}

// Run lists the deliveries.
func (a *WebhooksDeliveriesCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		list, err := app.Webhooks(s, nil).Deliveries(ctx, a.ID.UUID, render.Given(a.State), int(a.Limit))
		if err != nil {
			return cli.NoSuch(err, "webhook endpoint", a.ID.UUID, "webhooks list")
		}
		documents, rows := make([]deliveryJSON, len(list)), make([][]string, len(list))
		for i := range list {
			d := &list[i]
			documents[i] = deliveryDocument(*d)
			next := "-"
			if d.State == webhooks.Pending {
				next = render.Stamp(d.NextTryAt, nil)
			}
			rows[i] = []string{d.ID.String(), d.Type, d.State, strconv.Itoa(d.Tries), render.Stamp(d.CreatedAt, nil), next, render.OrDash(d.LastError)}
		}
		return cli.Show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No deliveries.")
				return
			}
			render.Table(w, []string{"id", "type", "state", "tries", "created", "next try", "last error"}, rows)
		})
	})
}

// WebhooksResendCmd sends a delivery again.
type WebhooksResendCmd struct {
	ID cli.ID `arg:"" help:"The delivery's id."`
}

// Run makes the delivery due; a replica sends it.
func (a *WebhooksResendCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return decideDelivery(ctx, std, c, a.ID, false)
}

// WebhooksSkipCmd gives a delivery up.
type WebhooksSkipCmd struct {
	ID cli.ID `arg:"" help:"The delivery's id."`
}

// Run skips the delivery.
func (a *WebhooksSkipCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return decideDelivery(ctx, std, c, a.ID, true)
}

func decideDelivery(ctx context.Context, std cli.Streams, c *cli.Config, named cli.ID, skip bool) error {
	action, state, text := access.WebhookResend, webhooks.Pending, "Delivery %s is due; a running replica sends it.\n"
	if skip {
		action, state, text = access.WebhookSkip, webhooks.Skipped, "Delivery %s is skipped.\n"
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		err := cli.Act(ctx, s, cli.Event(action, uuid.Nil, access.RecordOf("delivery", named.UUID)), func(ctx context.Context, _ *access.Event) error {
			_, err := app.Webhooks(s, nil).Resend(ctx, named.UUID, skip, time.Now())
			return err
		})
		if err != nil {
			return cli.NoSuch(err, "delivery", named.UUID, "webhooks deliveries ENDPOINT")
		}
		return cli.Show(std, c, map[string]any{"id": named.UUID, "state": state}, func(w io.Writer) { fmt.Fprintf(w, text, named) })
	})
}

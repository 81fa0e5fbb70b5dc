package eventcmd

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api/outgoing"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// WebhooksDeliveriesCmd lists deliveries.
type WebhooksDeliveriesCmd struct {
	ID    cli.ID    `arg:"" help:"The endpoint's id."`
	State *string   `help:"Only this state: pending, delivered, failed or skipped." enum:"pending,delivered,failed,skipped" placeholder:"STATE"`
	Limit cli.Limit `help:"How many." default:"20"`

	Cursor string `help:"Continue a list: the nextCursor of the earlier list."`
}

// Run lists the deliveries.
func (a *WebhooksDeliveriesCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, false, func(_ *app.Store, service *webhooks.Service) error {
		list, err := service.Deliveries(ctx, cli.By(), a.ID.UUID, webhooks.DeliveryFilter{State: render.Given(a.State), Page: syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor}})
		if err != nil {
			return noEndpoint(err, a.ID)
		}
		document, err := outgoing.DeliveriesDocument(list)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list.Items))
		for i := range list.Items {
			d := &list.Items[i]
			rows[i] = []string{d.ID.String(), d.Type, d.State, strconv.Itoa(d.Tries), render.Stamp(d.CreatedAt, nil), nextTry(d, time.Now()), render.OrDash(d.LastError)}
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No deliveries.")
				return
			}
			render.Table(w, []string{"id", "type", "state", "tries", "created", "next try", "last error"}, rows)
			cli.More(w, list.NextCursor)
		})
	})
}

// nextTry says when a delivery is tried, or what must be done before.
func nextTry(d *webhooks.Delivery, now time.Time) string {
	switch {
	case d.State != webhooks.Pending:
		return "-"
	case d.HeldBy == webhooks.HeldByEndpoint:
		return "when the endpoint is enabled"
	case d.HeldBy == webhooks.HeldByOrder:
		return "after the failed one before it"
	case d.NextTryAt.After(now):
		return render.Stamp(d.NextTryAt, nil)
	default:
		return "now"
	}
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
	return withWebhooks(ctx, std, c, false, func(_ *app.Store, service *webhooks.Service) error {
		act := service.Resend
		if skip {
			act = service.Skip
		}
		d, err := act(ctx, cli.By(), uuid.Nil, named.UUID)
		if err != nil {
			return cli.NoSuch(err, "delivery", named.UUID, "webhooks deliveries ENDPOINT")
		}
		document, err := outgoing.DeliveryDocument(&d)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if skip {
				fmt.Fprintf(w, "Delivery %s is skipped.\n", named)
				return
			}
			fmt.Fprintf(w, "Delivery %s is %s\n", named, d.Due())
		})
	})
}

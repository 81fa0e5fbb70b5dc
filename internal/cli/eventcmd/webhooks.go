package eventcmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api/outgoing"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// WebhooksCmd holds the commands on webhook endpoints and deliveries (R47).
type WebhooksCmd struct {
	Add        WebhooksAddCmd        `cmd:"" help:"Add an endpoint; its secret is shown once."`
	List       WebhooksListCmd       `cmd:"" help:"List the endpoints, or a clinic's."`
	Show       WebhooksShowCmd       `cmd:"" help:"Show one endpoint."`
	Test       WebhooksTestCmd       `cmd:"" help:"Send a signed test message now, and show the response."`
	Rotate     WebhooksRotateCmd     `cmd:"" help:"Make another secret; the present one stays valid for a day."`
	Disable    WebhooksDisableCmd    `cmd:"" help:"Send nothing more to an endpoint."`
	Enable     WebhooksEnableCmd     `cmd:"" help:"Send again at once what failed, and to a disabled endpoint what it missed."`
	Remove     WebhooksRemoveCmd     `cmd:"" help:"Remove an endpoint with its deliveries."`
	Deliveries WebhooksDeliveriesCmd `cmd:"" help:"List what is or was sent to an endpoint, the newest first."`
	Resend     WebhooksResendCmd     `cmd:"" help:"Send a delivery again."`
	Skip       WebhooksSkipCmd       `cmd:"" help:"Give up a delivery, so that it no longer holds back others."`
}

// withWebhooks runs a command on the webhook endpoints of the store. Only one that makes or
// uses a secret needs the encryption key.
func withWebhooks(ctx context.Context, std cli.Streams, c *cli.Config, key bool, run func(*app.Store, *webhooks.Service) error) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		var ring *seal.Keyring
		if key {
			if ring, err = s.Keyring(ctx, c.EncryptionKey); err != nil {
				return err
			}
		}
		return run(s, app.WebhookService(s, settings, ring, cli.NewLogger(std.Err, cli.Quietly(c))))
	})
}

// WebhooksAddCmd adds an endpoint.
type WebhooksAddCmd struct {
	URL         string       `arg:"" help:"Where the events are sent, such as https://example.com/hooks."`
	Clinic      cli.OfClinic `field:"clinicId" help:"Only events of this clinic. Default: of all clinics, and of the installation."`
	Type        []string     `help:"A type of event; repeatable. Default: case.changed. docs/events.md lists them." placeholder:"TYPE" sep:"none" field:"types"`
	Ordered     bool         `help:"Keep a clinic's order: a delivery that fails holds back the clinic's later ones."`
	Description cli.Label    `help:"What the endpoint is for."`
}

// Run adds the endpoint. It gets what happens from now on.
func (a *WebhooksAddCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, true, func(s *app.Store, service *webhooks.Service) error {
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
		}
		added, secret, err := service.Add(ctx, cli.By(), webhooks.Endpoint{
			ClinicID: a.Clinic.UUID, URL: a.URL, Types: a.Type, Ordered: a.Ordered, Description: string(a.Description),
		})
		if err != nil {
			return err
		}
		document, err := outgoing.EndpointDocument(&added, secret)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "id", added.ID.String(), "secret", secret)
			fmt.Fprintf(w, "This is the only time that the secret is shown. To try it: pims-sync webhooks test %s\n", added.ID)
		})
	})
}

// WebhooksListCmd lists endpoints.
type WebhooksListCmd struct {
	Clinic cli.OfClinic `help:"Only this clinic's endpoints."`
}

// Run lists the endpoints.
func (a *WebhooksListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, false, func(s *app.Store, service *webhooks.Service) error {
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
		}
		list, err := service.List(ctx, cli.By(), a.Clinic.UUID)
		if err != nil {
			return err
		}
		document, err := outgoing.EndpointsDocument(list)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list))
		for i, e := range list {
			rows[i] = []string{e.ID.String(), clinicOf(e.ClinicID), e.URL, strings.Join(e.Types, " "), endpointState(e), strconv.Itoa(e.Pending), strconv.Itoa(e.Failed)}
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No webhook endpoints.")
				return
			}
			render.Table(w, []string{"id", "clinic", "url", "types", "state", "pending", "failed"}, rows)
		})
	})
}

// clinicOf returns the id of the clinic to which an endpoint or channel is limited, or "all".
func clinicOf(id uuid.UUID) string {
	if id == uuid.Nil {
		return "all"
	}
	return id.String()
}

// endpointState says whether an endpoint gets what happens, and why not.
func endpointState(e webhooks.Endpoint) string {
	var state string
	switch {
	case !e.Enabled && e.Reason != webhooks.ReasonFailing:
		return "disabled: " + e.Reason
	case !e.Enabled:
		state = "disabled: " + e.Reason
	case e.FailingAt.IsZero():
		return "enabled"
	default:
		state = "failing since " + render.Stamp(e.FailingAt, nil)
		if !e.RestsUntil.IsZero() {
			state += ", rests until " + render.Stamp(e.RestsUntil, nil)
		}
	}
	if e.LastError != "" {
		state += "; the last: " + e.LastError
	}
	return state
}

// WebhooksShowCmd shows an endpoint.
type WebhooksShowCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run shows the endpoint.
func (a *WebhooksShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, false, func(_ *app.Store, service *webhooks.Service) error {
		e, err := service.Show(ctx, cli.By(), a.ID.UUID)
		if err != nil {
			return noEndpoint(err, a.ID)
		}
		document, err := outgoing.EndpointDocument(&e, "")
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "endpoint", e.ID.String(), "clinic", clinicOf(e.ClinicID), "url", e.URL, "description", render.OrDash(e.Description), "types", strings.Join(e.Types, " "),
				"ordered", strconv.FormatBool(e.Ordered), "state", endpointState(e), "created", render.Stamp(e.CreatedAt, nil),
				"pending", strconv.Itoa(e.Pending), "failed for good", strconv.Itoa(e.Failed))
		})
	})
}

func noEndpoint(err error, named cli.ID) error {
	return cli.NoSuch(err, "webhook endpoint", named.UUID, "webhooks list")
}

// WebhooksTestCmd sends a test message.
type WebhooksTestCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run sends the message from this process, once. It is not kept.
func (a *WebhooksTestCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, true, func(_ *app.Store, service *webhooks.Service) error {
		attempt, err := service.Test(ctx, cli.By(), a.ID.UUID)
		if err != nil {
			return noEndpoint(err, a.ID)
		}
		document, err := outgoing.AttemptDocument(&attempt)
		if err != nil {
			return err
		}
		if err := cli.Show(std, c, document, func(w io.Writer) { showAttempt(w, &attempt) }); err != nil {
			return err
		}
		if attempt.Error != "" {
			return fmt.Errorf("endpoint %s did not take the message: %s", a.ID, attempt.Error)
		}
		return nil
	})
}

// showAttempt prints what an endpoint returned.
func showAttempt(w io.Writer, a *webhooks.Attempt) {
	status := "none"
	if a.Status != 0 {
		status = strings.TrimSpace(strconv.Itoa(a.Status) + " " + http.StatusText(a.Status))
	}
	render.Fields(w, "taken", map[bool]string{true: "yes", false: "no"}[a.Error == ""], "status", status, "after", a.Took.Round(time.Millisecond).String(),
		"response", render.OrDash(strings.Join(strings.Fields(a.Response), " ")))
}

// WebhooksRotateCmd makes another secret.
type WebhooksRotateCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run rotates the secret.
func (a *WebhooksRotateCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, true, func(_ *app.Store, service *webhooks.Service) error {
		secret, err := service.Rotate(ctx, cli.By(), a.ID.UUID)
		if err != nil {
			return noEndpoint(err, a.ID)
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "secret": secret}, func(w io.Writer) {
			render.Fields(w, "secret", secret)
			fmt.Fprintln(w, "This is the only time that the secret is shown. The one before stays valid for a day: each message is signed with both.")
		})
	})
}

// WebhooksDisableCmd disables an endpoint.
type WebhooksDisableCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run disables the endpoint.
func (a *WebhooksDisableCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return setEnabled(ctx, std, c, a.ID, false)
}

// WebhooksEnableCmd enables an endpoint.
type WebhooksEnableCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run enables the endpoint.
func (a *WebhooksEnableCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return setEnabled(ctx, std, c, a.ID, true)
}

func setEnabled(ctx context.Context, std cli.Streams, c *cli.Config, named cli.ID, enabled bool) error {
	return withWebhooks(ctx, std, c, false, func(_ *app.Store, service *webhooks.Service) error {
		if _, err := service.Set(ctx, cli.By(), named.UUID, webhooks.Change{Enabled: &enabled}); err != nil {
			return noEndpoint(err, named)
		}
		return cli.Show(std, c, map[string]any{"id": named.UUID, "enabled": enabled}, func(w io.Writer) {
			fmt.Fprintf(w, "Endpoint %s is %s.\n", named, map[bool]string{true: "enabled", false: "disabled"}[enabled])
		})
	})
}

// WebhooksRemoveCmd removes an endpoint.
type WebhooksRemoveCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run removes the endpoint.
func (a *WebhooksRemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withWebhooks(ctx, std, c, false, func(_ *app.Store, service *webhooks.Service) error {
		if err := service.Remove(ctx, cli.By(), a.ID.UUID); err != nil {
			return noEndpoint(err, a.ID)
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "removed": true}, func(w io.Writer) {
			fmt.Fprintf(w, "Endpoint %s is removed.\n", a.ID)
		})
	})
}

package eventcmd

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
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/render"
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
	Enable     WebhooksEnableCmd     `cmd:"" help:"Send again, also what happened since."`
	Remove     WebhooksRemoveCmd     `cmd:"" help:"Remove an endpoint with its deliveries."`
	Deliveries WebhooksDeliveriesCmd `cmd:"" help:"List what is or was sent to an endpoint, the newest first."`
	Resend     WebhooksResendCmd     `cmd:"" help:"Send a delivery again."`
	Skip       WebhooksSkipCmd       `cmd:"" help:"Give a delivery up, so that it holds back no other."`
}

type endpointJSON struct {
	ID          uuid.UUID  `json:"id"`
	ClinicID    *uuid.UUID `json:"clinicId"`
	URL         string     `json:"url"`
	Description string     `json:"description"`
	Types       []string   `json:"types"`
	Ordered     bool       `json:"ordered"`
	Enabled     bool       `json:"enabled"`
	Reason      string     `json:"disabledReason,omitempty"`
	DisabledAt  *time.Time `json:"disabledAt"`
	FailingAt   *time.Time `json:"failingSince"`
	CreatedAt   time.Time  `json:"createdAt"`
	Pending     int        `json:"pending"`
	Failed      int        `json:"failed"`
	Secret      string     `json:"secret,omitempty"`
}

func endpointDocument(e webhooks.Endpoint) endpointJSON {
	return endpointJSON{
		ID: e.ID, ClinicID: clinicOrNone(e.ClinicID), URL: e.URL, Description: e.Description, Types: e.Types, Ordered: e.Ordered,
		Enabled: e.Enabled, Reason: e.Reason, DisabledAt: render.Optional(e.DisabledAt), FailingAt: render.Optional(e.FailingAt),
		CreatedAt: e.CreatedAt.UTC(), Pending: e.Pending, Failed: e.Failed,
	}
}

// clinicOrNone returns nil for the installation.
func clinicOrNone(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// WebhooksAddCmd adds an endpoint.
type WebhooksAddCmd struct {
	URL         string       `arg:"" help:"Where the events are sent, such as https://example.com/hooks."`
	Clinic      cli.OfClinic `help:"Only events of this clinic. Default: of all clinics, and of the installation."`
	Type        []string     `help:"A type of event; repeatable. Default: case.changed. docs/events.md lists them." placeholder:"TYPE" sep:"none"`
	Ordered     bool         `help:"Keep a clinic's order: a delivery that fails holds back the clinic's later ones."`
	Description cli.Label    `help:"What the endpoint is for."`
}

// Run adds the endpoint. It gets what happens from now on.
func (a *WebhooksAddCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if len(a.Type) == 0 {
		a.Type = []string{feed.CaseChanged}
	}
	if err := errors.Join(webhooks.CheckURL(a.URL, c.Hosts()), webhooks.CheckTypes(a.Type)); err != nil {
		return cli.Usage(err)
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
		}
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		// What has committed before is not sent.
		if err := app.NewFeed(s, cli.NewLogger(std.Err, cli.Quietly(c))).Sequence(ctx); err != nil {
			return err
		}
		added := webhooks.Endpoint{
			ClinicID: a.Clinic.UUID, URL: a.URL, Types: a.Type, Ordered: a.Ordered, Description: string(a.Description), Enabled: true, CreatedAt: time.Now(),
		}
		var secret string
		err = cli.Act(ctx, s, cli.Event(access.WebhookAdd, a.Clinic.UUID, access.Record{}), func(ctx context.Context, e *access.Event) (err error) {
			added.ID, secret, err = app.Webhooks(s, ring).Add(ctx, added)
			e.Record, e.After = access.RecordOf("webhook", added.ID), endpointValues(added)
			return err
		})
		if err != nil {
			return err
		}
		document := endpointDocument(added)
		document.Secret = secret
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "id", added.ID.String(), "secret", secret)
			fmt.Fprintf(w, "This is the only time that the secret is shown. To try it: pims-sync webhooks test %s\n", added.ID)
		})
	})
}

// endpointValues returns what the record of an action shows of an endpoint (R44). A URL may
// hold a secret and is left out.
func endpointValues(e webhooks.Endpoint) access.Values {
	return access.Values{"description": e.Description, "types": e.Types, "ordered": e.Ordered, "enabled": e.Enabled}
}

// WebhooksListCmd lists endpoints.
type WebhooksListCmd struct {
	Clinic cli.OfClinic `help:"Only this clinic's endpoints."`
}

// Run lists the endpoints.
func (a *WebhooksListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		list, err := app.Webhooks(s, nil).Endpoints(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		documents, rows := make([]endpointJSON, len(list)), make([][]string, len(list))
		for i, e := range list {
			documents[i] = endpointDocument(e)
			of := "all"
			if e.ClinicID != uuid.Nil {
				of = e.ClinicID.String()
			}
			rows[i] = []string{e.ID.String(), of, e.URL, strings.Join(e.Types, " "), endpointState(e), strconv.Itoa(e.Pending), strconv.Itoa(e.Failed)}
		}
		return cli.Show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No webhook endpoints.")
				return
			}
			render.Table(w, []string{"id", "clinic", "url", "types", "state", "pending", "failed"}, rows)
		})
	})
}

func endpointState(e webhooks.Endpoint) string {
	switch {
	case !e.Enabled:
		return "disabled: " + e.Reason
	case !e.FailingAt.IsZero():
		return "failing since " + render.Stamp(e.FailingAt, nil)
	default:
		return "enabled"
	}
}

// WebhooksShowCmd shows an endpoint.
type WebhooksShowCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run shows the endpoint.
func (a *WebhooksShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		e, err := endpointOf(ctx, s, a.ID)
		if err != nil {
			return err
		}
		return cli.Show(std, c, endpointDocument(e), func(w io.Writer) {
			of := "all"
			if e.ClinicID != uuid.Nil {
				of = e.ClinicID.String()
			}
			render.Fields(w, "endpoint", e.ID.String(), "clinic", of, "url", e.URL, "description", render.OrDash(e.Description), "types", strings.Join(e.Types, " "),
				"ordered", strconv.FormatBool(e.Ordered), "state", endpointState(e), "created", render.Stamp(e.CreatedAt, nil),
				"pending", strconv.Itoa(e.Pending), "failed for good", strconv.Itoa(e.Failed))
		})
	})
}

func endpointOf(ctx context.Context, s *app.Store, named cli.ID) (webhooks.Endpoint, error) {
	e, err := app.Webhooks(s, nil).Endpoint(ctx, named.UUID)
	return e, cli.NoSuch(err, "webhook endpoint", named.UUID, "webhooks list")
}

// WebhooksTestCmd sends a test message.
type WebhooksTestCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run sends the message from this process, once. It is not kept.
func (a *WebhooksTestCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		e, err := endpointOf(ctx, s, a.ID)
		if err != nil {
			return err
		}
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		secrets, err := app.Webhooks(s, ring).Secrets(ctx, e.ID, time.Now())
		if err != nil {
			return err
		}
		body, err := webhooks.EventBody(webhooks.TestType, e.ClinicID, time.Now(), []byte(`{}`))
		if err != nil {
			return err
		}
		attempt := app.NewSender(settings).Send(ctx, &e, &webhooks.Delivery{ID: uuid.New(), Body: body}, secrets)
		var failed error
		if attempt.Error != "" {
			failed = fmt.Errorf("endpoint %s did not take the message: %s", e.ID, attempt.Error)
		}
		noted := s.OperatorLog().Note(ctx, cli.Event(access.WebhookTest, e.ClinicID, access.RecordOf("webhook", e.ID)), failed)
		if err := errors.Join(failed, noted); err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"delivered": true, "status": attempt.Status, "response": attempt.Response}, func(w io.Writer) {
			fmt.Fprintf(w, "Endpoint %s took the message: %d.\n", e.ID, attempt.Status)
		})
	})
}

// WebhooksRotateCmd makes another secret.
type WebhooksRotateCmd struct {
	ID cli.ID `arg:"" help:"The endpoint's id."`
}

// Run rotates the secret.
func (a *WebhooksRotateCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		var secret string
		err = onEndpoint(ctx, s, access.WebhookRotate, a.ID, func(ctx context.Context, _ *access.Event) (err error) {
			secret, err = app.Webhooks(s, ring).Rotate(ctx, a.ID.UUID, time.Now())
			return err
		})
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "secret": secret}, func(w io.Writer) {
			render.Fields(w, "secret", secret)
			fmt.Fprintln(w, "This is the only time that the secret is shown. The one before stays valid for a day: each message is signed with both.")
		})
	})
}

// onEndpoint runs an action on an endpoint and records it (R44).
func onEndpoint(ctx context.Context, s *app.Store, action access.Action, named cli.ID, do func(context.Context, *access.Event) error) error {
	e, err := endpointOf(ctx, s, named)
	if err != nil {
		return err
	}
	return cli.Act(ctx, s, cli.Event(action, e.ClinicID, access.RecordOf("webhook", e.ID)), do)
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
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		err := onEndpoint(ctx, s, access.WebhookSet, named, func(ctx context.Context, e *access.Event) error {
			e.After = access.Values{"enabled": enabled}
			return app.Webhooks(s, nil).Enable(ctx, named.UUID, enabled, webhooks.ReasonPerson, time.Now())
		})
		if err != nil {
			return err
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
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		err := onEndpoint(ctx, s, access.WebhookRemove, a.ID, func(ctx context.Context, _ *access.Event) error {
			return app.Webhooks(s, nil).Remove(ctx, a.ID.UUID)
		})
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "removed": true}, func(w io.Writer) {
			fmt.Fprintf(w, "Endpoint %s is removed.\n", a.ID)
		})
	})
}

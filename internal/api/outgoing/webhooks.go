// Package outgoing has the endpoints of the API for what leaves the product: webhooks (R47)
// and notifications (R48). The work is done by webhooks.Service and notify.Service.
package outgoing

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// Options are what the operations call.
type Options struct {
	Webhooks *webhooks.Service
	Channels *notify.Service
}

// Tag is the tag of the operations in the description.
const Tag = "Webhooks and notifications"

// Operations returns the operations, in the order of the documentation. All need an admin:
// the URL of an endpoint may hold a secret. A caller that is limited to some clinics works
// on what belongs to these.
func Operations(o Options) []web.Operation {
	return []web.Operation{
		o.listWebhooks(), o.addWebhook(), o.showWebhook(), o.changeWebhook(), o.removeWebhook(), o.testWebhook(), o.rotateWebhook(),
		o.listDeliveries(), o.decideDelivery("resend"), o.decideDelivery("skip"),
		o.listChannels(), o.addChannel(), o.showChannel(), o.changeChannel(), o.removeChannel(), o.testChannel(),
	}
}

// An endpointRecord is a webhook endpoint in a response.
type endpointRecord struct {
	ID          uuid.UUID    `json:"id" format:"uuid"`
	ClinicID    *uuid.UUID   `json:"clinicId" format:"uuid" nullable:"true" doc:"Null: it gets the events of all clinics, and of the installation."`
	URL         string       `json:"url"`
	Description string       `json:"description"`
	Types       []string     `json:"types" nullable:"false"`
	Ordered     bool         `json:"ordered" doc:"Whether a delivery that fails holds back the clinic's later ones."`
	Enabled     bool         `json:"enabled"`
	Reason      *string      `json:"disabledReason" doc:"Why it is disabled."`
	DisabledAt  *web.Instant `json:"disabledAt" nullable:"true"`
	FailingAt   *web.Instant `json:"failingSince" nullable:"true" doc:"Since when every try has failed; null: the latest did not."`
	LastError   *string      `json:"lastError" doc:"Why the latest try failed; null: it did not." example:"it returned 503 Service Unavailable"`
	RestsUntil  *web.Instant `json:"restsUntil" nullable:"true" doc:"Nothing is sent before, because a try failed; null: it does not rest."`
	CreatedAt   web.Instant  `json:"createdAt"`
	Pending     int          `json:"pending" doc:"Deliveries that are to be sent."`
	Failed      int          `json:"failed" doc:"Deliveries that failed for good."`
	Secret      string       `json:"secret,omitempty" doc:"What messages are signed with. Only in the response that makes it." example:"whsec_…"`
}

type endpointList struct {
	Items []endpointRecord `json:"items" nullable:"false"`
}

// endpointRequest is the body of POST /api/webhooks.
type endpointRequest struct {
	URL         string   `json:"url" maxLength:"2000" doc:"Where events are sent: public https, or a host that PIMS_ALLOWED_HOSTS names." example:"https://example.com/hooks"`
	ClinicID    *web.ID  `json:"clinicId,omitempty" doc:"Only events of this clinic. Default: of all, and of the installation."`
	Types       []string `json:"types,omitempty" doc:"Types of events (docs/events.md). Default: case.changed."`
	Ordered     bool     `json:"ordered,omitempty"`
	Description string   `json:"description,omitempty" maxLength:"200"`
}

// endpointChange is the body of PATCH /api/webhooks/{id}.
type endpointChange struct {
	URL         *string  `json:"url,omitempty" maxLength:"2000" example:"https://example.com/hooks"`
	Types       []string `json:"types,omitempty"`
	Ordered     *bool    `json:"ordered,omitempty"`
	Description *string  `json:"description,omitempty" maxLength:"200"`
	Enabled     *bool    `json:"enabled,omitempty" doc:"true: send again, what failed at once, and what happened since it was disabled; false: send nothing more."`
}

// A webhookTest is what came of a test message.
type webhookTest struct {
	Delivered bool    `json:"delivered"`
	Status    *int    `json:"status" doc:"Of the response; null: there was none."`
	TookMS    int64   `json:"tookMs" doc:"How long the endpoint took to respond, in milliseconds." example:"38"`
	Error     *string `json:"error" doc:"Why it was not taken."`
	Response  string  `json:"response" doc:"The beginning of the response."`
}

// A deliveryRecord is a message for an endpoint.
type deliveryRecord struct {
	ID         uuid.UUID       `json:"id" format:"uuid" doc:"The webhook-id is msg_ and this, the same for each try."`
	EndpointID uuid.UUID       `json:"endpointId" format:"uuid"`
	ClinicID   *uuid.UUID      `json:"clinicId" format:"uuid" nullable:"true"`
	Type       string          `json:"type"`
	State      string          `json:"state" enum:"pending,delivered,failed,skipped" doc:"failed: for good, unless it is resent."`
	Tries      int             `json:"tries"`
	CreatedAt  web.Instant     `json:"createdAt"`
	NextTryAt  *web.Instant    `json:"nextTryAt" nullable:"true" doc:"When it is tried at the earliest; a moment that is past: now. At the end of an endpoint's rest one delivery is tried, and the others once it was taken. Null: it has ended, or heldBy says what it waits for."`
	HeldBy     *string         `json:"heldBy" enum:"endpoint,order" nullable:"true" doc:"endpoint: the endpoint is disabled, and the delivery waits until it is enabled. order: an earlier one of its clinic has failed for good, and the delivery waits until that is resent or skipped."`
	EndedAt    *web.Instant    `json:"endedAt" nullable:"true"`
	LastTryAt  *web.Instant    `json:"lastTryAt" nullable:"true"`
	LastStatus *int            `json:"lastStatus" doc:"Of the last response; null: there was none."`
	LastError  *string         `json:"lastError" doc:"Why the last try failed."`
	Response   string          `json:"response" doc:"The beginning of the last response."`
	Body       json.RawMessage `json:"body" doc:"What is sent."`
}

type deliveryList struct {
	Items      []deliveryRecord `json:"items" nullable:"false"`
	NextCursor *string          `json:"nextCursor"`
}

func endpointOf(e *webhooks.Endpoint) endpointRecord {
	return endpointRecord{
		ID: e.ID, ClinicID: web.Known(e.ClinicID), URL: e.URL, Description: e.Description, Types: e.Types, Ordered: e.Ordered,
		Enabled: e.Enabled, Reason: web.Text(e.Reason), DisabledAt: web.Moment(e.DisabledAt), FailingAt: web.Moment(e.FailingAt),
		LastError: web.Text(e.LastError), RestsUntil: web.Moment(e.RestsUntil), CreatedAt: web.Instant(e.CreatedAt), Pending: e.Pending, Failed: e.Failed,
	}
}

func secretOf(e *webhooks.Endpoint, secret string) endpointRecord {
	record := endpointOf(e)
	record.Secret = secret
	return record
}

func deliveryOf(d *webhooks.Delivery) deliveryRecord {
	record := deliveryRecord{
		ID: d.ID, EndpointID: d.EndpointID, ClinicID: web.Known(d.ClinicID), Type: d.Type, State: d.State, Tries: d.Tries,
		CreatedAt: web.Instant(d.CreatedAt), EndedAt: web.Moment(d.EndedAt), LastTryAt: web.Moment(d.LastTryAt),
		LastStatus: numberOf(d.LastStatus), LastError: web.Text(d.LastError), Response: d.Response, Body: d.Body,
	}
	if d.State == webhooks.Pending {
		record.NextTryAt, record.HeldBy = web.Moment(d.NextTryAt), web.Text(d.HeldBy)
	}
	return record
}

// numberOf returns nil for zero.
func numberOf(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

func attemptOf(a *webhooks.Attempt) webhookTest {
	return webhookTest{Delivered: a.Error == "", Status: numberOf(a.Status), TookMS: a.Took.Milliseconds(), Error: web.Text(a.Error), Response: a.Response}
}

// With --json the command line prints the documents of the API.

// EndpointDocument returns an endpoint as GET /api/webhooks/{id} does; with a secret as the
// response that makes it.
func EndpointDocument(e *webhooks.Endpoint, secret string) (json.RawMessage, error) {
	return web.Encode(secretOf(e, secret))
}

// EndpointsDocument returns a list as GET /api/webhooks does.
func EndpointsDocument(list []webhooks.Endpoint) (json.RawMessage, error) {
	return web.Encode(endpointList{web.Items(list, endpointOf)})
}

// AttemptDocument returns what came of a test as POST /api/webhooks/{id}/test does.
func AttemptDocument(a *webhooks.Attempt) (json.RawMessage, error) { return web.Encode(attemptOf(a)) }

// DeliveryDocument returns a delivery as POST …/resend does.
func DeliveryDocument(d *webhooks.Delivery) (json.RawMessage, error) {
	return web.Encode(deliveryOf(d))
}

// DeliveriesDocument returns a list as GET /api/webhooks/{id}/deliveries does.
func DeliveriesDocument(list syncs.List[webhooks.Delivery]) (json.RawMessage, error) {
	return web.Encode(deliveryList{web.Items(list.Items, deliveryOf), web.Text(list.NextCursor)})
}

var (
	sampleTime = time.Date(2026, 1, 17, 13, 5, 0, 0, time.UTC)
	sampleID   = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01")
)

func sampleEndpoint() *webhooks.Endpoint {
	return &webhooks.Endpoint{
		ID: sampleID, URL: "https://example.com/hooks", Description: "call agent", Types: []string{feed.CaseChanged, feed.SyncFailed},
		Enabled: true, CreatedAt: sampleTime,
	}
}

func sampleDelivery() *webhooks.Delivery {
	return &webhooks.Delivery{
		ID: sampleID, EndpointID: sampleID, ClinicID: sampleID, Type: feed.SyncFailed, State: webhooks.Delivered, Tries: 1,
		CreatedAt: sampleTime, EndedAt: sampleTime.Add(time.Second), LastTryAt: sampleTime.Add(time.Second), LastStatus: http.StatusOK,
		Body: []byte(`{"type":"sync.failed","timestamp":"2026-01-17T13:05:00.000Z","data":{"clinicId":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01","code":"timeout"}}`),
	}
}

// operation completes an operation of this package.
func operation(op web.Operation) web.Operation {
	op.Tag, op.Needs, op.Of = Tag, access.ChangeClinics, web.OfInstallation
	op.Codes = append(op.Codes, syncs.CodeInvalidRequest)
	if op.Body != nil {
		op.Codes = append(op.Codes, web.CodeBodyTooLarge)
	}
	return op
}

func ok(description string, example any) []web.Offer {
	return []web.Offer{{Status: http.StatusOK, Description: description, Example: example}}
}

func (o Options) listWebhooks() web.Operation {
	return operation(web.Operation{
		Method: http.MethodGet, Path: "/api/webhooks", ID: "listWebhooks",
		Summary: "List webhook endpoints", Description: "The oldest first. No secret is shown.",
		Offers: ok("The endpoints.", endpointList{[]endpointRecord{endpointOf(sampleEndpoint())}}),
		Handle: func(c *web.Call) (web.Reply, error) {
			list, err := o.Webhooks.List(c.Context(), c.By(), uuid.Nil)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(endpointList{web.Items(list, endpointOf)})
		},
	})
}

func (o Options) addWebhook() web.Operation {
	return operation(web.Operation{
		Method: http.MethodPost, Path: "/api/webhooks", ID: "addWebhook",
		Summary: "Add a webhook endpoint", Description: "It gets what happens from now on. The response alone shows the secret.",
		Body:   endpointRequest{URL: "https://example.com/hooks", Types: []string{feed.CaseChanged}},
		Offers: []web.Offer{{Status: http.StatusCreated, Description: "The endpoint.", Example: secretOf(sampleEndpoint(), "whsec_…")}},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body endpointRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			draft := webhooks.Endpoint{URL: body.URL, Types: body.Types, Ordered: body.Ordered, Description: body.Description}
			if body.ClinicID != nil {
				draft.ClinicID = uuid.UUID(*body.ClinicID)
			}
			e, secret, err := o.Webhooks.Add(c.Context(), c.By(), draft)
			if err != nil {
				return web.Reply{}, err
			}
			return web.Reply{Status: http.StatusCreated, Body: secretOf(&e, secret)}, nil
		},
	})
}

// onWebhook is an operation on the endpoint that the path names.
func onWebhook(op web.Operation, do func(c *web.Call, id uuid.UUID) (any, error)) web.Operation {
	return on("a webhook endpoint", op, do)
}

// on is an operation on the record that the path names.
func on(what string, op web.Operation, do func(c *web.Call, id uuid.UUID) (any, error)) web.Operation {
	op.Params = append([]*huma.Param{web.IDParam(what)}, op.Params...)
	op.Codes = append(op.Codes, syncs.CodeNotFound)
	op.Handle = func(c *web.Call) (web.Reply, error) {
		id, err := c.PathID()
		if err != nil {
			return web.Reply{}, err
		}
		body, err := do(c, id)
		if err != nil {
			return web.Reply{}, err
		}
		return web.OK(body)
	}
	return operation(op)
}

func (o Options) showWebhook() web.Operation {
	return onWebhook(web.Operation{
		Method: http.MethodGet, Path: "/api/webhooks/{id}", ID: "showWebhook",
		Summary: "Show a webhook endpoint", Description: "Its state, and how many deliveries are pending or failed for good.",
		Offers: ok("The endpoint.", endpointOf(sampleEndpoint())),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		e, err := o.Webhooks.Show(c.Context(), c.By(), id)
		return endpointOf(&e), err
	})
}

func (o Options) changeWebhook() web.Operation {
	return onWebhook(web.Operation{
		Method: http.MethodPatch, Path: "/api/webhooks/{id}", ID: "changeWebhook",
		Summary: "Change, disable or enable a webhook endpoint", Description: "Fields that are left out stay.",
		Body:   endpointChange{Enabled: new(false)},
		Offers: ok("The endpoint as it is now.", endpointOf(sampleEndpoint())),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		var body endpointChange
		if err := web.ReadBody(c.Request, &body); err != nil {
			return nil, err
		}
		e, err := o.Webhooks.Set(c.Context(), c.By(), id, webhooks.Change(body))
		return endpointOf(&e), err
	})
}

// removed is the body of a response to DELETE.
type removed struct {
	ID      uuid.UUID `json:"id" format:"uuid"`
	Removed bool      `json:"removed"`
}

func (o Options) removeWebhook() web.Operation {
	return onWebhook(web.Operation{
		Method: http.MethodDelete, Path: "/api/webhooks/{id}", ID: "removeWebhook",
		Summary: "Remove a webhook endpoint", Description: "With its deliveries.",
		Offers: ok("It is removed.", removed{sampleID, true}),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		return removed{id, true}, o.Webhooks.Remove(c.Context(), c.By(), id)
	})
}

func (o Options) testWebhook() web.Operation {
	return onWebhook(web.Operation{
		Method: http.MethodPost, Path: "/api/webhooks/{id}/test", ID: "testWebhook",
		Summary: "Send a test message", Description: "Sends a signed message of the type " + webhooks.TestType + " now, once, and returns what came of it.",
		Offers: ok("What came of it.", webhookTest{Delivered: true, Status: new(http.StatusOK), TookMS: 38}),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		a, err := o.Webhooks.Test(c.Context(), c.By(), id)
		return attemptOf(&a), err
	})
}

func (o Options) rotateWebhook() web.Operation {
	return onWebhook(web.Operation{
		Method: http.MethodPost, Path: "/api/webhooks/{id}/rotate", ID: "rotateWebhook",
		Summary:     "Make another secret",
		Description: "The one before stays valid for a day: until then each message is signed with both. The response alone shows the new one.",
		Offers:      ok("The endpoint, with its new secret.", secretOf(sampleEndpoint(), "whsec_…")),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		secret, err := o.Webhooks.Rotate(c.Context(), c.By(), id)
		if err != nil {
			return nil, err
		}
		e, err := o.Webhooks.Show(c.Context(), c.By(), id)
		return secretOf(&e, secret), err
	})
}

func (o Options) listDeliveries() web.Operation {
	state := web.WordParam("state", "Only deliveries in this state.", []string{webhooks.Pending, webhooks.Delivered, webhooks.Failed, webhooks.Skipped})
	return onWebhook(web.Operation{
		Method: http.MethodGet, Path: "/api/webhooks/{id}/deliveries", ID: "listDeliveries",
		Summary: "List deliveries", Description: "What is or was sent to an endpoint, the newest first. What has ended is kept for 30 days.",
		Params: append([]*huma.Param{state}, web.PageParams()...),
		Offers: ok("A page of deliveries.", deliveryList{Items: []deliveryRecord{deliveryOf(sampleDelivery())}}),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		q := web.QueryOf(c)
		f := webhooks.DeliveryFilter{State: q.Text("state"), Page: q.Page()}
		if q.Err != nil {
			return nil, q.Err
		}
		list, err := o.Webhooks.Deliveries(c.Context(), c.By(), id, f)
		return deliveryList{web.Items(list.Items, deliveryOf), web.Text(list.NextCursor)}, err
	})
}

// decideDelivery resends or skips a delivery of an endpoint.
func (o Options) decideDelivery(verb string) web.Operation {
	op := web.Operation{
		Method: http.MethodPost, Path: "/api/webhooks/{webhookId}/deliveries/{id}/" + verb, ID: verb + "Delivery",
		Summary: "Send a delivery again", Description: "As it was, under the same webhook-id. A replica sends it at once.",
		Params: []*huma.Param{web.NamedIDParam("webhookId", "its webhook endpoint")},
		Offers: ok("The delivery as it is now.", deliveryOf(sampleDelivery())),
	}
	act := o.Webhooks.Resend
	if verb == "skip" {
		act = o.Webhooks.Skip
		op.Summary, op.Description = "Give a delivery up", "One that is pending or has failed, so that it holds back no other."
		op.Codes = []syncs.Code{syncs.CodeAlreadyDecided}
	}
	return on("a delivery", op, func(c *web.Call, id uuid.UUID) (any, error) {
		endpoint, err := c.PathUUID("webhookId")
		if err != nil {
			return nil, err
		}
		d, err := act(c.Context(), c.By(), endpoint, id)
		return deliveryOf(&d), err
	})
}

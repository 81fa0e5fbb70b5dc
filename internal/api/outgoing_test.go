package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/outgoing"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/pims"
	hidden "github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// fakeOutgoing keeps endpoints, deliveries and channels in memory.
type fakeOutgoing struct {
	mu         sync.Mutex
	endpoints  []webhooks.Endpoint
	deliveries []webhooks.Delivery
	channels   []notify.Channel
	attempt    webhooks.Attempt
	refused    error // of a test notification
}

func (f *fakeOutgoing) Endpoints(_ context.Context, clinicID uuid.UUID) ([]webhooks.Endpoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.endpoints), func(e webhooks.Endpoint) bool { return clinicID != uuid.Nil && e.ClinicID != clinicID }), nil
}

// one finds an item by its id, and lets a test change it.
func one[T any](f *fakeOutgoing, items *[]T, id uuid.UUID, idOf func(T) uuid.UUID, change func(*T)) (found T, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(*items, func(x T) bool { return idOf(x) == id })
	if i < 0 {
		return found, syncs.Fail(syncs.CodeNotFound, "there is none")
	}
	if change != nil {
		change(&(*items)[i])
	}
	return (*items)[i], nil
}

func (f *fakeOutgoing) endpoint(id uuid.UUID, change func(*webhooks.Endpoint)) (webhooks.Endpoint, error) {
	return one(f, &f.endpoints, id, func(e webhooks.Endpoint) uuid.UUID { return e.ID }, change)
}

func (f *fakeOutgoing) delivery(id uuid.UUID, change func(*webhooks.Delivery)) (webhooks.Delivery, error) {
	return one(f, &f.deliveries, id, func(d webhooks.Delivery) uuid.UUID { return d.ID }, change)
}

func (f *fakeOutgoing) Endpoint(_ context.Context, id uuid.UUID) (webhooks.Endpoint, error) {
	return f.endpoint(id, nil)
}

func (f *fakeOutgoing) Add(_ context.Context, e webhooks.Endpoint) (uuid.UUID, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.ID = uuid.New()
	f.endpoints = append(f.endpoints, e)
	return e.ID, "whsec_first", nil
}

func (f *fakeOutgoing) Change(_ context.Context, changed webhooks.Endpoint) error {
	_, err := f.endpoint(changed.ID, func(e *webhooks.Endpoint) {
		e.URL, e.Description, e.Types, e.Ordered = changed.URL, changed.Description, changed.Types, changed.Ordered
	})
	return err
}

func (f *fakeOutgoing) Rotate(_ context.Context, id uuid.UUID, _ time.Time) (string, error) {
	_, err := f.endpoint(id, nil)
	return "whsec_second", err
}

func (*fakeOutgoing) Secrets(context.Context, uuid.UUID, time.Time) ([]hidden.Text, error) {
	return []hidden.Text{hidden.New("whsec_first")}, nil
}

func (f *fakeOutgoing) Enable(_ context.Context, id uuid.UUID, enabled bool, reason string, at time.Time) error {
	_, err := f.endpoint(id, func(e *webhooks.Endpoint) { e.Enabled, e.Reason, e.DisabledAt = enabled, reason, at })
	return err
}

func (f *fakeOutgoing) Remove(_ context.Context, id uuid.UUID) error {
	_, err := f.endpoint(id, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endpoints = slices.DeleteFunc(f.endpoints, func(e webhooks.Endpoint) bool { return e.ID == id })
	return err
}

func (f *fakeOutgoing) Deliveries(_ context.Context, id uuid.UUID, filter webhooks.DeliveryFilter) (list syncs.List[webhooks.Delivery], err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.deliveries {
		if d.EndpointID == id && (filter.State == "" || d.State == filter.State) {
			list.Items = append(list.Items, d)
		}
	}
	return list, nil
}

func (f *fakeOutgoing) Delivery(_ context.Context, id uuid.UUID) (webhooks.Delivery, error) {
	return f.delivery(id, nil)
}

func (f *fakeOutgoing) Resend(_ context.Context, id uuid.UUID, skip bool, _ time.Time) (uuid.UUID, error) {
	d, err := f.delivery(id, func(d *webhooks.Delivery) {
		if d.State = webhooks.Pending; skip {
			d.State = webhooks.Skipped
		}
	})
	return d.EndpointID, err
}

// fakeChannels is the part of fakeOutgoing for notifications.
type fakeChannels struct{ *fakeOutgoing }

func (f *fakeChannels) channel(id uuid.UUID, change func(*notify.Channel)) (notify.Channel, error) {
	return one(f.fakeOutgoing, &f.channels, id, func(c notify.Channel) uuid.UUID { return c.ID }, change)
}

func (f *fakeChannels) Add(_ context.Context, c notify.Channel) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.channels = append(f.channels, c)
	return nil
}

func (f *fakeChannels) Channels(context.Context) ([]notify.Channel, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.channels), nil
}

func (f *fakeChannels) Channel(_ context.Context, id uuid.UUID) (notify.Channel, error) {
	return f.channel(id, nil)
}

func (f *fakeChannels) Change(_ context.Context, changed notify.Channel) error {
	_, err := f.channel(changed.ID, func(c *notify.Channel) { *c = changed })
	return err
}

func (f *fakeChannels) Remove(_ context.Context, id uuid.UUID) error {
	_, err := f.channel(id, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.channels = slices.DeleteFunc(f.channels, func(c notify.Channel) bool { return c.ID == id })
	return err
}

// put makes one endpoint of a clinic, with a delivery, and one channel, all of one id.
func (f *fakeOutgoing) put(id, clinicID uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.endpoints = []webhooks.Endpoint{{ID: id, ClinicID: clinicID, URL: "https://example.com/hooks", Types: []string{feed.CaseChanged}, Enabled: true}}
	f.deliveries = []webhooks.Delivery{{ID: id, EndpointID: id, State: webhooks.Failed, Body: []byte("{}")}}
	f.channels = []notify.Channel{{ID: id, ClinicID: clinicID, Kind: notify.Email, Target: "ops@example.com", Timezone: "UTC"}}
}

// newOutgoing returns the operations' services in front of a bench's fake.
func newOutgoing(b *bench) outgoing.Options {
	find := func(_ context.Context, id uuid.UUID) (bool, error) { return id == b.reads.owner.ID, nil }
	now := func() time.Time { return b.now }
	return outgoing.Options{
		Webhooks: webhooks.NewService(webhooks.ServiceOptions{
			Log: b.events, Registry: b.outgoing, HasClinic: find, Sequence: func(context.Context) error { return nil }, Hosts: pims.HostPolicy{}, Now: now,
			Send: func(context.Context, *webhooks.Endpoint, *webhooks.Delivery, []hidden.Text) webhooks.Attempt {
				return b.outgoing.attempt
			},
		}),
		Channels: notify.NewService(notify.ServiceOptions{
			Log: b.events, Registry: &fakeChannels{b.outgoing}, HasClinic: find, Now: now,
			CheckURL: func(url string) error { return webhooks.CheckURL(url, pims.HostPolicy{}) },
			CheckAddress: func(text string) error {
				if text == "nobody" {
					return errors.New("it is no address")
				}
				return nil
			},
			Send: func(context.Context, notify.Channel, notify.Message) error { return b.outgoing.refused },
		}),
	}
}

// A caller works on endpoints by the API.
type outgoingCaller struct {
	*bench

	key string
}

func (c outgoingCaller) call(method, path, body string) answer {
	c.t.Helper()
	if body == "" {
		return c.do(method, path, "", withKey(c.key))
	}
	return c.do(method, path, body, withKey(c.key), withHeader("Content-Type", "application/json"))
}

func (c outgoingCaller) want(status int, method, path, body string) answer {
	c.t.Helper()
	a := c.call(method, path, body)
	require.Equal(c.t, status, a.Code, "%s %s: %s", method, path, a.Body)
	return a
}

func TestWebhooksAreManagedByTheAPI(t *testing.T) { // R44, R47
	t.Parallel()
	b, _ := full(t)
	c := outgoingCaller{b, b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)}
	added := c.want(http.StatusCreated, http.MethodPost, "/api/webhooks", `{"url":"https://example.com/hooks/s3cret","types":["sync.failed"],"description":"call agent"}`)
	require.Equal(t, "whsec_first", added.at("secret"))
	id, _ := added.at("id").(string)
	path := "/api/webhooks/" + id

	for body, field := range map[string]string{
		`{"url":"http://example.com/hooks"}`:                             "url",
		`{"url":"https://10.0.0.5/hooks"}`:                               "url",
		`{"url":"https://example.com/hooks","types":["case.deleted"]}`:   "types",
		`{"url":"https://example.com/hooks","secret":"mine"}`:            "secret",
		`{"types":["case.changed"]}`:                                     "url",
		`{"url":"https://example.com/hooks","description":"a\nb"}`:       "description",
		`{"url":"https://example.com/hooks","clinicId":"Harbor Lights"}`: "clinicId",

		`{"url":"https://example.com/hooks","types":["sync.failed","sync.failed"]}`:             "types",
		`{"url":"https://example.com:99999/hooks"}`:                                             "url",
		`{"url":"https://example.com/hooks","clinicId":"00000000-0000-4000-8000-000000000000"}`: "clinicId",
	} {
		require.Equal(t, field, orEmpty(c.want(http.StatusBadRequest, http.MethodPost, "/api/webhooks", body).at("field")), body)
	}

	changed := c.want(http.StatusOK, http.MethodPatch, path, `{"enabled":false,"ordered":true,"types":["case.changed","plan.opened"]}`)
	require.Equal(t, webhooks.ReasonPerson, changed.at("disabledReason"))
	require.Equal(t, "call agent", changed.at("description"), "what is left out stays")
	require.Equal(t, []any{"case.changed", "plan.opened"}, changed.at("types"))
	c.want(http.StatusBadRequest, http.MethodPatch, path, `{"types":[]}`)
	c.want(http.StatusOK, http.MethodPatch, path, `{"enabled":true}`)
	require.Equal(t, "whsec_second", c.want(http.StatusOK, http.MethodPost, path+"/rotate", "").at("secret"))
	require.NotContains(t, c.want(http.StatusOK, http.MethodGet, path, "").Body.String(), "whsec", "a secret is shown once")

	b.outgoing.attempt = webhooks.Attempt{Status: 500, Took: 38 * time.Millisecond, Error: "it returned 500", Response: "oops"}
	tried := c.want(http.StatusOK, http.MethodPost, path+"/test", "")
	require.Equal(t, []any{false, 500.0, 38.0, "it returned 500", "oops"}, []any{tried.at("delivered"), tried.at("status"), tried.at("tookMs"), tried.at("error"), tried.at("response")})
	c.want(http.StatusOK, http.MethodDelete, path, "")
	c.want(http.StatusNotFound, http.MethodGet, path, "")

	var actions []access.Action
	for _, e := range b.events.events {
		actions = append(actions, e.Action)
		require.NotContains(t, e.After, "url", "a URL may hold a secret")
	}
	require.Equal(t, []access.Action{
		access.WebhookAdd, access.WebhookSet, access.WebhookSet, access.WebhookRotate, access.WebhookTest, access.WebhookRemove,
	}, actions)
	require.NotContains(t, b.log.String(), "s3cret")
}

// orEmpty returns a text that may be missing.
func orEmpty(v any) string {
	text, _ := v.(string)
	return text
}

func TestDeliveriesAreListedResentAndSkipped(t *testing.T) { // R47
	t.Parallel()
	b, _ := full(t)
	c := outgoingCaller{b, b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)}
	endpoint, other := uuid.New(), uuid.New()
	failed := webhooks.Delivery{ID: uuid.New(), EndpointID: endpoint, Type: feed.SyncFailed, State: webhooks.Failed, Tries: 10, CreatedAt: testTime, LastStatus: 502, LastError: "it returned 502", Body: []byte(`{"a":1}`)}
	b.outgoing.endpoints = []webhooks.Endpoint{{ID: endpoint, Enabled: true}, {ID: other}}
	b.outgoing.deliveries = []webhooks.Delivery{failed, {ID: uuid.New(), EndpointID: endpoint, State: webhooks.Delivered, Body: []byte(`{}`)}}
	path := "/api/webhooks/" + endpoint.String() + "/deliveries"
	list := c.want(http.StatusOK, http.MethodGet, path+"?state=failed", "")
	require.Len(t, list.at("items"), 1)
	require.Equal(t, map[string]any{"a": 1.0}, list.at("items", 0, "body"))
	c.want(http.StatusBadRequest, http.MethodGet, path+"?state=lost", "")
	one := path + "/" + failed.ID.String()
	require.Equal(t, webhooks.Pending, c.want(http.StatusOK, http.MethodPost, one+"/resend", "").at("state"))
	require.Equal(t, webhooks.Skipped, c.want(http.StatusOK, http.MethodPost, one+"/skip", "").at("state"))
	c.want(http.StatusNotFound, http.MethodPost, "/api/webhooks/"+other.String()+"/deliveries/"+failed.ID.String()+"/resend", "")
	require.Equal(t, []access.Action{access.WebhookResend, access.WebhookSkip}, []access.Action{b.events.events[0].Action, b.events.events[1].Action})
}

func TestACallerOfSomeClinicsWorksOnTheirEndpointsAndChannelsOnly(t *testing.T) { // R42
	t.Parallel()
	b, _ := full(t)
	mine := b.reads.owner.ID
	c := outgoingCaller{b, b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin, Limited: true, Clinics: []uuid.UUID{mine}}, nil)}
	hidden := []webhooks.Endpoint{{ID: uuid.New()}, {ID: uuid.New(), ClinicID: uuid.New()}}
	b.outgoing.endpoints = append([]webhooks.Endpoint{{ID: uuid.New(), ClinicID: mine}}, hidden...)
	b.outgoing.channels = []notify.Channel{{ID: uuid.New(), Kind: notify.Slack}, {ID: uuid.New(), ClinicID: mine, Kind: notify.Slack, Timezone: "UTC"}}
	require.Len(t, c.want(http.StatusOK, http.MethodGet, "/api/webhooks", "").at("items"), 1)
	require.Len(t, c.want(http.StatusOK, http.MethodGet, "/api/notifications", "").at("items"), 1)
	for _, e := range hidden {
		path := "/api/webhooks/" + e.ID.String()
		delivery := webhooks.Delivery{ID: uuid.New(), EndpointID: e.ID, State: webhooks.Failed}
		b.outgoing.deliveries = append(b.outgoing.deliveries, delivery)
		c.want(http.StatusNotFound, http.MethodGet, path, "")
		c.want(http.StatusNotFound, http.MethodPatch, path, `{"enabled":false}`)
		c.want(http.StatusNotFound, http.MethodDelete, path, "")
		c.want(http.StatusNotFound, http.MethodPost, path+"/test", "")
		c.want(http.StatusNotFound, http.MethodPost, path+"/rotate", "")
		c.want(http.StatusNotFound, http.MethodGet, path+"/deliveries", "")
		c.want(http.StatusNotFound, http.MethodPost, path+"/deliveries/"+delivery.ID.String()+"/resend", "")
	}
	c.want(http.StatusNotFound, http.MethodDelete, "/api/notifications/"+b.outgoing.channels[0].ID.String(), "")
	c.want(http.StatusForbidden, http.MethodPost, "/api/webhooks", `{"url":"https://example.com/hooks"}`)
	c.want(http.StatusForbidden, http.MethodPost, "/api/notifications", `{"type":"email","email":"ops@example.com"}`)
	unseen := c.want(http.StatusBadRequest, http.MethodPost, "/api/webhooks", `{"url":"https://example.com/hooks","clinicId":"`+hidden[1].ClinicID.String()+`"}`)
	nowhere := c.want(http.StatusBadRequest, http.MethodPost, "/api/webhooks", `{"url":"https://example.com/hooks","clinicId":"00000000-0000-4000-8000-000000000000"}`)
	require.Equal(t, nowhere.at("error"), unseen.at("error"), "a clinic outside of the limit looks like one that does not exist")
	require.Equal(t, "clinicId", unseen.at("field"))
	c.want(http.StatusCreated, http.MethodPost, "/api/webhooks", `{"url":"https://example.com/hooks","clinicId":"`+mine.String()+`"}`)
	c.want(http.StatusCreated, http.MethodPost, "/api/notifications", `{"type":"email","email":"ops@example.com","clinicId":"`+mine.String()+`"}`)
	require.Len(t, b.events.events, 2)
}

func TestNotificationChannelsAreManagedByTheAPI(t *testing.T) { // R44, R48
	t.Parallel()
	b, _ := full(t)
	c := outgoingCaller{b, b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)}
	added := c.want(http.StatusCreated, http.MethodPost, "/api/notifications",
		`{"type":"slack","url":"https://hooks.example.com/s3cret","name":"on call","quietFrom":"22:00","quietUntil":"07:00"}`)
	require.NotContains(t, added.Body.String(), "s3cret")
	require.Equal(t, []any{"UTC", "22:00", nil}, []any{added.at("timezone"), added.at("quietFrom"), added.at("digestAt")})
	for body, field := range map[string]string{
		`{"type":"pager"}`: "type",
		`{"type":"email","email":"a@example.com","name":"a\u001b[2Jb"}`: "name",
		`{"type":"slack"}`: "url",
		`{"type":"email"}`: "email",
		`{"type":"email","email":"a@example.com","quietFrom":"22:00","quietUntil":"22:00"}`:                    "quietUntil",
		`{"type":"email","email":"a@example.com","quietFrom":"22:00","quietUntil":"07:00","digestAt":"23:00"}`: "digestAt",
		`{"type":"email","email":"a@example.com","clinicId":"00000000-0000-4000-8000-000000000000"}`:           "clinicId",
		`{"type":"slack","url":"http://hooks.example.com/"}`:                                                   "url",
		`{"type":"slack","url":"https://hooks.example.com/","email":"ops@example.com"}`:                        "email",
		`{"type":"email","email":"nobody"}`:                                                                    "email",
		`{"type":"email","email":"a@example.com","url":"https://hooks.example.com/"}`:                          "url",
		`{"type":"email","email":"a@example.com","timezone":"Nowhere/Land"}`:                                   "timezone",
		`{"type":"email","email":"a@example.com","timezone":"Local"}`:                                          "timezone",
		`{"type":"email","email":"a@example.com","quietFrom":"22:00"}`:                                         "quietFrom",
		`{"type":"email","email":"a@example.com","digestAt":"7:30"}`:                                           "digestAt",
	} {
		require.Equal(t, field, orEmpty(c.want(http.StatusBadRequest, http.MethodPost, "/api/notifications", body).at("field")), body)
	}
	id, _ := added.at("id").(string)
	path := "/api/notifications/" + id
	until := testTime.Add(8 * time.Hour).UTC().Format(time.RFC3339)
	require.Contains(t, c.want(http.StatusBadRequest, http.MethodPost, "/api/notifications", `{"type":"slack"}`).at("error"), "missing")
	muted := c.want(http.StatusOK, http.MethodPatch, path, `{"mutedUntil":"`+until+`","digestAt":"07:30"}`)
	require.Equal(t, []any{"07:30", "22:00"}, []any{muted.at("digestAt"), muted.at("quietFrom")})
	require.NotNil(t, muted.at("mutedUntil"))
	loud := c.want(http.StatusOK, http.MethodPatch, path, `{"mutedUntil":"2020-01-01T00:00:00Z","digestAt":"","quietFrom":"","quietUntil":""}`)
	require.Equal(t, []any{nil, nil, nil}, []any{loud.at("mutedUntil"), loud.at("digestAt"), loud.at("quietFrom")})
	require.Equal(t, true, c.want(http.StatusOK, http.MethodPost, path+"/test", "").at("sent"))
	b.outgoing.refused = errors.New("it returned 404 Not Found")
	require.Equal(t, "it returned 404 Not Found", c.want(http.StatusOK, http.MethodPost, path+"/test", "").at("error"))
	require.Len(t, c.want(http.StatusOK, http.MethodGet, "/api/notifications", "").at("items"), 1)
	c.want(http.StatusOK, http.MethodDelete, path, "")
	c.want(http.StatusNotFound, http.MethodGet, path, "")
	require.Len(t, b.events.events, 6)
	require.Equal(t, access.Failed, b.events.events[4].Outcome)
}

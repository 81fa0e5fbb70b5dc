package webhooks

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Registry keeps endpoints and deliveries for those who manage them. The error is
// CodeNotFound where there is no such endpoint or delivery.
type Registry interface { //nolint:interfacebloat // one store of one table and its deliveries
	// Endpoints lists the endpoints of a clinic, or with a zero clinic all, the oldest first.
	Endpoints(ctx context.Context, clinicID uuid.UUID) ([]Endpoint, error)
	Endpoint(ctx context.Context, id uuid.UUID) (Endpoint, error)

	// Add stores an endpoint with a secret, which it returns.
	Add(ctx context.Context, e Endpoint) (id uuid.UUID, secret string, err error)

	// Change stores the URL, the description, the types and the order of an endpoint.
	Change(ctx context.Context, e Endpoint) error

	// Rotate makes another secret and returns it.
	Rotate(ctx context.Context, id uuid.UUID, now time.Time) (secret string, err error)
	Secrets(ctx context.Context, id uuid.UUID, now time.Time) ([]secret.Text, error)
	Enable(ctx context.Context, id uuid.UUID, enabled bool, reason string, now time.Time) error
	Remove(ctx context.Context, id uuid.UUID) error

	// Deliveries lists the deliveries of an endpoint, the newest first.
	Deliveries(ctx context.Context, endpointID uuid.UUID, f DeliveryFilter) (syncs.List[Delivery], error)
	Delivery(ctx context.Context, id uuid.UUID) (Delivery, error)

	// Resend makes a delivery due again, or with skip gives it up.
	Resend(ctx context.Context, id uuid.UUID, skip bool, now time.Time) (endpointID uuid.UUID, err error)
}

// A DeliveryFilter chooses deliveries.
type DeliveryFilter struct {
	State string // empty: of all
	Page  syncs.Page
}

// ServiceOptions configure a Service.
type ServiceOptions struct {
	Log      access.Log
	Registry Registry

	// HasClinic reports whether there is a clinic with an id.
	HasClinic func(ctx context.Context, id uuid.UUID) (bool, error)

	// Sequence gives what has committed its place in the feed, so that a new endpoint does
	// not get it.
	Sequence func(ctx context.Context) error

	Send  func(ctx context.Context, e *Endpoint, d *Delivery, secrets []secret.Text) Attempt // for tests of an endpoint
	Hosts pims.HostPolicy
	Now   func() time.Time // nil: time.Now
}

// A Service does what people do with endpoints: the API, the console and the command line
// do it through this one code, which records it (R44). A caller that is limited to some
// clinics sees the endpoints of these; to it, any other does not exist (R42). What the
// caller's role must be is checked before. A Service is safe for concurrent use.
type Service struct{ o ServiceOptions }

// NewService returns a service.
func NewService(o ServiceOptions) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// List lists the endpoints that a caller may see, the oldest first; with a clinic those of
// the clinic.
func (s *Service) List(ctx context.Context, by access.By, clinicID uuid.UUID) ([]Endpoint, error) {
	all, err := s.o.Registry.Endpoints(ctx, clinicID)
	for i := range all {
		s.endRest(&all[i])
	}
	return slices.DeleteFunc(all, func(e Endpoint) bool { return !by.Sees(e.ClinicID) }), err
}

// endRest clears a rest that is over.
func (s *Service) endRest(e *Endpoint) {
	if !e.Rests(s.o.Now()) {
		e.RestsUntil = time.Time{}
	}
}

// Show returns one endpoint.
func (s *Service) Show(ctx context.Context, by access.By, id uuid.UUID) (Endpoint, error) {
	e, err := s.o.Registry.Endpoint(ctx, id)
	if err == nil && !by.Sees(e.ClinicID) {
		return Endpoint{}, access.ErrHidden
	}
	s.endRest(&e)
	return e, err
}

// invalid returns the failure of a field that is wrong.
func invalid(field string, err error) error {
	return syncs.Invalid(field, "%s: %v", field, err)
}

// check returns CodeInvalidRequest with the name of a field that is wrong. What was so before
// is not looked at: an endpoint can be disabled although its host is no longer permitted.
func (s *Service) check(e, before *Endpoint) error {
	if e.URL != before.URL || e.URL == "" {
		if err := CheckURL(e.URL, s.o.Hosts); err != nil {
			return invalid("url", err)
		}
	}
	if e.Description != before.Description && !syncs.IsLine(e.Description) {
		return invalid("description", errors.New("it must be one line of text, without control characters"))
	}
	if !slices.Equal(e.Types, before.Types) || len(e.Types) == 0 {
		if err := CheckTypes(e.Types); err != nil {
			return invalid("types", err)
		}
	}
	return nil
}

// Add adds an endpoint with the URL, types, order, description and clinic of a draft, and
// returns it with its secret, which is shown once. No types means feed.CaseChanged. It gets
// what happens from now on.
func (s *Service) Add(ctx context.Context, by access.By, draft Endpoint) (e Endpoint, secret string, err error) {
	if len(draft.Types) == 0 {
		draft.Types = []string{feed.CaseChanged}
	}
	if err := s.check(&draft, &Endpoint{}); err != nil {
		return e, "", err
	}
	if err := by.CheckClinicOf(ctx, draft.ClinicID, s.o.HasClinic); err != nil {
		return e, "", err
	}
	if err := s.o.Sequence(ctx); err != nil {
		return e, "", err
	}
	draft.Enabled, draft.CreatedAt = true, s.o.Now()
	err = s.o.Log.Act(ctx, by.Event(access.WebhookAdd, draft.ClinicID, access.Record{}), func(ctx context.Context, event *access.Event) (err error) {
		draft.ID, secret, err = s.o.Registry.Add(ctx, draft)
		event.Record, event.After = access.RecordOf(recordKind, draft.ID), valuesOf(&draft)
		return err
	})
	return draft, secret, err
}

const recordKind = "webhook"

// valuesOf returns what the record of an action shows of an endpoint (R44). A URL may hold
// a secret and is left out.
func valuesOf(e *Endpoint) access.Values {
	return access.Values{"description": e.Description, "types": e.Types, "ordered": e.Ordered, "enabled": e.Enabled}
}

// A Change is what Set changes; nil fields stay.
type Change struct {
	URL         *string
	Types       []string
	Ordered     *bool
	Description *string
	Enabled     *bool
}

func (c *Change) empty() bool {
	return c.URL == nil && c.Types == nil && c.Ordered == nil && c.Description == nil && c.Enabled == nil
}

func (c *Change) apply(e *Endpoint) {
	e.URL, e.Description = *cmp.Or(c.URL, &e.URL), *cmp.Or(c.Description, &e.Description)
	e.Ordered, e.Enabled = *cmp.Or(c.Ordered, &e.Ordered), *cmp.Or(c.Enabled, &e.Enabled)
	if c.Types != nil {
		e.Types = c.Types
	}
}

// Set changes an endpoint. One that is enabled gets what happened since, and what failed is
// tried again at once.
func (s *Service) Set(ctx context.Context, by access.By, id uuid.UUID, change Change) (Endpoint, error) {
	e, err := s.Show(ctx, by, id)
	if err != nil || change.empty() {
		return e, err
	}
	before := e
	change.apply(&e)
	if err := s.check(&e, &before); err != nil {
		return e, err
	}
	err = s.o.Log.Act(ctx, by.Event(access.WebhookSet, e.ClinicID, access.RecordOf(recordKind, id)), func(ctx context.Context, event *access.Event) error {
		event.Before, event.After = valuesOf(&before), valuesOf(&e)
		if err := s.o.Registry.Change(ctx, e); err != nil || change.Enabled == nil || !e.Enabled && !before.Enabled {
			return err
		}
		return s.o.Registry.Enable(ctx, id, e.Enabled, ReasonPerson, s.o.Now())
	})
	if err != nil {
		return e, err
	}
	return s.Show(ctx, by, id)
}

// act runs an action on an endpoint and records it.
func (s *Service) act(ctx context.Context, by access.By, action access.Action, id uuid.UUID, do func(context.Context, *access.Event) error) error {
	e, err := s.Show(ctx, by, id)
	if err != nil {
		return err
	}
	return s.o.Log.Act(ctx, by.Event(action, e.ClinicID, access.RecordOf(recordKind, id)), do)
}

// Rotate gives an endpoint another secret, which it returns. The one before stays valid for
// a day.
func (s *Service) Rotate(ctx context.Context, by access.By, id uuid.UUID) (secret string, err error) {
	err = s.act(ctx, by, access.WebhookRotate, id, func(ctx context.Context, _ *access.Event) (err error) {
		secret, err = s.o.Registry.Rotate(ctx, id, s.o.Now())
		return err
	})
	return secret, err
}

// Remove removes an endpoint with its deliveries.
func (s *Service) Remove(ctx context.Context, by access.By, id uuid.UUID) error {
	return s.act(ctx, by, access.WebhookRemove, id, func(ctx context.Context, _ *access.Event) error {
		return s.o.Registry.Remove(ctx, id)
	})
}

// Test sends a signed message to an endpoint now, once, and returns what came of it. It is
// not kept.
func (s *Service) Test(ctx context.Context, by access.By, id uuid.UUID) (Attempt, error) {
	e, err := s.Show(ctx, by, id)
	if err != nil {
		return Attempt{}, err
	}
	now := s.o.Now()
	secrets, err := s.o.Registry.Secrets(ctx, id, now)
	if err != nil {
		return Attempt{}, err
	}
	body, err := EventBody(TestType, e.ClinicID, now, []byte(`{}`))
	if err != nil {
		return Attempt{}, err
	}
	a := s.o.Send(ctx, &e, &Delivery{ID: uuid.New(), Body: body}, secrets)
	var failed error
	if a.Error != "" {
		failed = syncs.Fail(syncs.CodeNotTaken, "%s", a.Error)
	}
	return a, s.o.Log.Note(ctx, by.Event(access.WebhookTest, e.ClinicID, access.RecordOf(recordKind, id)), failed)
}

// Deliveries lists what is or was sent to an endpoint, the newest first.
func (s *Service) Deliveries(ctx context.Context, by access.By, id uuid.UUID, f DeliveryFilter) (syncs.List[Delivery], error) {
	if _, err := s.Show(ctx, by, id); err != nil {
		return syncs.List[Delivery]{}, err
	}
	return s.o.Registry.Deliveries(ctx, id, f)
}

// Resend makes a delivery of an endpoint due again, as it was, and returns it. A replica
// sends it. A zero endpoint stands for the delivery's.
func (s *Service) Resend(ctx context.Context, by access.By, endpoint, delivery uuid.UUID) (Delivery, error) {
	return s.decide(ctx, by, access.WebhookResend, endpoint, delivery, false)
}

// Skip gives a delivery up that has failed or is pending, so that it holds back no other.
// It returns it. A zero endpoint stands for the delivery's.
func (s *Service) Skip(ctx context.Context, by access.By, endpoint, delivery uuid.UUID) (Delivery, error) {
	return s.decide(ctx, by, access.WebhookSkip, endpoint, delivery, true)
}

func (s *Service) decide(ctx context.Context, by access.By, action access.Action, endpoint, id uuid.UUID, skip bool) (Delivery, error) {
	d, err := s.o.Registry.Delivery(ctx, id)
	if err != nil {
		return d, err
	}
	if endpoint != uuid.Nil && endpoint != d.EndpointID {
		return d, access.ErrHidden
	}
	e, err := s.Show(ctx, by, d.EndpointID)
	if err != nil {
		return d, err
	}
	err = s.o.Log.Act(ctx, by.Event(action, e.ClinicID, access.RecordOf("delivery", id)), func(ctx context.Context, event *access.Event) error {
		event.Before = access.Values{"state": d.State}
		event.After = access.Values{"state": Pending}
		if skip {
			event.After = access.Values{"state": Skipped}
		}
		_, err := s.o.Registry.Resend(ctx, id, skip, s.o.Now())
		return err
	})
	if err != nil {
		return d, err
	}
	return s.o.Registry.Delivery(ctx, id)
}

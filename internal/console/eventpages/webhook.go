package eventpages

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

const deliveriesPerPage = 50

type (
	endpointView struct {
		endpointRow

		TypeBoxes     []typeBox
		URLField      string
		Describe      string
		States        []page.Choice
		Filtered      bool
		Rows          []deliveryRow
		Newest, Older string // addresses; empty: there is no such page
	}

	deliveryRow struct {
		ID       string
		Type     string
		Happened page.Moment
		State    page.Badge
		Tries    int
		Last     page.Moment
		Next     page.Moment // unknown where it has ended, or waits for another
		Waits    bool        // for another that failed
		Off      bool        // it waits until the endpoint is enabled
		Due      bool
		Said     string
		Response string
		Resends  bool
		Skips    bool
	}
)

// deliveryWords are the states of deliveries in words.
var deliveryWords = []string{
	webhooks.Pending, "Waiting", webhooks.Delivered, "Delivered", webhooks.Failed, "Failed for good", webhooks.Skipped, "Skipped",
}

// webhookPage shows one endpoint with its deliveries, and acts on both.
func (s *screens) webhookPage() page.Page {
	return page.Page{
		Path: "/webhooks/{id}", Title: "Webhook", Template: "webhook", Under: "/webhooks", Needs: access.ChangeClinics,
		Show: func(v *page.Visit) (any, error) { return s.endpoint(v) },
		Acts: map[string]page.Act{
			"set": act(s.setEndpoint), "test": act(s.testEndpoint), "rotate": act(s.rotateEndpoint), "enable": act(s.enableEndpoint),
			"disable": act(s.disableEndpoint), "remove": act(s.removeEndpoint), "resend": act(s.resend), "skip": act(s.skip),
		},
	}
}

func (s *screens) endpoint(v *page.Visit) (*endpointView, error) {
	id, err := v.PathID()
	if err != nil {
		return nil, err
	}
	e, err := s.o.Endpoints.Show(v.Context(), v.By(), id)
	if err != nil {
		return nil, told(err)
	}
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	state, states := v.Filter("state", "All deliveries", deliveryWords...)
	list, err := s.o.Endpoints.Deliveries(v.Context(), v.By(), id, webhooks.DeliveryFilter{
		State: state, Page: syncs.Page{Limit: deliveriesPerPage, Cursor: v.URL.Query().Get("after")},
	})
	if err != nil {
		return nil, told(err)
	}
	shown := &endpointView{
		endpointRow: endpointRowOf(v, &e, screen.ClinicsByID(clinics)), URLField: e.URL, Describe: e.Description, TypeBoxes: typeBoxes(e.Types, ""),
		States: states, Filtered: state != "",
	}
	if v.Typed.Get("act") == "set" { // what was typed stays
		shown.URLField, shown.Describe, shown.TypeBoxes = v.Typed.Get("url"), v.Typed.Get("description"), typeBoxes(v.Typed["type"], "")
		shown.Ordered = v.Typed.Get("ordered") != ""
	}
	for i := range list.Items {
		shown.Rows = append(shown.Rows, deliveryRowOf(v, &list.Items[i]))
	}
	if v.URL.Query().Get("after") != "" {
		shown.Newest = v.Address("after", "")
	}
	if list.NextCursor != "" {
		shown.Older = v.Address("after", list.NextCursor)
	}
	return shown, nil
}

func deliveryRowOf(v *page.Visit, d *webhooks.Delivery) deliveryRow {
	row := deliveryRow{
		ID: d.ID.String(), Type: d.Type, Happened: v.Moment(d.EventAt, nil), Tries: d.Tries, Last: v.Moment(d.LastTryAt, nil),
		Said: d.LastError, Response: d.Response, Resends: d.State != webhooks.Pending, Skips: d.State == webhooks.Pending || d.State == webhooks.Failed,
	}
	switch d.State {
	case webhooks.Delivered:
		row.State, row.Said, row.Response = page.Good("Delivered", "check"), "", ""
	case webhooks.Failed:
		row.State = page.Bad("Failed for good", "cross")
	case webhooks.Skipped:
		row.State = page.Idle("Skipped", "dash")
	default:
		row.State = page.Info("Waiting", "clock")
		row.Next, row.Waits, row.Off = v.Moment(d.NextTryAt, nil), d.HeldBy == webhooks.HeldByOrder, d.HeldBy == webhooks.HeldByEndpoint
		row.Due = d.HeldBy == "" && !d.NextTryAt.After(v.Now)
		if d.Tries > 0 {
			row.State = page.Warn("Comes again", "clock")
		}
	}
	if d.LastStatus != 0 && row.Said == "" && d.State == webhooks.Delivered {
		row.Said = "it returned " + strconv.Itoa(d.LastStatus)
	}
	return row
}

func (s *screens) setEndpoint(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	address, description, ordered := v.Text("url"), v.Text("description"), v.Text("ordered") != ""
	types := append([]string{}, v.PostForm["type"]...)
	_, err := s.o.Endpoints.Set(v.Context(), v.By(), id, webhooks.Change{URL: &address, Description: &description, Types: types, Ordered: &ordered})
	return page.Notice{Text: "The endpoint is changed."}, err
}

func (s *screens) testEndpoint(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	a, err := s.o.Endpoints.Test(v.Context(), v.By(), id)
	if err != nil {
		return page.Notice{}, err
	}
	if a.Error != "" {
		return page.Notice{Text: fmt.Sprintf("The endpoint did not take the test message: %s (after %s).", a.Error, took(a)), Warn: true, Copy: a.Response}, nil
	}
	return page.Notice{Text: fmt.Sprintf("The endpoint took the test message: it returned %d after %s.", a.Status, took(a)), Copy: a.Response}, nil
}

func took(a webhooks.Attempt) time.Duration { return a.Took.Round(time.Millisecond) }

func (s *screens) rotateEndpoint(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	secret, err := s.o.Endpoints.Rotate(v.Context(), v.By(), id)
	return page.Notice{
		Text: "This is the new secret of the endpoint " + id.String() + ". It is shown this once. For a day each message is also signed with the one before.", Copy: secret,
	}, err
}

func (s *screens) enableEndpoint(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	on := true
	_, err := s.o.Endpoints.Set(v.Context(), v.By(), id, webhooks.Change{Enabled: &on})
	return page.Notice{Text: "The endpoint is enabled. It gets what happened since it was disabled."}, err
}

func (s *screens) disableEndpoint(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	off := false
	_, err := s.o.Endpoints.Set(v.Context(), v.By(), id, webhooks.Change{Enabled: &off})
	return page.Notice{Text: "The endpoint is disabled. Nothing is sent to it until somebody enables it."}, err
}

func (s *screens) removeEndpoint(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	return page.Notice{Text: "The endpoint is removed, with its deliveries.", Next: webhookRoot}, s.o.Endpoints.Remove(v.Context(), v.By(), id)
}

// onDelivery acts on the delivery that the form names.
func onDelivery(v *page.Visit, do func(delivery uuid.UUID) error) error {
	id, err := uuid.Parse(v.Text("delivery"))
	if err != nil {
		return page.ErrNotFound
	}
	return do(id)
}

func (s *screens) resend(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	var done page.Notice
	err := onDelivery(v, func(delivery uuid.UUID) error {
		d, err := s.o.Endpoints.Resend(v.Context(), v.By(), id, delivery)
		done.Text = "The delivery is " + d.Due()
		return err
	})
	return done, err
}

func (s *screens) skip(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	return page.Notice{Text: "The delivery is given up. What it held back goes on."}, onDelivery(v, func(delivery uuid.UUID) error {
		_, err := s.o.Endpoints.Skip(v.Context(), v.By(), id, delivery)
		return err
	})
}

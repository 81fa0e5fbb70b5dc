package eventpages

import (
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// webhookRoot is where the endpoints are.
const webhookRoot = page.Root + "/webhooks"

func webhookAddress(id uuid.UUID) string { return webhookRoot + "/" + id.String() }

type (
	endpointsView struct {
		Clinic   screen.Pick
		Of       screen.Pick // of the form
		Filtered bool
		Types    []typeBox
		Rows     []endpointRow
	}

	// A typeBox is a type of events that an endpoint may choose.
	typeBox struct {
		Name, Words string
		Chosen      bool
	}

	endpointRow struct {
		Address, Host   string
		Description     string
		Clinic          string
		ClinicAddress   string
		Types           []string
		Ordered         bool
		Enabled         bool
		State           page.Badge
		Why             string
		Since           page.Moment // of State; unknown where it is active
		Rests           page.Moment // until when nothing is sent; unknown: it does not rest
		Pending, Failed int
		Made            page.Moment
	}
)

// webhooksPage lists and adds the endpoints of webhooks (R47).
func (s *screens) webhooksPage() page.Page {
	return page.Page{
		Path: "/webhooks", Title: "Webhooks", Template: "webhooks", Nav: "hook", Group: page.GroupInstallation, Needs: access.ChangeClinics,
		Show: func(v *page.Visit) (any, error) { return s.endpoints(v) },
		Acts: map[string]page.Act{"add": {Needs: access.ChangeClinics, Do: s.addEndpoint}},
	}
}

func (s *screens) endpoints(v *page.Visit) (*endpointsView, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	of, pick, err := screen.PickClinic(v, clinics, "All endpoints")
	if err != nil {
		return nil, err
	}
	chosen := uuid.Nil
	if of != nil {
		chosen = of.ID
	}
	list, err := s.o.Endpoints.List(v.Context(), v.By(), chosen)
	if err != nil {
		return nil, told(err)
	}
	shown := &endpointsView{Clinic: pick, Of: pickForForm(v, clinics), Filtered: of != nil, Types: typeBoxes(v.Typed["type"], feed.CaseChanged)}
	byID := screen.ClinicsByID(clinics)
	for i := range list {
		shown.Rows = append(shown.Rows, endpointRowOf(v, &list[i], byID))
	}
	return shown, nil
}

// pickForForm is what a form offers to choose its clinic, after all of them.
func pickForForm(v *page.Visit, clinics []clinic.Clinic) screen.Pick {
	all := "All clinics"
	if v.Caller.Limited {
		all = "Choose a clinic"
	}
	return screen.PickFor(clinics, v.Typed.Get("of"), all)
}

// typeBoxes offers the types of events; without a choice one is ticked.
func typeBoxes(chosen []string, standard string) (boxes []typeBox) {
	if len(chosen) == 0 {
		chosen = []string{standard}
	}
	for i := 0; i+1 < len(typeWords); i += 2 {
		boxes = append(boxes, typeBox{typeWords[i], typeWords[i+1], slices.Contains(chosen, typeWords[i])})
	}
	return boxes
}

func endpointRowOf(v *page.Visit, e *webhooks.Endpoint, byID map[uuid.UUID]*clinic.Clinic) endpointRow {
	row := endpointRow{
		Address: webhookAddress(e.ID), Host: e.URL, Description: e.Description, Types: e.Types, Ordered: e.Ordered,
		Enabled: e.Enabled, State: page.Good("Active", "check"), Pending: e.Pending, Failed: e.Failed, Made: v.Moment(e.CreatedAt, nil),
	}
	if u, err := url.Parse(e.URL); err == nil {
		row.Host = u.Host
	}
	row.Clinic, row.ClinicAddress = nameOf(e.ClinicID, byID)
	switch {
	case !e.Enabled && e.Reason == webhooks.ReasonPerson:
		row.State, row.Since = page.Idle("Disabled", "dash"), v.Moment(e.DisabledAt, nil)
	case !e.Enabled:
		row.State, row.Since, row.Why = page.Bad("Given up", "cross"), v.Moment(e.DisabledAt, nil), page.Sentence(e.Reason)
	case !e.FailingAt.IsZero():
		row.State, row.Since, row.Why = page.Warn("Failing", "triangle"), v.Moment(e.FailingAt, nil), page.Counted(e.Failures, "failure")+" in a row"
		if e.LastError != "" {
			row.Why += "; the last: " + e.LastError
		}
		row.Rests = v.Moment(e.RestsUntil, nil)
	}
	return row
}

// addEndpoint adds an endpoint and shows its secret once.
func (s *screens) addEndpoint(v *page.Visit) (page.Notice, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return page.Notice{}, err
	}
	of, err := chosenClinic(v, clinics)
	if err != nil {
		return page.Notice{}, err
	}
	added, secret, err := s.o.Endpoints.Add(v.Context(), v.By(), webhooks.Endpoint{
		ClinicID: of, URL: v.Text("url"), Description: v.Text("description"), Types: v.PostForm["type"], Ordered: v.Text("ordered") != "",
	})
	if err != nil {
		return page.Notice{}, told(err)
	}
	return page.Notice{
		// It names the endpoint, because another page may come first.
		Text: "The endpoint " + added.ID.String() + " gets what happens from now on. This is the secret that its messages are signed with. It is shown this once.",
		Copy: secret, Next: webhookAddress(added.ID),
	}, nil
}

// Package eventpages has the pages about what leaves the product (R46 to R48): the events
// of the feed, webhook endpoints with their deliveries, and notification channels.
//
// It decides nothing and writes no SQL. The API does what its forms do, too (R42).
package eventpages

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// Arrivals reads what arrived.
type Arrivals interface {
	// Recent lists what happened in some clinics, the latest first.
	Recent(ctx context.Context, filter feed.HappeningFilter) (syncs.List[feed.Happening], error)
}

// Options are what the pages need.
type Options struct {
	*screen.Sources

	Arrivals  Arrivals
	Endpoints *webhooks.Service
	Channels  *notify.Service
}

type screens struct{ o Options }

// Pages lists the pages that everybody may see, and those of the installation, each in the
// order of the navigation.
func Pages(o Options) (all, installation []page.Page) {
	s := &screens{o}
	return []page.Page{s.eventsPage()}, []page.Page{s.webhooksPage(), s.webhookPage(), s.channelsPage(), s.channelPage()}
}

// act is what a form does to the endpoint or channel that the address names.
func act(do func(*page.Visit, uuid.UUID) (page.Notice, error)) page.Act {
	return page.Act{Needs: access.ChangeClinics, Do: func(v *page.Visit) (page.Notice, error) {
		id, err := v.PathID()
		if err != nil {
			return page.Notice{}, err
		}
		notice, err := do(v, id)
		return notice, told(err)
	}}
}

// told returns an error as a page shows it.
func told(err error) error {
	var denied access.Denied
	switch {
	case errors.Is(err, access.ErrHidden):
		return page.ErrNotFound
	case errors.As(err, &denied):
		return page.Problem(page.Sentence(denied.Error()))
	}
	return screen.Told(err)
}

// chosenClinic returns the clinic that a form names; zero: none, which means all.
func chosenClinic(v *page.Visit, clinics []clinic.Clinic) (uuid.UUID, error) {
	text := v.Text("of")
	if text == "" {
		return uuid.Nil, nil
	}
	of, err := screen.ClinicNamed(clinics, text)
	if err != nil {
		return uuid.Nil, err
	}
	return of.ID, nil
}

// nameOf returns the name of a clinic, and where its page is.
func nameOf(id uuid.UUID, byID map[uuid.UUID]*clinic.Clinic) (name, address string) {
	if of := byID[id]; of != nil {
		return of.Name, screen.ClinicAddress(id)
	}
	if id != uuid.Nil {
		return "a clinic that is gone, " + screen.Short(id), ""
	}
	return "", ""
}

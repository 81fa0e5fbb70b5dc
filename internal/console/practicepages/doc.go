// Package practicepages has what a practice sees of itself: the page behind a link, and the
// clinic's page that makes and revokes such links (R61).
//
// It shows no medical data and no name of a patient or client.
package practicepages

import (
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/practice"
)

// Options are what the pages need.
type Options struct {
	*screen.Sources

	Practice *practice.Service
}

type screens struct {
	o    Options
	site *page.Site
}

// Mount serves the page behind a link, and returns the clinic's page, which needs a sign-in.
func Mount(site *page.Site, o Options) page.Page {
	s := &screens{o, site}
	site.Handle("GET", practice.Root+"{token}", s.status)
	return s.practicePage()
}

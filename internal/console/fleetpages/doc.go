// Package fleetpages has the page with every clinic, and the one that acts on many of them.
//
// It decides nothing: package scheduler says whether a clinic is well, and package access who
// may act on it.
package fleetpages

import (
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
)

type screens struct{ o *screen.Sources }

// Pages lists the pages, in the order of the navigation.
func Pages(o *screen.Sources) []page.Page {
	s := &screens{o}
	return []page.Page{s.fleetPage(), s.actionsPage()}
}

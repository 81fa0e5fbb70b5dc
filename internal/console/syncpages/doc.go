// Package syncpages has the pages about what happened and what waits: syncs, cases, plans, and
// everything that needs a person.
//
// It decides nothing and writes no SQL: the interfaces in Options return what it shows.
package syncpages

import (
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
)

// Options are what the pages need.
type Options struct {
	*screen.Sources

	Runs  Runs
	Cases Cases
	Plans Plans

	// TraceURL is where the traces of a sync are looked at, with TracedSync for its id;
	// empty: nowhere.
	TraceURL string
}

// TracedSync stands for the id of a sync in Options.TraceURL.
const TracedSync = "{syncId}"

// Screens are the pages. The pages of a clinic show parts of them.
type Screens struct {
	o      Options
	counts needCounts
}

// New returns the pages.
func New(o Options) *Screens { return &Screens{o: o} }

// Pages lists the pages, in the order of the navigation.
func (s *Screens) Pages() []page.Page {
	return []page.Page{s.needsPage(), s.planPage(), s.runsPage(), s.runPage(), s.casesPage(), s.casePage()}
}

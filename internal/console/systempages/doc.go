// Package systempages has the pages that belong to no clinic: trends, the log of actions,
// fleet keys and people.
//
// It decides nothing and writes no SQL: what it shows, the API returns too (R42).
package systempages

import (
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/trends"
)

// Options are what the pages need.
type Options struct {
	*screen.Sources

	Events Events
	Trends trends.Store // has what all syncs of each day came to
}

type screens struct{ o Options }

// Pages lists the pages, in the order of the navigation.
func Pages(o Options) []page.Page {
	s := &screens{o}
	return []page.Page{s.trendsPage(), s.logPage(), s.fleetKeysPage(), s.peoplePage()}
}

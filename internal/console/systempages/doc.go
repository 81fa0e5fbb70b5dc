// Package systempages has the pages that belong to no clinic: trends, the log of actions,
// fleet keys, people, and the state of the installation.
//
// It decides nothing and writes no SQL. The API returns what it shows, too (R42).
package systempages

import (
	"context"

	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/trends"
)

// Options are what the pages need.
type Options struct {
	*screen.Sources

	Events Events
	Trends trends.Store // has what all syncs of each day came to

	// System reads how the installation is, and Version is that of this replica.
	System  func(context.Context) (fleet.System, error)
	Version string
}

type screens struct{ o Options }

// Pages lists the pages, in the order of the navigation.
func Pages(o Options) []page.Page {
	s := &screens{o}
	return []page.Page{s.trendsPage(), s.logPage(), s.fleetKeysPage(), s.peoplePage(), s.systemPage()}
}

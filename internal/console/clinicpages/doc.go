// Package clinicpages has the pages of one clinic, and those that set clinics up.
//
// It decides nothing and stores nothing by itself: package fleet checks and records what
// operators do.
package clinicpages

import (
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/console/syncpages"
)

// Options are what the pages need.
type Options struct {
	*screen.Sources

	Runs  syncpages.Runs
	Syncs *syncpages.Screens // whose parts a clinic's page shows
}

type screens struct{ o Options }

// Pages lists the pages. None is in the navigation.
func Pages(o Options) []page.Page {
	s := &screens{o}
	return []page.Page{
		s.clinicPage(), s.loginPage(), s.schedulePage(), s.settingsPage(), s.keysPage(), s.addPage(), s.csvPage(), s.setupPage(),
	}
}

package app

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/postgres/systemstore"
)

// system returns what reads how the installation is, as this replica knows it.
func (e *Engine) system(settings Settings) func(context.Context) (fleet.System, error) {
	return func(ctx context.Context) (fleet.System, error) {
		found, err := systemstore.Read(ctx, e.Store.DB)
		found.RateLimit, found.Browser, found.Libraries = settings.RateLimit, e.product(), libraries()
		return found, err
	}
}

// libraries lists the modules that this program is made of. A test's binary may list none.
var libraries = sync.OnceValue(func() (found []fleet.Library) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		found = append(found, fleet.Library{Path: m.Path, Version: m.Version})
	}
	slices.SortFunc(found, func(a, b fleet.Library) int { return cmp.Compare(a.Path, b.Path) })
	return found
})

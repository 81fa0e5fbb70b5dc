package idexxneo_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

func TestNeoIsAPIMSLikeAnyOther(t *testing.T) {
	t.Parallel()
	pimstest.Run(t, pimstest.Harness{
		New: func(t testing.TB, setup pimstest.Setup) pimstest.Remote {
			return newRemote(t, options{
				sim:         neosim.Options{Location: setup.Location, CompanyID: "4711"},
				environment: pims.Environment{Timeout: setup.Timeout, Backoff: setup.Backoff, Observe: setup.Observe},
			})
		},
	})
}

func TestNeoLetsARealBrowserIn(t *testing.T) {
	t.Parallel()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 20 * time.Second})
	t.Cleanup(chromium.Close)
	pimstest.RunLogin(t, pimstest.Harness{
		New: func(t testing.TB, setup pimstest.Setup) pimstest.Remote {
			return newRemote(t, options{
				sim:         neosim.Options{Location: setup.Location, CompanyID: "4711"},
				environment: pims.Environment{Browser: chromium, Timeout: setup.Timeout, Backoff: setup.Backoff, Observe: setup.Observe},
			})
		},
	})
}

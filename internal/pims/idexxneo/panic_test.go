package idexxneo_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

// A calendar's slices and a search's pages are read in goroutines: without recovery a
// panic there would end this test's process.
func TestAPanicInOneOfManyRequestsIsTheErrorOfTheCall(t *testing.T) { // R58
	t.Parallel()
	var broken string
	var asked atomic.Int64
	r := newRemote(t, options{
		sim: neosim.Options{Now: func() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }},
		environment: pims.Environment{Observe: func(_ context.Context, o pims.Observation) {
			if o.Operation == broken && asked.Add(1) == 2 { // the first page is read by the caller
				panic("patient Pip Thistle")
			}
		}},
	})
	var records []pimstest.Record
	for i := range 50 {
		records = append(records, pimstest.Record{ID: fmt.Sprint(100 + i), AppointmentID: fmt.Sprint(i), At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)})
	}
	r.SetRecords(records...)
	session := r.open(t)
	window, err := pims.NewWindow(pims.Date{Year: 2026, Month: 2, Day: 1}, pims.Date{Year: 2026, Month: 3, Day: 8}, r.Account().Location)
	require.NoError(t, err)

	for operation, call := range map[string]func() error{
		pims.OpCalendar: func() error { _, err := session.Appointments(t.Context(), window); return err },
		pims.OpSearch:   func() error { _, err := session.SearchConsultations(t.Context(), window); return err },
	} {
		broken = ""
		require.NoError(t, call())
		broken = operation
		asked.Store(0)
		err := call()
		require.NotNil(t, panics.In(err), operation)
		require.NotContains(t, err.Error(), "Pip")
		require.NotContains(t, panics.In(err).Stack, "Pip")
	}
}

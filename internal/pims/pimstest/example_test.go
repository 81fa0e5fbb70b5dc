package pimstest_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

func TestAnInventedPIMSIsAPIMSLikeAnyOther(t *testing.T) {
	t.Parallel()
	pimstest.Run(t, pimstest.Harness{
		New: func(t testing.TB, setup pimstest.Setup) pimstest.Remote { return startMulberry(t, setup) },
	})
}

// FuzzMulberryVisits feeds whatever is JSON to the reading of a calendar: it answers
// an error of a known kind, or what the rules may build on.
func FuzzMulberryVisits(f *testing.F) {
	f.Add(`[]`)
	f.Add(`[{"id":"1","begins":"2026-01-17T09:00","ends":"2026-01-17T09:30","animal":"Zoë","state":"done"}]`)
	f.Add(`[{"id":"1","begins":"2026-01-16T22:00","ends":"2026-01-17T07:00"},{"id":"1"},{"id":""},{"closed":true}]`)
	f.Add(`[{"id":"2","begins":"tomorrow"},{"id":"3","begins":"2026-02-30T09:00"},{"id":"4","begins":"2026-01-18T00:00"}]`)
	day := pims.Date{Year: 2026, Month: time.January, Day: 17}
	window, err := pims.NewWindow(day, day, time.UTC)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		var visits []mulberryVisit
		if json.Unmarshal([]byte(body), &visits) != nil {
			return
		}
		c := &collector{first: map[string]int{}}
		for _, v := range visits {
			if err := c.add(v, window, 0); err != nil {
				require.ErrorIs(t, err, pims.ErrSchemaDrift)
				return
			}
		}
		distinct := map[string]bool{}
		for _, a := range c.snapshot.Appointments {
			require.NotEmpty(t, a.ID)
			require.False(t, distinct[a.ID], "R6")
			distinct[a.ID] = true
			require.True(t, a.Start.Before(window.Until()), "R5")
		}
		require.LessOrEqual(t, c.snapshot.Found(), len(visits))
	})
}

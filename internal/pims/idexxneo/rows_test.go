package idexxneo

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
)

func TestACalendarThatCannotBeUsedSaysWhy(t *testing.T) { // R6
	t.Parallel()
	for answer, reason := range map[string]string{
		`[{"key":1,"start":"2026-03-04 09:00:00","patient_name":"Zz"}]`:                     "1 have no id",
		`[{"id":1.5,"start":"2026-03-04 09:00:00","patient_name":"Zz"}]`:                    "1 have an id that is neither a text nor a whole number above zero",
		`[{"id":1,"start":"04.03.2026","patient_name":"Zz"},{"id":2,"current_status":"a"}]`: "of 1 the start is missing, of 1 the start is no time of the form YYYY-MM-DD HH:MM:SS",
		`{"data":{"rows":[]}}`: `no list under its member "data"`,
	} {
		window := pims.Window{Start: pims.Date{Year: 2026, Month: time.March, Day: 4}, End: pims.Date{Year: 2026, Month: time.March, Day: 4}, Location: time.UTC}
		_, err := memory.Fetch(t.Context(), func(held *memory.Fetching) (pims.Snapshot, error) {
			read := newSlice(spanOf(window), time.UTC)
			read.held = held.Share()
			if err := newReader(jsontext.NewDecoder(strings.NewReader(answer))).calendar(read.add); err != nil {
				return pims.Snapshot{}, err
			}
			return merge([]*slice{read})
		})
		require.ErrorIs(t, err, pims.ErrSchemaDrift)
		require.ErrorContains(t, err, reason)
		require.NotContains(t, err.Error(), "Zz")
	}
}

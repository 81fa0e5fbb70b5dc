package console

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
)

func TestTrendsShowWhatTheDaysCameTo(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleViewer)
	require.Contains(t, v.get(t, "/console/trends").body, "Nothing is counted yet")
	s.month(t, s.clinicNamed(t, "Harbor"))
	require.NoError(t, trendstore.New(s.db).Count(t.Context(), s.clock.Now()))
	page := v.get(t, "/console/trends")
	for _, words := range []string{"Syncs", "a day", "How late a sync begins", "Refused logins", "Counted <time", "In figures", "the week before"} {
		require.Contains(t, page.body, words)
	}
	require.Equal(t, 8, strings.Count(page.body, `class="chart upright"`))
	require.Less(t, len(page.body), 100<<10)
	rows, err := csv.NewReader(strings.NewReader(v.get(t, "/console/trends.csv?days=30").body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+30)
	require.Equal(t, "day", rows[0][0])
	require.NotEqual(t, "0", rows[20][1], "a day with syncs that completed")
	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true, Clinics: []uuid.UUID{s.clinicNamed(t, "Harbor")}}))
	require.Equal(t, 403, limited.get(t, "/console/trends").status, "totals are of all clinics")
	require.NotContains(t, limited.get(t, "/console").body, "/console/trends")
	s.requireNoFault(t)
}

package console

import (
	"encoding/csv"
	"net/url"
	"strconv"
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
	for days, words := range map[string]string{
		"90": `<option value="90" selected>90 days</option>`, "14": `<option value="14" selected>14 days</option>`,
		"7": `<option value="7" selected>7 days</option>`, "1": `<option value="1" selected>1 day</option>`,
		"45": `<option value="90">90 days</option><option value="45" selected>45 days</option><option value="30">30 days</option>`,
	} {
		page := v.get(t, "/console/trends?days="+days)
		require.Equal(t, 200, page.status, days)
		require.Contains(t, page.body, words)
		require.Equal(t, 1, strings.Count(page.body, " selected>"), days)
		rows, err := csv.NewReader(strings.NewReader(v.get(t, "/console/trends.csv?days="+days).body)).ReadAll()
		require.NoError(t, err)
		require.Equal(t, days, strconv.Itoa(len(rows)-1))
	}
	require.Contains(t, v.get(t, "/console/trends").body, `<option value="90" selected>`)
	require.Contains(t, v.page.body, "In the last week")
	require.Contains(t, v.get(t, "/console/trends?days=5").body, "In these 5 days")
	require.Contains(t, v.get(t, "/console/trends?days=1").body, "Today")
	for _, days := range []string{"0", "91", "365", "-1", "07", "+7", "week"} {
		for _, address := range []string{"/console/trends?days=", "/console/trends.csv?days="} {
			require.Equal(t, 422, v.get(t, address+url.QueryEscape(days)).status, days)
			require.Contains(t, v.page.body, "It takes a whole number from 1 to 90.")
		}
	}
	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true, Clinics: []uuid.UUID{s.clinicNamed(t, "Harbor")}}))
	require.Equal(t, 403, limited.get(t, "/console/trends").status, "totals are of all clinics")
	require.NotContains(t, limited.get(t, "/console").body, "/console/trends")
	s.requireNoFault(t)
}

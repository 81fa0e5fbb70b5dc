package console

import (
	"encoding/csv"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
)

var (
	nameCell = regexp.MustCompile(`<a class="name" href="[^"]*">([^<]*)</a>`)
	heading  = regexp.MustCompile(`<th scope="col"`)
	rowOfOne = regexp.MustCompile(`(?s)<tr[^>]*>\s*<th scope="row">.*?</tr>`)
	totalOf  = regexp.MustCompile(`<span>([^<]*)</span> <b>([\d,]+)</b>`)
)

// names are the clinics of a page, in its order.
func names(page reply) (found []string) {
	for _, m := range nameCell.FindAllStringSubmatch(page.body, -1) {
		found = append(found, strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	return found
}

// totals are the counts of a page's states.
func totals(page reply) map[string]string {
	found := map[string]string{}
	for _, m := range totalOf.FindAllStringSubmatch(page.body, -1) {
		found[m[1]] = m[2]
	}
	return found
}

func TestTheFleetShowsWhatNeedsSomebodyFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 1)
	v := s.as(t, access.RoleViewer)
	page := v.get(t, "/console")
	require.Equal(t, []string{
		"Wattle Creek Vets", "Clínica Veterinaria El Olivo", "Tierpraxis Alpenblick", "Fjord & Fell Veterinary Hospital", "Sakura Dōbutsu Byōin",
		"Green Valley Vets 1", "Harbor Lights Animal Clinic", "Old Mill Small Animal Practice",
	}, names(page))
	require.Equal(t, map[string]string{
		"All": "8", "Login refused": "1", "Failing": "1", "Needs a decision": "1", "Out of date": "2", "Up to date": "2", "Off": "1",
	}, totals(page))
	for _, words := range []string{"The PIMS could not be reached", "Paused after refused logins", "Too many appointments are missing", "Not set", "Paused"} {
		require.Contains(t, page.body, words)
	}
	rows := rowOfOne.FindAllString(page.body, -1)
	require.Len(t, rows, 8)
	for _, row := range rows {
		require.Equal(t, len(heading.FindAllString(page.body, -1)), strings.Count(row, "<td")+1, "a cell for each heading")
	}
	s.requireNoFault(t)
}

func TestTheFleetIsSearchedFilteredAndSortedByItsAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 3)
	v := s.as(t, access.RoleViewer)
	for address, want := range map[string][]string{
		"q=harbor":                              {"Harbor Lights Animal Clinic"},
		"q=" + url.QueryEscape("OLIVO clínica"): {"Clínica Veterinaria El Olivo"},
		"q=europe/oslo":                         {"Fjord & Fell Veterinary Hospital"},
		"q=" + url.QueryEscape("%"):             nil,
		"state=failing":                         {"Clínica Veterinaria El Olivo"},
		"state=ok&q=valley&sort=name":           {"Green Valley Vets 1", "Green Valley Vets 2", "Green Valley Vets 3"},
		"state=ok&q=valley&sort=-name":          {"Green Valley Vets 3", "Green Valley Vets 2", "Green Valley Vets 1"},
		"q=old&page=99":                         {"Old Mill Small Animal Practice"},
		"q=old&page=-1":                         {"Old Mill Small Animal Practice"},
	} {
		require.Equal(t, want, names(v.get(t, "/console?"+address)), address)
		require.Equal(t, 200, v.page.status, address)
	}
	require.Contains(t, v.get(t, "/console?q=nothing+like+this").body, "No clinic matches")
	plans := names(v.get(t, "/console?sort=-plans"))
	require.Equal(t, "Tierpraxis Alpenblick", plans[0])
	oldest := names(v.get(t, "/console?sort=asof"))
	require.Equal(t, "Sakura Dōbutsu Byōin", oldest[slices.Index(oldest, "Sakura Dōbutsu Byōin")])
	require.Less(t, slices.Index(oldest, "Fjord & Fell Veterinary Hospital"), slices.Index(oldest, "Sakura Dōbutsu Byōin"), "never is oldest")
	require.Less(t, slices.Index(oldest, "Sakura Dōbutsu Byōin"), slices.Index(oldest, "Harbor Lights Animal Clinic"))
	require.Contains(t, v.page.body, `aria-sort="ascending"`)
	require.Contains(t, v.page.body, `href="/console?sort=-asof"`)
}

func TestTheFleetHasPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 110)
	v := s.as(t, access.RoleViewer)
	seen := map[string]bool{}
	next := regexp.MustCompile(`href="([^"]*)" rel="next"`)
	address := "/console?q=valley&sort=name"
	for range 3 {
		for _, name := range names(v.get(t, address)) {
			require.False(t, seen[name], name)
			seen[name] = true
		}
		if m := next.FindStringSubmatch(v.page.body); m != nil {
			address = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	require.Len(t, seen, 110)
	require.Contains(t, v.page.body, "81–110 of 110 clinics")
	require.Nil(t, next.FindStringSubmatch(v.page.body))
	require.Less(t, len(v.get(t, "/console").body), 100<<10, "a full page")
}

var counted = regexp.MustCompile(`id="(waiting[^"]*)">([^<]*)</span>`)

// waiting are the counts of a page's navigation, by the ids of their places.
func waiting(page reply) map[string]string {
	found := map[string]string{}
	for _, m := range counted.FindAllStringSubmatch(page.body, -1) {
		found[m[1]] = m[2]
	}
	return found
}

func TestTheFleetShowsWhichClinicsSync(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 3)
	harbor, wattle := s.syncing(t, "Harbor", "full", false), s.syncing(t, "Wattle", "reconciliation", true)
	v := s.as(t, access.RoleViewer)
	page := v.get(t, "/console")
	require.Equal(t, 2, strings.Count(page.body, "Syncing</a>"))
	for _, row := range rowOfOne.FindAllString(page.body, -1) {
		switch {
		case strings.Contains(row, "Harbor"):
			require.Contains(t, row, "Up to date")
			require.Regexp(t, `href="`+screen.RunAddress(harbor)+`">.*Syncing</a><span class="sub">Full sync, since <time`, row)
		case strings.Contains(row, "Wattle"):
			require.Contains(t, row, "Login refused")
			require.Regexp(t, `href="`+screen.RunAddress(wattle)+`">.*Syncing</a><span class="sub">Deletions, dry run, since <time`, row)
		default:
			require.NotContains(t, row, "Syncing")
		}
	}
	rows, err := csv.NewReader(strings.NewReader(v.get(t, "/console/fleet.csv?q=harbor").body)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"syncing", "syncing_since"}, rows[0][17:])
	require.Equal(t, []string{"full", s.clock.Now().Add(-time.Minute).Format(time.RFC3339)}, rows[1][17:])
	s.sql(t, `update case_sync_audits set status = 'completed', completed_at = $1 where status = 'in_progress'`, s.clock.Now())
	require.NotContains(t, v.get(t, "/console").body, "Syncing")
	s.requireNoFault(t)
}

func TestTheNavigationCountsWhatWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 3)
	v := s.as(t, access.RoleAdmin)
	needs := v.get(t, "/console/needs")
	n := totals(needs)["All"]
	require.Equal(t, "5", n)
	for _, path := range []string{"/console/needs", "/console", "/console/runs", "/console/nothing", "/console/people"} {
		require.Equal(t, map[string]string{"waiting": n, "waiting-side": n, "waiting-menu": n}, waiting(v.get(t, path)), path)
	}
	p := people.Person{Email: "limited@example.com", Role: access.RoleOperator, Limited: true}
	p.Clinics = append(p.Clinics, s.clinicNamed(t, "Wattle"), s.clinicNamed(t, "Harbor"))
	require.Equal(t, "1", waiting(s.signedIn(t, s.invite(t, p)).page)["waiting-side"], "what the person may see")
	p = people.Person{Email: "nothing@example.com", Role: access.RoleViewer, Limited: true}
	require.Empty(t, waiting(s.signedIn(t, s.invite(t, p)).page)["waiting-side"])

	v.get(t, screen.ClinicAddress(s.clinicNamed(t, "Wattle"))+"/settings")
	v.send(t, screen.ClinicAddress(s.clinicNamed(t, "Wattle"))+"/settings", url.Values{"act": {"off"}})
	require.Equal(t, "4", waiting(v.page)["waiting-side"], "an act changes it at once")
	s.sql(t, `update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"nonsense","enabled":true}]', updated_at = $1 where clinic_id = $2`, s.clock.Now(), s.clinicNamed(t, "Harbor"))
	require.Equal(t, "5", waiting(v.get(t, "/console"))["waiting-side"], "a page that reads the clinics counts anew")
	s.requireNoFault(t)
}

func TestALimitedPersonSeesNoOtherClinic(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 5)
	clinics, err := clinicstore.NewClinics(s.db).Clinics(t.Context())
	require.NoError(t, err)
	i := slices.IndexFunc(clinics, func(c clinic.Clinic) bool { return strings.HasPrefix(c.Name, "Harbor") })
	p := people.Person{Email: "limited@example.com", Role: access.RoleViewer, Limited: true}
	p.Clinics = append(p.Clinics, clinics[i].ID)
	v := s.signedIn(t, s.invite(t, p))
	require.Equal(t, []string{"Harbor Lights Animal Clinic"}, names(v.get(t, "/console")))
	require.Equal(t, map[string]string{"All": "1", "Up to date": "1"}, totals(v.page))
	require.Empty(t, names(v.get(t, "/console?q=valley")))
	require.NotContains(t, v.get(t, "/console/fleet.csv").body, "Valley")
	require.Contains(t, v.page.body, "Harbor")
}

func TestTheFleetAsAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 60)
	s.sql(t, `update clinics set name = '=HYPERLINK("https://evil.example")' where name like 'Harbor%'`)
	v := s.as(t, access.RoleViewer)
	page := v.get(t, "/console/fleet.csv?sort=name")
	require.Equal(t, "text/csv; charset=utf-8", page.header.Get("Content-Type"))
	rows, err := csv.NewReader(strings.NewReader(page.body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+67, "all pages")
	require.Equal(t, []string{"id", "name", "timezone", "provider", "state"}, rows[0][:5])
	require.Equal(t, `'=HYPERLINK("https://evil.example")`, rows[1][1], "no formula")
	rows, err = csv.NewReader(strings.NewReader(v.get(t, "/console/fleet.csv?state=waiting_for_approval").body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"waiting_for_approval", "1"}, []string{rows[1][4], rows[1][14]})
}

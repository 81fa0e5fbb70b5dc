package console

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

var statusLink = regexp.MustCompile(`http://[^<"]*(/status/[A-Z0-9]+)<`)

func TestAPracticeSeesItsStateBehindALinkThatCanBeRevoked(t *testing.T) { // R40, R42, R44, R61
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	id := s.clinicNamed(t, "Harbor")
	path := screen.ClinicAddress(id) + "/practice"
	v := s.as(t, access.RoleAdmin)
	require.Contains(t, v.get(t, path).body, "No link yet.")
	made := v.send(t, path, url.Values{"act": {"create"}, "name": {"front desk"}})
	found := statusLink.FindStringSubmatch(made.body)
	require.NotNil(t, found, made.body)
	link := found[1]
	require.NotContains(t, v.get(t, path).body, link, "it is shown once")
	require.NotContains(t, v.page.body, `data-label="Last opened"><time`)
	require.Equal(t, []string{"front desk"}, selected[string](t, s, `select name from pims_sync_status_links where token_hash ~ '^[0-9a-f]{64}$'`))

	stranger := s.visitor(t)
	page := stranger.get(t, link)
	require.Equal(t, 200, page.status)
	for _, words := range []string{"Harbor Lights Animal Clinic", "Your appointments are up to date as of ", "Next check ", "Every check worked on 1 of 1 day."} {
		require.Contains(t, page.body, words)
	}
	require.Equal(t, "no-referrer", page.header.Get("Referrer-Policy"))
	require.Equal(t, v.get(t, "/console").header.Get("Content-Security-Policy"), page.header.Get("Content-Security-Policy"))

	var document struct {
		State scheduler.ClinicState
		Days  []json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(stranger.get(t, link+".json").body), &document))
	require.Equal(t, scheduler.ClinicOK, document.State)
	require.Len(t, document.Days, 30)
	badge := stranger.get(t, link+".svg")
	require.Equal(t, "image/svg+xml", badge.header.Get("Content-Type"))
	require.NoError(t, xml.Unmarshal([]byte(badge.body), new(struct{})))
	require.Contains(t, badge.body, "Up to date, ")
	for _, other := range []string{link + ".exe", link[:len(link)-1] + "1", "/status/none.json"} {
		require.Equal(t, 404, stranger.get(t, other).status, other)
		require.Contains(t, stranger.page.body, "This link leads nowhere")
		require.NotContains(t, stranger.page.body, "sign-in page", "a practice has none")
	}

	require.Contains(t, v.get(t, path).body, `data-label="Last opened"><time`, "when it was opened")
	form := url.Values{"act": {"revoke"}, "link": {selected[uuid.UUID](t, s, "select id from pims_sync_status_links")[0].String()}}
	require.Equal(t, 404, v.send(t, screen.ClinicAddress(s.clinicNamed(t, "Old"))+"/practice", form).status, "of another clinic")
	v.get(t, path)
	require.Contains(t, v.send(t, path, form).body, "leads nowhere from now on")
	require.Equal(t, 404, stranger.get(t, link).status)
	require.Equal(t, 404, stranger.get(t, link+".svg").status)

	require.Equal(t, []string{"status_link.create done", "status_link.revoke failed", "status_link.revoke done"},
		selected[string](t, s, `select action || ' ' || outcome from operator_events where record_kind = 'status_link' order by id`))
	require.NotContains(t, s.log.String(), strings.TrimPrefix(link, "/status/"), "the log has no token")
	s.requireNoFault(t)
}

func TestWhoMakesLinksToAPracticesPage(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	id := s.clinicNamed(t, "Harbor")
	path := screen.ClinicAddress(id) + "/practice"
	operator := s.as(t, access.RoleOperator)
	require.NotContains(t, operator.get(t, path).body, "Make a link")
	require.Equal(t, 403, operator.send(t, path, url.Values{"act": {"create"}}).status)
	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true}))
	require.Equal(t, 404, limited.get(t, path).status)
	limited.get(t, "/console")
	require.Equal(t, 404, limited.send(t, path, url.Values{"act": {"create"}}).status)
	require.Empty(t, selected[uuid.UUID](t, s, "select id from pims_sync_status_links"))
}

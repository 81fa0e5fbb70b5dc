package console

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// aForm and its fields are found in what a page shows.
var (
	aForm   = regexp.MustCompile(`(?s)<form[^>]*method="post"[^>]*>.*?</form>`)
	action  = regexp.MustCompile(`^<form[^>]*action="([^"?]*)[^"]*"`)
	aField  = regexp.MustCompile(`<(?:input|textarea|select|button)[^>]*name="([^"]+)"(?:[^>]*value="([^"]*)")?`)
	noTexts = []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80"}
)

// The database keeps no NUL and nothing but UTF-8. What a stranger or a person sends without
// being text is a refusal, on each page, in each field and in the address.
func TestWhatIsNoTextIsRefusedOnEveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	endpoint, channel := s.outgoingEvents(t)
	clinicID := s.clinicNamed(t, "Harbor")
	plan := s.deletions(t, clinicID, 1)
	stranger := s.visitor(t)
	v := s.as(t, access.RoleAdmin)
	for _, bad := range noTexts {
		for _, path := range []string{"/console", "/console/runs", "/console/cases", "/console/log", "/console/fleet.csv", "/console/sign-in", "/console/link", "/console/nothing"} {
			for _, who := range []*visitor{v, stranger} {
				require.Equal(t, 400, who.get(t, path+"?status="+url.QueryEscape(bad)).status, "%s %q", path, bad)
			}
		}
		for path, form := range map[string]url.Values{
			"/console/sign-in": {"email": {bad}, "password": {"x"}},
			"/console/link":    {"token": {bad}, "password": {bad}, "again": {bad}},
			"/console/theme":   {"theme": {bad}},
		} {
			require.Equal(t, 400, stranger.send(t, path, form).status, "%s %q", path, bad)
			require.Contains(t, stranger.page.body, "no text")
		}
	}

	tried := 0
	for _, path := range []string{
		"/console", "/console/people", "/console/fleet-keys", "/console/webhooks", "/console/notifications", "/console/you", "/console/setup", "/console/setup/csv", "/console/cases",
		"/console/webhooks/" + endpoint.String(), "/console/notifications/" + channel.String(), screen.PlanAddress(plan), screen.ClinicAddress(clinicID),
		screen.ClinicAddress(clinicID) + "/login", screen.ClinicAddress(clinicID) + "/schedule", screen.ClinicAddress(clinicID) + "/settings", screen.ClinicAddress(clinicID) + "/keys",
	} {
		require.Equal(t, 200, v.get(t, path).status, path)
		for _, form := range aForm.FindAllString(v.page.body, -1) {
			fields, target := aField.FindAllStringSubmatch(form, -1), path
			if to := action.FindStringSubmatch(form); len(to) > 1 && to[1] != "" {
				target = to[1]
			}
			for i, field := range fields {
				if field[1] == "csrf" {
					continue
				}
				values := url.Values{}
				for _, other := range fields {
					values.Set(other[1], other[2])
				}
				values.Set(field[1], noTexts[i%len(noTexts)])
				require.Equal(t, 400, v.send(t, target, values).status, "%s: the field %s", target, field[1])
				tried++
			}
		}
		require.Equal(t, 200, v.get(t, path).status, path)
	}
	require.Greater(t, tried, 50)
	s.requireNoFault(t)
}

// A list in which a filter is left out, or which is empty because its value is unknown, would
// mislead: each page says the same of each.
func TestAnUnknownValueOfAFilterIsToldInOneWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	endpoint, _ := s.outgoingEvents(t)
	v := s.as(t, access.RoleAdmin)
	for page, filters := range map[string][]string{
		"/console":                               {"state", "sort"},
		"/console/fleet.csv":                     {"state", "sort"},
		"/console/needs":                         {"kind"},
		"/console/runs":                          {"type", "status", "code", "span"},
		"/console/cases":                         {"status", "deleted", "order"},
		"/console/events":                        {"type"},
		"/console/log":                           {"span"},
		"/console/webhooks/" + endpoint.String(): {"state"},
		"/console/trends":                        {"days"},
		"/console/trends.csv":                    {"days"},
		screen.SetupAddress(s.clinicNamed(t, "Fjord")): {"step"},
	} {
		require.Equal(t, 200, v.get(t, page).status, page)
		for _, filter := range filters {
			require.Equal(t, 200, v.get(t, page+"?"+filter+"=").status, "%s: %s without a value is not given", page, filter)
			require.Equal(t, 422, v.get(t, page+"?"+filter+"=nonsense").status, "%s: %s", page, filter)
			require.Contains(t, v.page.body, "a value for “"+filter+"” that this page does not know")
			require.Regexp(t, "It (knows [a-z_.-]+[,.] |takes a whole number from )", v.page.body, "it says what would do")
			require.NotContains(t, v.page.body, "nonsense")
		}
	}

	v.get(t, "/console")
	require.Equal(t, 422, v.send(t, "/console/actions", url.Values{"act": {"off"}, "all": {"1"}, "state": {"nonsense"}}).status)
	require.Equal(t, 422, v.get(t, "/console/actions?do=off&all=1&state=nonsense").status)
	require.Equal(t, []int64{1}, selected[int64](t, s, "select count(*) from clinics where not is_active"), "an unknown state is not all of them")
	s.requireNoFault(t)
}

// A sync of a clinic that was turned off, or whose request cannot be read, has ended with
// a code, too. Each is offered, and says what it means of a sync.
func TestEveryCodeThatASyncEndsWithIsAFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	v.get(t, "/console/runs")
	offered := v.page.body
	for _, err := range []error{
		syncs.ErrTimeout, syncs.ErrCancelled, syncs.ErrShutdown, syncs.ErrDatabase, syncs.Invalid("request", "cannot be read"), errors.New("a fault"),
		clinic.ErrTimezoneMissing, clinic.ErrDisabled, clinic.ErrCredentialsMissing, clinic.ErrCredentialsSuspended, clinic.ErrCredentialsInvalid,
		pims.ErrAuthRejected, pims.ErrAuthChallenge, pims.ErrLoginFormChanged, pims.ErrBrowserUnavailable, pims.ErrSessionExpired, pims.ErrRateLimited,
		pims.ErrTooManyRows, pims.ErrSchemaDrift, pims.ErrIncomplete, pims.ErrUnreachable, pims.ErrRemote,
		syncs.Fail(syncs.CodeDeletionGuard, "held"), syncs.Fail(syncs.CodeShiftGuard, "held"), syncs.Fail(syncs.CodeDriftGuard, "held"),
		syncs.Fail(syncs.CodeWrongPractice, "held"), syncs.Fail(syncs.CodeSnapshotUnsound, "held"),
	} {
		code := string(casesync.Explain(err).Code)
		require.Contains(t, offered, `<option value="`+code+`"`, "%v", err)
		require.Equal(t, 200, v.get(t, "/console/runs?code="+code).status, code)
	}

	s.sql(t, "update case_sync_audits set error_code = 'forbidden' where status = 'failed'")
	v.get(t, "/console/runs?code=forbidden")
	require.Greater(t, strings.Count(v.page.body, "The clinic was turned off"), 1, "the filter has it, and the run")
	s.requireNoFault(t)
}

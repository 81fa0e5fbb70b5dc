package console

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestAClinicIsSetUpStepByStep(t *testing.T) { // R33, R42, R44, R53
	t.Parallel()
	s := newSite(t)
	s.pims.Require(pims.FieldUsername, pims.FieldPassword)
	v := s.as(t, access.RoleAdmin)
	require.Contains(t, v.get(t, "/console").body, "/console/setup", "an empty fleet leads there")
	v.get(t, "/console/setup")
	require.Contains(t, v.send(t, "/console/setup", url.Values{"act": {"add"}, "name": {"Harbor Lights"}, "timezone": {"Mars/Base"}}).body, "IANA time zone")
	require.Contains(t, v.page.body, `value="Harbor Lights"`)
	add := url.Values{"act": {"add"}, "name": {"Harbor Lights"}, "timezone": {"America/New_York"}}
	page := v.send(t, "/console/setup", add)
	address := page.path
	require.Regexp(t, `^/console/setup/[0-9a-f-]{36}$`, address)
	require.Contains(t, page.body, "How the practice signs in", "the first step that is not done")
	require.NotContains(t, selected[string](t, s, "select sync_schedules::text from clinic_schedule_configs")[0], "true", "nothing runs by itself")
	v.get(t, "/console/setup")
	require.Equal(t, 422, v.send(t, "/console/setup", add).status, "a form that is sent twice adds one clinic")
	require.Contains(t, v.get(t, "/console/setup").body, address)

	v.get(t, address)
	login := url.Values{"act": {"set"}, "provider": {"some_pims"}, "field.username": {"desk@example.com"}}
	require.Contains(t, v.send(t, address, login).body, "How the practice signs in")
	require.Equal(t, 422, v.page.status)
	login.Set("field.password", "s3cret")
	page = v.send(t, address, login)
	require.Equal(t, address+"?step=test", page.path)
	page = v.send(t, address, url.Values{"act": {"test"}})
	requireInOrder(t, page, "Signed in", "The login works", "Go on")
	page = v.get(t, address)
	require.Contains(t, page.body, "What a sync would do", "it goes on where it was")

	page = v.send(t, address, url.Values{"act": {"dry-run"}})
	require.Equal(t, address+"?step=dry-run", page.path)
	require.Contains(t, page.body, `hx-trigger="every 2s"`)
	require.NotContains(t, page.body, `value="dry-run"`, "one runs already")
	s.sql(t, `update case_sync_audits set status = 'completed', started_at = now(), completed_at = now(), result = '{"changes": [{"action": "created", "pimsId": "101", "patientName": "Pip"}]}'`)
	page = v.get(t, address+"?step=dry-run")
	requireInOrder(t, page, "Go on: First sync", "What it would change", "Pip", "Would be new")
	page = v.send(t, address, url.Values{"act": {"sync"}})
	require.Equal(t, address+"?step=first-sync", page.path)
	s.sql(t, `update case_sync_audits set status = 'completed', started_at = now(), completed_at = now(), covers_default = true where status = 'queued'`)
	s.sql(t, `insert into case_sync_audits (clinic_id, parent_id, sync_type, status, started_at, completed_at, covers_default) select clinic_id, id, 'inbound', 'completed', now(), now(), true from case_sync_audits where covers_default`)

	page = v.get(t, address)
	requireInOrder(t, page, "These are the usual times", `value="0 6 * * *"`, "checked", "Next ten", "Appointments")
	require.NotContains(t, page.body, "no entry is on", "what it shows is what storing it does")
	entries := url.Values{"type.0": {"inbound"}, "cron.0": {"0 7 * * *"}, "on.0": {"1"}}
	require.Contains(t, v.send(t, address, entries).body, "daily at 07:00", "a preview")
	entries.Set("act", "schedule")
	page = v.send(t, address, entries)
	require.Contains(t, page.body, "A key for programs")
	page = v.send(t, address, url.Values{"act": {"create"}, "name": {"website"}, "scope.sync:full": {"1"}})
	require.Regexp(t, `[a-z2-7]{8}_pims_live_[a-z2-7]{47}`, page.body)
	require.Contains(t, page.body, "Done: to the clinic")
	require.NotRegexp(t, `[a-z2-7]{8}_pims_live_[a-z2-7]{47}`, v.get(t, address).body, "it is shown once")

	operator := s.as(t, access.RoleOperator)
	for _, path := range []string{"/console/setup", address, "/console/setup/csv"} {
		require.Equal(t, 403, operator.get(t, path).status, path)
	}
	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true, Clinics: []uuid.UUID{uuid.New()}}))
	require.Equal(t, 404, limited.get(t, address).status)
	require.Equal(t, 403, limited.get(t, "/console/setup/csv").status)
	require.Subset(t, selected[string](t, s, "select action || ' ' || outcome from operator_events"),
		[]string{"clinic.add done", "credentials.set done", "credentials.test done", "sync.start done", "schedules.set done", "key.create done"})
	s.requireNoFault(t)
}

var draftField = regexp.MustCompile(`name="draft" value="([^"]+)"`)

func TestClinicsAreAddedFromACSVFile(t *testing.T) { // R37, R42, R44
	t.Parallel()
	s := newSite(t)
	s.pims.Require(pims.FieldUsername, pims.FieldPassword)
	_, _, v := s.practice(t)
	const file = "\ufeffname,timezone,username,password\n" +
		"Old Mill Vets,Europe/London,desk@example.com,s3cret-one\n" +
		"\"Fjord, Fell & Co\",Europe/Oslo,,\n" +
		"Nowhere Vets,Mars/Base,,\n" +
		"HARBOR  lights animal clinic,America/New_York,,\n" +
		"old mill vets,Europe/London,,\n" +
		"Half a Login,Europe/London,desk@example.com,\n" +
		",Europe/London,,\n" +
		"Short,Europe/London\n"
	const path = "/console/setup/csv"
	v.get(t, path)
	for text, problem := range map[string]string{
		"": "is empty", "name,zone\n": "Column 2 has no known name", "name\nx\n": "The column timezone is missing",
		"name,timezone\nOak \"Park\" Vets,Europe/London\n": "This line cannot be read",
	} {
		require.Contains(t, v.send(t, path, url.Values{"csv": {text}}).body, problem)
	}
	v.get(t, path)
	page := v.upload(t, path, file)
	require.Equal(t, 200, page.status)
	requireInOrder(t, page, "2 clinics can be added; 6 lines cannot", "Old Mill Vets", "Ready", "Fjord, Fell &amp; Co", "Ready", "The time zone is not one", "of this name already",
		"Line 2 has the same name", "Password is missing", "must not be blank", "It has 2 cells")
	require.NotContains(t, page.body, "s3cret-one", "the preview carries it sealed")
	require.Empty(t, selected[string](t, s, "select id::text from pims_credentials"))

	draft := draftField.FindStringSubmatch(page.body)[1]
	form := url.Values{"act": {"import"}, "draft": {draft}}
	page = v.send(t, path, form)
	require.Contains(t, page.body, "2 clinics added. 6 lines left out.")
	require.Len(t, selected[string](t, s, "select id::text from clinics"), 3)
	require.Len(t, selected[string](t, s, "select id::text from pims_credentials"), 1)
	v.get(t, path)
	require.Equal(t, 422, v.send(t, path, form).status, "nothing is added twice")
	require.Len(t, selected[string](t, s, "select id::text from clinics"), 3)
	other := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin}))
	other.get(t, path)
	form.Del("csrf")
	require.Contains(t, other.send(t, path, form).body, "kept for somebody else")

	v.get(t, path)
	page = v.send(t, path, url.Values{"csv": {"timezone,name\nAsia/Tokyo,Sakura\n"}})
	draft = draftField.FindStringSubmatch(page.body)[1]
	v.send(t, path, url.Values{"act": {"import"}, "draft": {draft}, "start": {"1"}})
	require.Contains(t, selected[string](t, s, "select sync_schedules::text from clinic_schedule_configs join clinics c on c.id = clinic_id where name = 'Sakura'")[0], `"enabled": true`)
	for _, line := range s.log.Lines(t) {
		require.NotContains(t, fmt.Sprint(line), "s3cret-one")
	}
	require.NotContains(t, strings.Join(selected[string](t, s, "select coalesce(after::text, '') from operator_events"), ""), "s3cret-one")
	s.requireNoFault(t)
}

func TestAFormThatIsTooLargeSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.as(t, access.RoleAdmin)
	const path = "/console/setup/csv"
	text := strings.Repeat("x", 1<<20)
	v.get(t, path)
	require.Equal(t, 413, v.send(t, path, url.Values{"csv": {text}}).status)
	require.Contains(t, v.page.body, "This form is too large")
	v.get(t, path)
	require.Equal(t, 413, v.upload(t, path, text).status)
}

// upload sends a file with a form of the latest page.
func (v *visitor) upload(t *testing.T, path, file string) reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("csrf", csrfField.FindStringSubmatch(v.page.body)[1]))
	part, err := form.CreateFormFile("file", "clinics.csv")
	require.NoError(t, err)
	_, err = part.Write([]byte(file))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+path, &body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Origin", v.site.URL)
	return v.do(t, request, nil)
}

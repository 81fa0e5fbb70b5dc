package console

import (
	"fmt"
	"net/url"
	"regexp"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
)

// practice stores one clinic, and returns its address with the browser of an admin.
func (s *site) practice(t testing.TB) (uuid.UUID, string, *visitor) {
	t.Helper()
	id := uuid.New()
	s.sql(t, "insert into clinics (id, name, timezone) values ($1, 'Harbor Lights Animal Clinic', 'America/New_York')", id)
	s.sql(t, `insert into clinic_schedule_configs (clinic_id, sync_schedules) values ($1, '[{"type":"inbound","cron":"30 2 * * *","options":{"daysAhead":9,"dryRun":false}},{"type":"cases","cron":"0 99 * * *"}]')`, id)
	return id, screen.ClinicAddress(id), s.signedIn(t, s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin}))
}

// words stores words that a practice uses.
func (s *site) words(t testing.TB, clinicID uuid.UUID) {
	t.Helper()
	s.sql(t, `insert into pims_words (clinic_id, provider, kind, form, word, meaning, appointments, first_seen, last_seen) values
		($1, 'some_pims', 'status', 'in room', 'In room', '', 12, $2, $2), ($1, 'some_pims', 'type', 'dental', 'Dental', 'other', 4, $2, $2), ($1, 'some_pims', 'room', 'kennel', 'Kennel', '', 9, $2, $2)`,
		clinicID, s.clock.Now())
}

func TestAScheduleIsPreviewedAndStored(t *testing.T) { // R33, R34, R42
	t.Parallel()
	s := newSite(t)
	id, address, v := s.practice(t)
	address += "/schedule"
	page := v.get(t, address)
	requireInOrder(t, page, "Entry 1", "daily at 02:30", "Entry 2", `value="0 99 * * *"`, "One more", "Next ten", "When clocks change", "Clocks go", "Appointments")
	require.Contains(t, page.body, "right after the gap, once")
	require.Contains(t, page.body, "No entry reconciles")

	entries := url.Values{
		"type.0": {"inbound"}, "cron.0": {"0  6 * * *"}, "on.0": {"1"}, "daysAhead.0": {"14"}, "rest.0": {`{"dryRun":false}`},
		"type.1": {"cases"}, "cron.1": {"0 99 * * *"}, "on.1": {"1"},
		"type.2": {"reconciliation"}, "cron.2": {"15 2 * * 1-5"}, "on.2": {"1"}, "new.2": {"1"},
	}
	page = v.send(t, address, entries)
	require.Equal(t, 200, page.status)
	requireInOrder(t, page, "A preview. Nothing is stored yet.", "daily at 06:00", "Mondays to Fridays at 02:15")
	require.Contains(t, selected[string](t, s, "select sync_schedules::text from clinic_schedule_configs")[0], "0 99", "nothing was stored")

	entries.Set("act", "schedule")
	page = v.send(t, address, entries)
	require.Equal(t, 422, page.status)
	require.Contains(t, page.body, "Nothing was stored")
	require.Contains(t, page.body, `value="14"`, "what was typed stays")
	entries.Set("remove.1", "1")
	require.Contains(t, v.send(t, address, entries).body, "Every replica follows at once")
	stored, problems := clinic.ParseSchedules([]byte(selected[string](t, s, "select sync_schedules::text from clinic_schedule_configs where clinic_id = $1", id)[0]), nil)
	require.Empty(t, problems)
	require.Len(t, stored, 2)
	require.Equal(t, 14, *stored[0].Options.DaysAhead)
	require.Equal(t, "15 2 * * 1-5", stored[1].Cron)

	for n := 3; n < 60; n++ {
		entries.Set(fmt.Sprint("type.", n), "inbound")
		entries.Set(fmt.Sprint("cron.", n), fmt.Sprint(n, " 9 * * *"))
	}
	v.send(t, address, entries)
	require.Equal(t, []int{59}, selected[int](t, s, "select jsonb_array_length(sync_schedules) from clinic_schedule_configs where clinic_id = $1", id), "no entry is lost")

	entries.Set("daysAhead.0", "many")
	require.Contains(t, v.send(t, address, entries).body, "days ahead must be a whole number")
	viewer := s.as(t, access.RoleViewer)
	require.NotContains(t, viewer.get(t, address).body, `value="schedule"`)
	require.Equal(t, 403, viewer.send(t, address, entries).status)
	s.requireNoFault(t)
}

func TestSettingsOfAClinicAreChanged(t *testing.T) { // R23, R42, R44, R50
	t.Parallel()
	s := newSite(t)
	id, address, v := s.practice(t)
	address += "/settings"
	s.words(t, id)
	require.Contains(t, v.get(t, address).body, "In room")
	require.Contains(t, v.send(t, address, url.Values{"act": {"clinic"}, "name": {"Harbour Lights"}, "timezone": {"Mars/Base"}}).body, "IANA time zone")
	require.Contains(t, v.page.body, `value="Mars/Base"`)
	require.Contains(t, v.send(t, address, url.Values{"act": {"clinic"}, "name": {"Harbour Lights"}, "timezone": {"America/Chicago"}}).body, "Harbour Lights")

	words := url.Values{
		"act": {"words"}, "word.0": {"In room"}, "kind.0": {"status"}, "means.0": {"in_progress"}, "word.1": {"Dental"}, "kind.1": {"type"}, "means.1": {"surgery"},
		"word.2": {"Kennel"}, "kind.2": {"room"}, "filter.2": {"1"}, "kind.3": {"status"},
	}
	require.Contains(t, v.send(t, address, words).body, "No setting deletes a case")
	require.Equal(t, []string{`{"types": {"Dental": "surgery"}, "filters": {"rooms": ["Kennel"]}, "statuses": {"In room": "in_progress"}}`},
		selected[string](t, s, "select settings::text from clinics where id = $1", id))
	words.Set("means.0", "")
	words.Del("filter.2")
	words.Set("word.3", "Staff lunch")
	words.Set("kind.3", "type")
	words.Set("filter.3", "1")
	v.send(t, address, words)
	require.Equal(t, []string{`{"types": {"Dental": "surgery"}, "filters": {"types": ["Staff lunch"]}}`}, selected[string](t, s, "select settings::text from clinics where id = $1", id))
	require.Contains(t, v.get(t, address).body, "Staff lunch")
	words.Set("act", "try")
	require.Contains(t, v.send(t, address, words).path, "/console/runs/")

	require.Equal(t, 422, v.send(t, address, url.Values{"act": {"limits"}, "share": {"80"}}).status)
	require.Contains(t, v.send(t, address, url.Values{"act": {"limits"}, "maxCases": {"40"}, "share": {"12.5"}}).body, `value="12.5"`)
	require.Contains(t, v.send(t, address, url.Values{"act": {"off"}}).body, "The clinic is off")
	require.Contains(t, v.send(t, address, url.Values{"act": {"on"}}).body, "The clinic is on")

	viewer := s.as(t, access.RoleViewer)
	viewer.get(t, address)
	for _, act := range []string{"clinic", "words", "try", "limits", "off", "on"} {
		require.Equal(t, 403, viewer.send(t, address, url.Values{"act": {act}}).status, act)
	}
	require.Subset(t, selected[string](t, s, "select action || ' ' || outcome from operator_events"), []string{"clinic.set done", "settings.set done", "clinic.disable done", "sync.start done"})
	s.requireNoFault(t)
}

func TestAKeyIsShownOnceAndRevoked(t *testing.T) { // R39, R42, R44
	t.Parallel()
	s := newSite(t)
	id, address, v := s.practice(t)
	address += "/keys"
	require.Contains(t, v.get(t, address).body, "No key yet")
	require.Equal(t, 422, v.send(t, address, url.Values{"act": {"create"}, "name": {"website"}}).status)
	require.Contains(t, v.page.body, `value="website"`)
	require.Equal(t, 422, v.send(t, address, url.Values{"act": {"create"}, "scope.sync:full": {"1"}, "life": {"soon"}}).status, "an unknown life is not for ever")
	page := v.send(t, address, url.Values{"act": {"create"}, "name": {"website"}, "scope.sync:inbound": {"1"}, "scope.plans:approve": {"1"}, "life": {"90d"}})
	key := regexp.MustCompile(`[a-z2-7]{8}_pims_live_[a-z2-7]{47}`).FindString(page.body)
	require.NotEmpty(t, key)
	require.NotContains(t, v.get(t, address).body, key, "it is shown once")
	require.Contains(t, v.page.body, "sync:inbound")
	require.Equal(t, []string{clinic.Hash(key)}, selected[string](t, s, "select key_hash from clinic_api_keys where clinic_id = $1", id))
	row := selected[uuid.UUID](t, s, "select id from clinic_api_keys")[0]
	page = v.send(t, address, url.Values{"act": {"revoke"}, "key": {row.String()}})
	require.Contains(t, page.body, "The key is revoked")
	require.Contains(t, page.body, "Revoked")
	require.Equal(t, 404, v.send(t, address, url.Values{"act": {"revoke"}, "key": {uuid.New().String()}}).status)
	operator := s.as(t, access.RoleOperator)
	operator.get(t, address)
	require.Equal(t, 403, operator.send(t, address, url.Values{"act": {"create"}}).status)
}

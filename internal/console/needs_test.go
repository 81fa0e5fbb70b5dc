package console

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

// deletions stores a plan that would delete cases of a clinic, and returns its id.
func (s *site) deletions(t testing.TB, clinicID uuid.UUID, n int) uuid.UUID {
	t.Helper()
	id, run := uuid.New(), uuid.New()
	s.sql(t, `insert into case_sync_audits (id, clinic_id, sync_type, status, error_code, created_at, started_at, completed_at) values ($2, $1, 'reconciliation', 'failed', 'deletion_guard', $3, $3, $3)`,
		clinicID, run, s.clock.Now().Add(-2*time.Hour))
	s.sql(t, `update deletion_plans set status = 'superseded', decided_at = $2 where clinic_id = $1 and status = 'open'`, clinicID, s.clock.Now())
	s.sql(t, `
		with planned as (
			insert into cases (clinic_id, pims_id, patient_name, client_name, scheduled_date, case_type, metadata)
			select $1, 'gone-' || n + (select count(*) from cases where clinic_id = $1 and pims_id like 'gone-%'), (array['Pip', 'Otto', 'Bella', 'Juno'])[1 + n % 4], 'Ada Birch', $4::timestamptz + n * interval '1 hour', 'checkup', '{"appointment": {"type": "Dental", "room": "Room 2"}}'
			from generate_series(1, $5::int) n returning id, pims_id, scheduled_date
		)
		insert into deletion_plans (id, clinic_id, sync_id, sync_type, code, reason, window_start, window_end, cases, evidence, created_at, expires_at)
		select $2, $1, $3, 'reconciliation', 'deletion_guard', 'too many appointments are missing from the PIMS', $4::timestamptz::date - 7, $4::timestamptz::date,
			jsonb_agg(jsonb_build_object('caseId', id, 'pimsId', pims_id, 'scheduledDate', scheduled_date)),
			'{"refusal": "share", "known": 40, "found": 12, "shared": 12, "candidates": 40, "limit": 5, "days": {"2026-03-02": 9, "2026-03-03": 3}, "lookups": [{"pimsId": "gone-1", "method": "by_id", "found": "gone"}]}',
			$4::timestamptz - interval '2 hours', $4::timestamptz + interval '22 hours'
		from planned`, clinicID, id, run, s.clock.Now(), n)
	return id
}

// clinicNamed returns the id of a clinic.
func (s *site) clinicNamed(t *testing.T, name string) uuid.UUID {
	t.Helper()
	return selected[uuid.UUID](t, s, "select id from clinics where name like $1 || '%'", name)[0]
}

// requireInOrder fails where a page lacks one of the words, or has them in another order.
func requireInOrder(t *testing.T, page reply, words ...string) {
	t.Helper()
	at := 0
	for _, word := range words {
		found := strings.Index(page.body[at:], word)
		require.GreaterOrEqual(t, found, 0, "%s in %s", word, page.path)
		at += found + len(word)
	}
}

func TestNeedsYouListsWhatWaitsForAPerson(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 1)
	harbor := s.clinicNamed(t, "Harbor")
	s.sql(t, `insert into pims_sync_unusual (sync_id, clinic_id, sync_type, began, findings)
		select a.id, $1, 'inbound', $2, '[{"count": "appointmentsFound", "value": 400, "usual": 20, "low": false}]' from case_sync_audits a where a.clinic_id = $1 and a.sync_type = 'inbound'`, harbor, s.clock.Now())
	s.sql(t, `insert into pims_fields (clinic_id, provider, sync_type, endpoint, days, last_seen, profile, told, told_at) values
		($1, 'idexx_neo', 'inbound', '/appointments/getCalendarEventData', 30, $2, '{}', '{/appointments/getCalendarEventData patient_id missing}', $2),
		($1, 'idexx_neo', 'full', '/appointments/getCalendarEventData', 30, $2, '{}', '{/appointments/getCalendarEventData patient_id missing}', $2),
		($1, 'idexx_neo', 'cases', '/consultations/search', 30, $2, '{}', '{/consultations/search weight retyped}', $2::timestamptz - interval '4 days')`, harbor, s.clock.Now())
	s.sql(t, `update clinic_schedule_configs set sync_schedules = '[{"type":"inbound","cron":"0 6 * * *"},{"type":"inbound","cron":"0 99 * * *"}]' where clinic_id = $1`, harbor)
	v := s.as(t, access.RoleViewer)
	page := v.get(t, "/console/needs")
	require.Equal(t, 200, page.status)
	requireInOrder(t, page,
		`class="needs"`, "Waiting plans", "Tierpraxis Alpenblick", "0 deletions", "Refused logins", "Wattle Creek Vets", "Ask the practice for the present password", "Failing",
		"El Olivo", "The PIMS could not be reached", "Bad schedules", "Entry 2 of the schedule does not run", "Out of date", "Sakura",
		"Form of answers changed", "Harbor", "/appointments/getCalendarEventData patient_id missing", "Unusual volume", "appointments found: 400, usually 20",
	)
	require.NotContains(t, page.body, "Old Mill", "it is off")
	require.Equal(t, 1, strings.Count(page.body, "patient_id missing"), "once for all types of sync")
	require.NotContains(t, page.body, "retyped", "it was told days ago")
	require.Equal(t, "1", totals(page)["Refused logins"])
	page = v.get(t, "/console/needs?kind=logins")
	require.Contains(t, page.body, "Wattle Creek")
	require.NotContains(t, page.body, "Sakura")
	s.sql(t, "delete from pims_sync_unusual")
	require.Contains(t, v.get(t, "/console/needs?kind=volume").body, "Nothing of this kind")

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleViewer, Limited: true, Clinics: []uuid.UUID{s.clinicNamed(t, "Green Valley")}}))
	page = limited.get(t, "/console/needs")
	require.Contains(t, page.body, "Nothing needs you")
	for _, part := range []string{"", "/login"} {
		require.Equal(t, 404, limited.get(t, screen.ClinicAddress(harbor)+part).status)
	}
	s.requireNoFault(t)
}

func TestAPlanIsShownAndDecided(t *testing.T) { // R18, R23, R42, R44
	t.Parallel()
	s := newSite(t)
	ada := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleOperator})
	w := s.week(t, ada.ID)
	s.sql(t, "delete from sync_leases; ")
	s.sql(t, "update case_sync_audits set status = 'completed', completed_at = now() where status = 'in_progress'")
	few, many := s.deletions(t, w.other, 2), s.deletions(t, w.clinic, 21)
	first, second := s.signedIn(t, ada), s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Name: "Grace Hale", Role: access.RoleOperator}))

	page := first.get(t, screen.PlanAddress(few))
	for _, words := range []string{"2 deletions", "Tierpraxis Alpenblick", "Too many appointments are missing", "Otto", "Ada Birch", "Dental", "Room 2", "Not found", "5 of 40 candidates", "Mon 2 Mar: 9", "in 22 h"} {
		require.Contains(t, page.body, words)
	}
	require.NotContains(t, page.body, `name="count"`, "few changes need no count")
	require.Equal(t, 422, first.send(t, screen.PlanAddress(few), url.Values{"act": {"reject"}}).status, "a reason is needed")

	second.get(t, screen.PlanAddress(few))
	page = first.send(t, screen.PlanAddress(few), url.Values{"act": {"approve"}})
	require.Equal(t, 200, page.status)
	require.Contains(t, page.body, "Approved. This sync does what was held back.")
	require.Contains(t, page.path, "/console/runs/")
	for _, act := range []url.Values{{"act": {"approve"}}, {"act": {"reject"}, "reason": {"no"}}} {
		page = second.send(t, screen.PlanAddress(few), act)
		require.Equal(t, 422, page.status)
		require.Contains(t, page.body, "Ada Marlow approved this plan", "the second is told who decided")
	}
	require.Len(t, selected[string](t, s, "select id::text from case_sync_audits where status = 'queued'"), 1)

	page = second.get(t, screen.PlanAddress(many))
	require.Contains(t, page.body, `name="count"`)
	require.Equal(t, 422, second.send(t, screen.PlanAddress(many), url.Values{"act": {"approve"}, "count": {"20"}}).status)
	require.Contains(t, second.page.body, "type the number of changes, 21")
	page = second.send(t, screen.PlanAddress(many), url.Values{"act": {"reject"}, "reason": {"The practice moved a day."}})
	require.Contains(t, page.body, "Rejected. Nothing was changed.")
	require.Contains(t, page.body, "by You")
	require.Contains(t, first.get(t, screen.PlanAddress(many)).body, "by Grace Hale")

	viewer := s.as(t, access.RoleViewer)
	third := s.deletions(t, w.clinic, 1)
	require.NotContains(t, viewer.get(t, screen.PlanAddress(third)).body, `value="approve"`)
	require.Equal(t, 403, viewer.send(t, screen.PlanAddress(third), url.Values{"act": {"approve"}}).status)
	require.Equal(t, 404, viewer.get(t, screen.PlanAddress(uuid.New())).status)

	require.Subset(t, selected[string](t, s, "select action || ' ' || outcome || ' ' || coalesce(after ->> 'reason', '') from operator_events where record_kind = 'plan'"),
		[]string{"plan.approve done ", "plan.approve failed ", "plan.reject done The practice moved a day.", "case.read done "})
	s.requireNoFault(t)
}

func TestAFormThatWasSentAfterTheEndOfASessionDoesNothingTwice(t *testing.T) { // R43
	t.Parallel()
	s := newSite(t)
	ada := s.invite(t, people.Person{Email: "ada@example.com", Role: access.RoleOperator})
	w := s.week(t, ada.ID)
	plan := s.deletions(t, w.other, 2)
	v := s.signedIn(t, ada)
	v.get(t, screen.PlanAddress(plan))
	s.sql(t, "delete from people_sessions")
	page := v.send(t, screen.PlanAddress(plan), url.Values{"act": {"approve"}})
	require.Equal(t, "/console/sign-in?next="+url.QueryEscape(screen.PlanAddress(plan)), page.path)
	page = v.send(t, "/console/sign-in", url.Values{"email": {ada.Email}, "password": {password}, "next": {screen.PlanAddress(plan)}})
	require.Equal(t, screen.PlanAddress(plan), page.path, "the person comes back")
	require.Contains(t, page.body, "You were signed out before the form was sent, so it did nothing.")
	require.Equal(t, []string{"open"}, selected[string](t, s, "select status from deletion_plans where id = $1", plan))
	require.NotContains(t, v.get(t, screen.PlanAddress(plan)).body, "signed out before", "it is said once")
	v.send(t, screen.PlanAddress(plan), url.Values{"act": {"approve"}})
	require.Equal(t, []string{"approved"}, selected[string](t, s, "select status from deletion_plans where id = $1", plan))
	s.requireNoFault(t)
}

func TestALoginIsReplacedResumedAndTestedStepByStep(t *testing.T) { // R32, R37, R44, R53
	t.Parallel()
	s := newSite(t)
	s.pims.Require(pims.FieldUsername, pims.FieldPassword)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Role: access.RoleAdmin})
	w := s.week(t, admin.ID)
	v, address := s.signedIn(t, admin), screen.ClinicAddress(w.clinic)+"/login"
	require.Contains(t, v.get(t, address).body, "No credentials are stored")
	fields := func(user, password string) url.Values {
		return url.Values{"act": {"set"}, "provider": {"some_pims"}, "field.username": {user}, "field.password": {password}}
	}
	page := v.send(t, address, fields("desk@example.com", ""))
	require.Equal(t, 422, page.status)
	require.Contains(t, page.body, `value="desk@example.com"`, "what was typed stays")
	require.Contains(t, v.send(t, address, fields("desk@example.com", "s3cret-one")).body, "Stored and sealed")
	page = v.get(t, address)
	require.Contains(t, page.body, "desk@example.com")
	require.NotContains(t, page.body, "s3cret-one")

	page = v.send(t, address, url.Values{"act": {"test"}})
	require.Equal(t, 200, page.status)
	requireInOrder(t, page, "Signing in with a headless browser", "Signed in", "Proving that", "Reading today", "The login works", "0 appointments on", "</html>")
	require.NotContains(t, page.body, "<img")
	s.pims.SetPassword("another")
	s.pims.OnCall(func(ctx context.Context, _ pimstest.Call) error {
		if see := pims.FailedPageSeer(ctx); see != nil {
			see([]byte("what a browser took"))
		}
		return nil
	})
	page = v.send(t, address, url.Values{"act": {"test"}})
	require.Contains(t, page.body, `<img src="data:image/jpeg;base64,`+base64.StdEncoding.EncodeToString([]byte("what a browser took"))+`"`)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "img-src 'self' data:;")
	require.NotContains(t, v.get(t, address).header.Get("Content-Security-Policy"), "data:", "no other page may hold pictures")
	require.Contains(t, page.body, "The PIMS refused the user name or password")
	require.NotContains(t, page.body, "Proving that")
	page = v.get(t, address)
	require.Contains(t, page.body, "Paused after refused logins")
	require.NotContains(t, page.body, `value="test"`, "a paused login is not tried")
	require.Contains(t, v.send(t, address, url.Values{"act": {"resume"}}).body, "in use again")
	require.Contains(t, v.send(t, address, fields("desk@example.com", "another")).body, "Stored and sealed")
	require.Contains(t, v.send(t, address, url.Values{"act": {"test"}}).body, "The login works")

	viewer := s.as(t, access.RoleViewer)
	page = viewer.get(t, address)
	require.NotContains(t, page.body, "desk@example.com", "the user name is for those who may change it")
	for _, act := range []string{"test", "resume", "set"} {
		require.NotContains(t, page.body, `value="`+act+`"`)
		require.Equal(t, 403, viewer.send(t, address, url.Values{"act": {act}}).status, act)
	}
	require.Subset(t, selected[string](t, s, "select action || ' ' || outcome from operator_events"),
		[]string{"credentials.set done", "credentials.test done", "credentials.test failed", "credentials.resume done"})
	for _, line := range s.log.Lines(t) {
		require.NotContains(t, fmt.Sprint(line), "s3cret-one")
	}
}

func TestAClinicsPageShowsItsStateAndStartsSyncs(t *testing.T) { // R42, R44
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	harbor, olivo := s.clinicNamed(t, "Harbor"), s.clinicNamed(t, "Clínica")
	v := s.as(t, access.RoleOperator)
	require.Contains(t, v.get(t, "/console").body, `href="`+screen.ClinicAddress(harbor)+`"`)
	page := v.get(t, screen.ClinicAddress(olivo))
	for _, words := range []string{"El Olivo", "America/Santiago", "Failing", "The PIMS could not be reached", "Coming runs", "Appointments", "Notes", "Deletions", `aria-current="page"><svg`} {
		require.Contains(t, page.body, words)
	}
	require.GreaterOrEqual(t, strings.Count(page.body, "<li><span><time"), 10, "the next ten runs")
	requireInOrder(t, page, "The last 30 days", "Appointments, the last 30 days: 0 of 1 day without a failure.", ": 1 sync, 1 failed", "1 run: the longest took 20 s", "Failed, 20 s, 0 changes",
		"Notes, the last 30 days: 1 of 1 day without a failure.")
	page = v.send(t, screen.ClinicAddress(harbor), url.Values{"act": {"dry-run"}})
	require.Contains(t, page.body, "The dry run is on its way")
	page = v.get(t, screen.ClinicAddress(harbor))
	require.Contains(t, page.body, "a dry run,</a> waits")
	require.NotContains(t, page.body, `value="sync"`, "another sync waits already")
	require.Contains(t, v.get(t, screen.ClinicAddress(s.clinicNamed(t, "Old Mill"))).body, "The clinic is off")
	require.Equal(t, 404, v.get(t, screen.ClinicAddress(uuid.New())).status)
	s.requireNoFault(t)
}

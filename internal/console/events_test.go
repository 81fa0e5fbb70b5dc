package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/mail"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/notifystore"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/postgres/webhookstore"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// regexpOlder finds the link to the next page of a list.
var regexpOlder = regexp.MustCompile(`href="/console/events(\?[^"]*)" rel="next"`)

// takes is the beginning of the addresses that take what is sent to them; no other does.
const takes = "https://example.com/ok"

// outgoing completes the options with what people do with webhooks and channels.
func (s *site) outgoing(t testing.TB, o *Options) {
	t.Helper()
	if s.ring == nil {
		var err error
		s.ring, err = seal.ParseKeyring(seal.NewKey())
		require.NoError(t, err)
	}
	find := func(ctx context.Context, id uuid.UUID) (bool, error) {
		_, err := clinicstore.NewClinics(s.db).Clinic(ctx, id)
		return err == nil, nil
	}
	o.Endpoints = webhooks.NewService(webhooks.ServiceOptions{
		Log: oplog.New(s.db, nil), Registry: webhookstore.New(s.db, s.ring), HasClinic: find, Now: s.clock.Now,
		Sequence: func(ctx context.Context) error {
			_, err := feedstore.New(s.db).Sequence(ctx)
			return err
		},
		Send: func(_ context.Context, e *webhooks.Endpoint, _ *webhooks.Delivery, _ []secret.Text) webhooks.Attempt {
			if e.URL == takes {
				return webhooks.Attempt{At: s.clock.Now(), Status: http.StatusOK}
			}
			return webhooks.Attempt{At: s.clock.Now(), Status: http.StatusForbidden, Error: "it returned 403 Forbidden", Response: "not you\nand nobody else"}
		},
	})
	o.Channels = notify.NewService(notify.ServiceOptions{
		Log: oplog.New(s.db, nil), Registry: notifystore.New(s.db, s.ring), HasClinic: find, Now: s.clock.Now,
		CheckURL: func(u string) error { return webhooks.CheckURL(u, pims.HostPolicy{}) }, CheckAddress: mail.CheckAddress,
		Send: func(_ context.Context, c notify.Channel, _ notify.Message) error {
			if c.Target == takes {
				return nil
			}
			return errors.New("it returned 403 Forbidden")
		},
	})
}

// outgoingEvents adds events of several kinds, an endpoint with deliveries of each state, and
// a channel.
func (s *site) outgoingEvents(t *testing.T) (endpoint, channel uuid.UUID) {
	t.Helper()
	harbor, olivo := s.clinicNamed(t, "Harb"), s.clinicNamed(t, "Clínica")
	var o Options
	s.outgoing(t, &o)
	e, _, err := o.Endpoints.Add(t.Context(), root, webhooks.Endpoint{URL: takes, Description: "call agent", Types: []string{feed.CaseChanged, feed.SyncFailed}, Ordered: true})
	require.NoError(t, err)
	_, _, err = o.Endpoints.Add(t.Context(), root, webhooks.Endpoint{URL: "https://warehouse.example.com/in", ClinicID: olivo})
	require.NoError(t, err)
	s.sql(t, "update webhook_endpoints set failing_since = $1, failures = 3 where clinic_id is not null", s.clock.Now().Add(-time.Hour))
	s.sql(t, "insert into cases (clinic_id, status) select $1, 'draft' from generate_series(1, 12)", harbor)
	s.sql(t, "update cases set status = 'pending', patient_name = 'Mochi' where id in (select id from cases where clinic_id = $1 limit 2)", harbor)
	audit := selected[uuid.UUID](t, s, "insert into case_sync_audits (clinic_id, sync_type, status) values ($1, 'inbound', 'in_progress') returning id", olivo)[0]
	s.sql(t, "update case_sync_audits set status = 'failed', error_code = 'pims_unreachable', completed_at = $2 where id = $1", audit, s.clock.Now())
	require.NoError(t, s.sequence(t))
	s.sql(t, `
		insert into webhook_deliveries (endpoint_id, clinic_id, type, body, state, tries, event_at, created_at, next_try_at, ended_at, last_try_at, last_status, last_error, response)
		select $1::uuid, $2::uuid, 'case.changed', '{}', state, tries, $3::timestamptz, $3, case when state = 'pending' and tries = 0 then 'infinity'::timestamptz else $3::timestamptz + interval '1 hour' end,
			case when state <> 'pending' then $3 end, case when tries > 0 then $3 end, status, reason, answer
		from (values ('delivered', 1, 200, null, null), ('failed', 10, 503, 'it returned 503 Service Unavailable', 'maintenance'),
			('pending', 2, 503, 'it returned 503 Service Unavailable', 'maintenance'), ('pending', 0, null, null, null), ('skipped', 0, null, null, null)) d (state, tries, status, reason, answer)`,
		e.ID, harbor, s.clock.Now().Add(-2*time.Hour))
	c, err := o.Channels.Add(t.Context(), root, notify.Channel{Kind: notify.Email, Target: "ops@example.com", Name: "on call", Timezone: "America/New_York", QuietFrom: "22:00", QuietUntil: "07:00"})
	require.NoError(t, err)
	_, err = o.Channels.Add(t.Context(), root, notify.Channel{Kind: notify.Slack, Target: "https://hooks.example.com/T0/secret", ClinicID: harbor, DigestAt: "08:00"})
	require.NoError(t, err)
	return e.ID, c.ID
}

func (s *site) sequence(t *testing.T) error {
	t.Helper()
	_, err := feedstore.New(s.db).Sequence(t.Context())
	return err
}

func TestEventsArriveOnTheirPage(t *testing.T) { // R41, R46
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleViewer)
	require.Contains(t, v.get(t, "/console/events").body, "Nothing has happened yet")
	s.outgoingEvents(t)
	rows := func(query string) []string { return rowOfOne.FindAllString(v.get(t, "/console/events"+query).body, -1) }
	all := rows("")
	require.Len(t, all, 4)
	for i, words := range [][]string{
		{"Sync failed", "Clínica Veterinaria El Olivo", "Appointments: The PIMS could not be reached", "/console/runs/"},
		{"2 cases changed", "patient name, status", "Harbor Lights", "/console/cases/"},
		{"12 cases created", "Harbor Lights", `class="fresh"`},
		{"Plan waits", "Tierpraxis Alpenblick", "for a person to decide", "/console/plans/"},
	} {
		for _, word := range words {
			require.Contains(t, all[i], word)
		}
	}
	require.NotContains(t, v.page.body, "Mochi", "names of fields, never values")
	require.NotContains(t, v.page.body, "Send them on", "a viewer manages no endpoint")
	require.Len(t, rows("?type=sync.failed"), 1)
	require.Len(t, rows("?clinic="+s.clinicNamed(t, "Harb").String()), 2)
	require.Empty(t, rows("?type=pims.drift"))
	require.Contains(t, v.page.body, "No such event")
	require.Equal(t, 422, v.get(t, "/console/events?after=x").status)

	s.sql(t, "insert into cases (clinic_id, status) values ($1, 'draft')", s.clinicNamed(t, "Harb"))
	for range 30 {
		s.sql(t, "update cases set status = status || 'x' where id = (select max(id::text)::uuid from cases)")
	}
	require.NoError(t, s.sequence(t))
	require.Len(t, rows(""), 30)
	older := regexpOlder.FindStringSubmatch(v.page.body)
	require.Len(t, older, 2)
	require.Len(t, rows(older[1]), 5)
	require.NotContains(t, v.page.body, "every 2s", "an older page stays")

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleViewer, Limited: true, Clinics: []uuid.UUID{s.clinicNamed(t, "Clínica")}}))
	require.Len(t, rowOfOne.FindAllString(limited.get(t, "/console/events").body, -1), 1)
	require.Equal(t, 404, limited.get(t, "/console/events?clinic="+s.clinicNamed(t, "Harb").String()).status)
	s.requireNoFault(t)
}

func TestEndpointsAreManagedOnTheirPages(t *testing.T) { // R42, R47
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	require.Contains(t, v.get(t, "/console/webhooks").body, "No endpoint yet")
	send := func(path string, pairs ...string) reply {
		form := url.Values{}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		v.get(t, path)
		return v.send(t, path, form)
	}
	require.Equal(t, 422, send("/console/webhooks", "act", "add", "url", "http://example.com/").status)
	require.Contains(t, v.page.body, `value="http://example.com/"`, "what was typed stays")
	require.Contains(t, v.page.body, "must begin with https://")
	added := send("/console/webhooks", "act", "add", "url", takes, "description", "call agent", "of", s.clinicNamed(t, "Harb").String(), "type", feed.CaseChanged, "type", feed.PlanOpened)
	require.Contains(t, added.body, "whsec_")
	one := added.path
	require.NotContains(t, v.get(t, one).body, "whsec_", "it is shown once")
	require.Contains(t, v.get(t, "/console/webhooks").body, "call agent")
	require.Contains(t, v.page.body, "Harbor Lights Animal Clinic")
	require.Contains(t, v.get(t, "/console/webhooks?clinic="+s.clinicNamed(t, "Clínica").String()).body, "No endpoint of this clinic")

	require.Contains(t, send(one, "act", "test").body, "it returned 200")
	require.Contains(t, send(one, "act", "set", "url", takes+"/no", "type", feed.SyncFailed, "ordered", "yes").body, "The endpoint is changed.")
	require.Contains(t, v.page.body, "example.com/ok/no")
	refused := send(one, "act", "test")
	require.Contains(t, refused.body, "it returned 403 Forbidden")
	require.Contains(t, refused.body, "not you\nand nobody else")
	require.Contains(t, refused.body, `class="note tone-warn"`)
	require.Equal(t, 422, send(one, "act", "set", "url", takes).status, "an endpoint needs a type")
	require.NotContains(t, v.page.body, `id="ordered" name="ordered" value="yes" checked`, "what was unticked stays")
	require.Contains(t, send(one, "act", "rotate").body, "whsec_")
	require.Contains(t, send(one, "act", "disable").body, "Disabled")
	require.Contains(t, send(one, "act", "enable").body, "Active")

	endpoint, _ := s.outgoingEvents(t)
	two := "/console/webhooks/" + endpoint.String()
	require.Len(t, rowOfOne.FindAllString(v.get(t, two).body, -1), 5)
	for _, words := range []string{"Delivered", "Failed for good", "tried 10 times", "maintenance", "Comes again", "behind one that failed", "Skipped"} {
		require.Contains(t, v.page.body, words)
	}
	failed := selected[uuid.UUID](t, s, "select id from webhook_deliveries where state = 'failed'")[0].String()
	require.Equal(t, 404, send(one, "act", "resend", "delivery", failed).status, "it is another endpoint's")
	require.Contains(t, send(two, "act", "resend", "delivery", failed).body, "The delivery is due")
	require.Contains(t, send(two, "act", "skip", "delivery", failed).body, "given up")
	require.Len(t, rowOfOne.FindAllString(v.get(t, two+"?state=skipped").body, -1), 2)
	require.Equal(t, 422, send(two, "act", "skip", "delivery", failed).status, "it was skipped before")
	require.Contains(t, v.page.body, `value="`+takes+`"`, "the form for changes stays as it is stored")
	require.Equal(t, 404, send(two, "act", "skip", "delivery", "x").status)
	require.Contains(t, send(one, "act", "remove").body, "is removed")
	require.Equal(t, 404, v.get(t, one).status)

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true, Clinics: []uuid.UUID{s.clinicNamed(t, "Clínica")}}))
	require.Len(t, rowOfOne.FindAllString(limited.get(t, "/console/webhooks").body, -1), 1)
	require.Equal(t, 404, limited.get(t, two).status, "it is of all clinics")
	require.Equal(t, 422, limited.send(t, "/console/webhooks", url.Values{"act": {"add"}, "url": {takes}}).status)
	require.Equal(t, 403, s.as(t, access.RoleOperator).get(t, "/console/webhooks").status)
	s.requireNoFault(t)
}

func TestChannelsAreManagedOnTheirPages(t *testing.T) { // R42, R48
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	require.Contains(t, v.get(t, "/console/notifications").body, "Nobody is notified yet")
	send := func(path string, form url.Values) reply {
		v.get(t, path)
		return v.send(t, path, form)
	}
	add := url.Values{"act": {"add"}, "kind": {"slack"}, "target": {takes}, "name": {"ops room"}, "timezone": {"Mars/Base"}, "of": {"harbor lights animal clinic"}}
	require.Equal(t, 422, send("/console/notifications", add).status)
	require.Contains(t, v.page.body, `value="ops room"`)
	add.Set("timezone", "America/New_York")
	one := send("/console/notifications", add).path
	require.Contains(t, v.page.body, "ops room")
	require.NotContains(t, v.get(t, one).body, "/ok", "the path of a chat's address is its secret")
	require.Contains(t, v.get(t, "/console/notifications").body, "Harbor Lights Animal Clinic")
	require.Contains(t, v.get(t, "/console/notifications?clinic="+s.clinicNamed(t, "Wattle").String()).body, "No channel of this clinic")

	require.Contains(t, send(one, url.Values{"act": {"test"}}).body, "The test message was taken.")
	require.Contains(t, send(one, url.Values{"act": {"mute"}, "for": {"8h"}}).body, "Muted")
	require.Equal(t, 422, send(one, url.Values{"act": {"mute"}, "for": {"ever"}}).status)
	require.Contains(t, send(one, url.Values{"act": {"unmute"}}).body, "Active")
	times := url.Values{"act": {"set"}, "name": {"ops"}, "timezone": {"America/Chicago"}, "quiet-from": {"22:00"}}
	require.Equal(t, 422, send(one, times).status, "a quiet time has two ends")
	require.Contains(t, v.page.body, `value="America/Chicago"`)
	times.Set("quiet-until", "07:00")
	require.Contains(t, send(one, times).body, "The channel is changed.")
	require.Contains(t, v.get(t, "/console/notifications").body, "quiet 22:00–07:00")
	require.Contains(t, send(one, url.Values{"act": {"remove"}}).body, "is removed")
	require.Equal(t, 404, v.get(t, one).status)

	_, email := s.outgoingEvents(t)
	require.Contains(t, send("/console/notifications/"+email.String(), url.Values{"act": {"test"}}).body, "was not taken: it returned 403 Forbidden")
	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleAdmin, Limited: true, Clinics: []uuid.UUID{s.clinicNamed(t, "Wattle")}}))
	require.Contains(t, limited.get(t, "/console/notifications").body, "Nobody is notified yet")
	require.Equal(t, 404, limited.get(t, "/console/notifications/"+email.String()).status)
	require.Equal(t, 403, s.as(t, access.RoleOperator).get(t, "/console/notifications").status)
	s.requireNoFault(t)
}

// What an erased clinic leaves in the feed is no event, and a replica of a later version may
// write types that this one does not know.
func TestEventsAreShownAfterAClinicWasErasedAndWithTypesOfALaterVersion(t *testing.T) { // R45, R46
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	s.outgoingEvents(t)
	v := s.as(t, access.RoleViewer)
	before := len(rowOfOne.FindAllString(v.get(t, "/console/events").body, -1))
	s.sql(t, "update pims_sync_feed set clinic_id = null, type = 'erased', events = null, data = null where position = (select min(position) from pims_sync_feed)")
	s.sql(t, "update pims_sync_feed set type = 'clinic.renamed' where position = (select max(position) from pims_sync_feed)")
	page := v.get(t, "/console/events")
	require.Equal(t, 200, page.status)
	require.Len(t, rowOfOne.FindAllString(page.body, -1), before-1)
	require.NotContains(t, page.body, "erased")
	require.Contains(t, page.body, "<code>clinic.renamed</code>")
	s.requireNoFault(t)
}

package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/postgres/peoplestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/practicestore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/postgres/systemstore"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/timetest"
	"github.com/pims-sync/pims-sync/internal/web"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// root is the user of the operating system.
var root = access.By{Caller: access.Caller{Kind: access.KindOSUser, Name: "root"}, Origin: "command line"}

const password = "a long enough password"

// A site is a console on a database of its own, as people find it on loopback.
type site struct {
	*httptest.Server
	people  *people.Service
	service *fleet.Service
	reports *practice.Service
	ring    *seal.Keyring  // of the secrets of endpoints and channels
	pims    *pimstest.Fake // of every clinic
	db      *postgres.DB
	board   *clinicstore.Board // the state of all clinics
	clock   *timetest.Clock
	log     *logtest.Book
}

// newSite serves a console. Its clock stands at the present, as the browsers' do.
func newSite(t testing.TB, change ...func(*Options)) *site {
	t.Helper()
	s := &site{pims: &pimstest.Fake{}, db: pgtest.New(t), clock: timetest.At(time.Now().UTC().Truncate(time.Second)), log: &logtest.Book{}}
	s.board = clinicstore.NewBoard(clinicstore.NewClinics(s.db))
	s.people = people.New(people.Options{Store: peoplestore.New(s.db), Log: oplog.New(s.db, nil), Now: s.clock.Now})
	log := oplog.New(s.db, nil)
	s.service = fleet.New(fleet.Options{
		Log: log, Clinics: clinicstore.NewClinics(s.db), Keys: clinicstore.NewKeys(s.db), FleetKeys: fleetstore.New(s.db), Credentials: clinicstore.NewCredentials(s.db), Connector: s.connector(t),
		Settings:  clinicstore.NewClinics(s.db),
		Decisions: queueOf{s.db}, Restores: casestore.NewCases(s.db), Now: s.clock.Now,
	})
	s.reports = practice.New(practice.Options{Log: log, Store: practicestore.New(s.db), Condition: fleetOf{s}.Condition, Now: s.clock.Now})
	o := Options{
		Practice: s.reports,
		Trends:   trendstore.New(s.db),
		System:   func(ctx context.Context) (fleet.System, error) { return systemstore.Read(ctx, s.db) },
		Events:   log, Service: s.service, Plans: syncstore.NewPlans(s.db),
		People: s.people, Fleet: fleetOf{s}, Now: s.clock.Now, Version: "test",
		Clinics: clinicstore.NewClinics(s.db), Runs: syncstore.NewAudits(s.db), Cases: casestore.NewRecords(s.db), Queue: queueOf{s.db}, Log: log,
	}
	o.Arrivals = feedstore.New(s.db)
	s.outgoing(t, &o)
	for _, c := range change {
		c(&o)
	}
	mounts, err := New(o)
	require.NoError(t, err)
	s.Server = httptest.NewServer(web.New(web.Options{Logger: slog.New(slog.NewJSONHandler(s.log, nil)), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, mounts...))
	t.Cleanup(s.Close)
	return s
}

// connector connects every clinic to the site's PIMS.
func (s *site) connector(t testing.TB) *clinic.Connector {
	t.Helper()
	ring, err := seal.ParseKeyring(seal.NewKey())
	require.NoError(t, err)
	return clinic.NewConnector(clinic.ConnectorOptions{
		Providers: map[string]pims.Provider{s.pims.Declaration().Name: s.pims}, Clinics: clinicstore.NewClinics(s.db), Credentials: clinicstore.NewCredentials(s.db), Sessions: clinicstore.NewSessions(s.db), Keyring: ring, Now: s.clock.Now,
	})
}

// setCredential stores what signs in to the site's PIMS.
func (s *site) setCredential(t testing.TB, clinicID uuid.UUID) {
	t.Helper()
	require.NoError(t, s.service.SetCredential(t.Context(), root, clinicID, s.pims.Declaration().Name, pims.Credentials{pims.FieldUsername: "desk@example.com", pims.FieldPassword: "a password"}))
}

// fleetOf reads the clinics of the site's database.
type fleetOf struct{ site *site }

func (f fleetOf) Conditions(ctx context.Context) ([]scheduler.Condition, error) {
	return scheduler.ReadConditions(ctx, f.site.board, f.site.clock.Now())
}

func (f fleetOf) Condition(ctx context.Context, clinicID uuid.UUID) (scheduler.Condition, error) {
	return scheduler.ReadCondition(ctx, f.site.board, clinicID, f.site.clock.Now())
}

// requireNoFault fails where a response has hidden an error.
func (s *site) requireNoFault(t testing.TB) {
	t.Helper()
	for _, line := range s.log.Lines(t) {
		require.Nil(t, line["error"], line)
	}
}

// sql changes the site's database.
func (s *site) sql(t testing.TB, statement string, args ...any) {
	t.Helper()
	_, err := s.db.Pool().Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

// selected returns the first column of a query's rows.
func selected[T any](t *testing.T, s *site, query string, args ...any) []T {
	t.Helper()
	rows, err := s.db.Pool().Query(t.Context(), query, args...)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err)
	return values
}

// A visitor is somebody's browser, without a script.
type visitor struct {
	http.Client
	site *site
	page reply // the latest
}

// A reply is a response that was read.
type reply struct {
	status int
	header http.Header
	body   string
	path   string // and query, after redirects
}

// visitor opens a browser that knows nothing yet.
func (s *site) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &visitor{Client: http.Client{Jar: jar}, site: s}
}

// invite adds a person.
func (s *site) invite(t testing.TB, p people.Person) people.Person {
	t.Helper()
	hash, err := people.HashPassword(t.Context(), password)
	require.NoError(t, err)
	p.Password = secret.New(hash)
	added, err := s.people.Invite(t.Context(), root, p)
	require.NoError(t, err)
	return added
}

// as returns the browser of a person with a role who is signed in.
func (s *site) as(t testing.TB, role access.Role) *visitor {
	t.Helper()
	return s.signedIn(t, s.invite(t, people.Person{Email: string(role) + "@example.com", Role: role}))
}

func (s *site) signedIn(t testing.TB, p people.Person) *visitor {
	t.Helper()
	v := s.visitor(t)
	v.get(t, "/console/sign-in")
	v.send(t, "/console/sign-in", url.Values{"email": {p.Email}, "password": {password}})
	require.Equal(t, 200, v.page.status, v.page.body)
	return v
}

// get loads a page.
func (v *visitor) get(t testing.TB, path string, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.site.URL+path, nil)
	require.NoError(t, err)
	return v.do(t, request, header)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// send sends a form of the latest page, with its token, as a browser does.
func (v *visitor) send(t testing.TB, path string, form url.Values, header ...string) reply {
	t.Helper()
	if found := csrfField.FindStringSubmatch(v.page.body); found != nil && !form.Has("csrf") {
		form.Set("csrf", found[1])
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.site.URL+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", v.site.URL)
	return v.do(t, request, header)
}

func (v *visitor) do(t testing.TB, request *http.Request, header []string) reply {
	t.Helper()
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			request.Header.Del(header[i])
		}
	}
	response, err := v.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	v.page = reply{response.StatusCode, response.Header, string(body), response.Request.URL.RequestURI()}
	return v.page
}

// fleet adds clinics of every state; more of them are up to date.
func (s *site) fleet(t testing.TB, more int) {
	t.Helper()
	s.sql(t, `
		with invented(name, zone, kind) as (values
			('Harbor Lights Animal Clinic', 'America/New_York', 'ok'),
			('Tierpraxis Alpenblick', 'Europe/Berlin', 'waiting'),
			('Wattle Creek Vets', 'Australia/Sydney', 'refused'),
			('Clínica Veterinaria El Olivo', 'America/Santiago', 'failing'),
			('Sakura Dōbutsu Byōin', 'Asia/Tokyo', 'stale'),
			('Fjord & Fell Veterinary Hospital', 'Europe/Oslo', 'new'),
			('Old Mill Small Animal Practice', 'Europe/London', 'off')
			union all select 'Green Valley Vets ' || n, (array['America/Chicago', 'America/Denver', 'America/Los_Angeles', 'Europe/Paris'])[1 + n % 4], 'ok'
			from generate_series(1, $2::int) n
		), added as (
			insert into clinics (name, timezone, is_active, created_at)
			select name, zone, kind <> 'off', $1::timestamptz - interval '40 days' from invented
			returning id, name
		), scheduled as (
			insert into clinic_schedule_configs (clinic_id, sync_schedules, created_at, updated_at)
			select id, '[{"type":"inbound","cron":"0 */6 * * *","enabled":true},{"type":"cases","cron":"0 8,14,20 * * *","enabled":true},{"type":"reconciliation","cron":"0 2 * * *","enabled":true}]',
				$1::timestamptz - interval '40 days', $1::timestamptz - interval '40 days' from added
		), credentials as (
			insert into pims_credentials (clinic_id, provider, sealed, suspended_at)
			select id, 'idexx_neo', '\x00', case when kind = 'refused' then $1::timestamptz - interval '3 hours' end
			from added join invented using (name) where kind <> 'new'
		)
		insert into case_sync_audits (clinic_id, sync_type, status, error_code, started_at, completed_at)
		select id, t, case when kind in ('failing', 'refused') and t = 'inbound' then 'failed' else 'completed' end,
			case when t = 'inbound' then case kind when 'failing' then 'pims_unreachable' when 'refused' then 'pims_auth_rejected' end end,
			at, at + interval '20 seconds'
		from added join invented using (name), unnest(array['inbound', 'cases', 'reconciliation']) t,
			lateral (select $1::timestamptz - case when kind = 'stale' then interval '2 days' else interval '9 minutes' end as at) as begun
		where kind <> 'new'`, s.clock.Now(), more)
	s.sql(t, `
		insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, created_at, expires_at)
		select c.id, a.id, 'reconciliation', 'deletion_guard', 'invented', $1::timestamptz::date - 7, $1::timestamptz::date, $1::timestamptz - interval '2 hours', $1::timestamptz + interval '3 days'
		from clinics c join case_sync_audits a on a.clinic_id = c.id and a.sync_type = 'reconciliation' where c.name like 'Tierpraxis%'`, s.clock.Now())
}

// syncing makes the clinic whose name begins with a text sync since a minute, and returns the
// sync's id.
func (s *site) syncing(t testing.TB, name, kind string, dry bool) (id uuid.UUID) {
	t.Helper()
	require.NoError(t, s.db.Pool().QueryRow(t.Context(), `
		insert into case_sync_audits (clinic_id, sync_type, status, started_at, request)
		select id, $2, 'in_progress', $3::timestamptz - interval '1 minute', jsonb_build_object('dryRun', $4::boolean) from clinics where name like $1 || '%'
		returning id`, name, kind, s.clock.Now(), dry).Scan(&id))
	return id
}

// month adds what a clinic's syncs of the last 30 days came to: not every day was good.
func (s *site) month(t testing.TB, clinicID uuid.UUID) {
	t.Helper()
	s.sql(t, `
		insert into case_sync_audits (clinic_id, sync_type, status, error_code, cases_created, cases_updated, cases_deleted, created_at, started_at, completed_at)
		select $1, 'full', case when day % 11 = 3 or day in (17, 18) and part = 0 then 'failed' else 'completed' end,
			case when day % 11 = 3 or day in (17, 18) and part = 0 then 'pims_unreachable' end, 8 + day % 5, 3 + day % 7, day % 3, at, at, at + interval '1 second' * (20 + day % 9)
		from generate_series(1, 29) day, generate_series(0, 1) part, lateral (select $2::timestamptz - interval '1 day' * day + interval '6 hours' * part as at) as begun`, clinicID, s.clock.Now())
}

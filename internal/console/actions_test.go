package console

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestOneClinicIsActedOnFromItsRow(t *testing.T) { // R42, R44
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	id := s.clinicNamed(t, "Harbor")
	s.setCredential(t, id)
	act := func(what string) reply {
		v.get(t, "/console?state=ok")
		return v.send(t, "/console/actions?clinic="+id.String(), url.Values{"act": {what}, "next": {"/console?state=ok"}})
	}
	page := act("sync")
	require.True(t, strings.HasPrefix(page.path, "/console/runs/"), "the page of the run: %s", page.path)
	require.Contains(t, page.body, "The sync of Harbor Lights Animal Clinic is started")
	require.Contains(t, act("test").body, "Harbor Lights Animal Clinic: signed in, and read 0 appointments of today.")
	require.Equal(t, "/console?state=ok", v.page.path, "back to where it was asked for")
	s.pims.FailAlways("login", pims.ErrUnreachable)
	require.Equal(t, 422, act("test").status)

	ask := v.get(t, "/console/actions?do=off&clinic="+id.String())
	require.Contains(t, ask.body, "Turn off 1 clinic")
	require.Contains(t, act("off").body, "is turned off")
	require.Equal(t, []bool{false}, selected[bool](t, s, `select is_active from clinics where id = $1`, id))
	require.Contains(t, act("on").body, "is turned on")
	require.Equal(t, []string{"sync.start done", "credentials.test done", "credentials.test failed", "clinic.disable done", "clinic.set done"},
		selected[string](t, s, `select action || ' ' || outcome from operator_events where who_kind = 'person' and clinic_id = $1 order by id`, id))
	s.requireNoFault(t)
}

func TestManyClinicsAreActedOnAfterAQuestion(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 3)
	v := s.as(t, access.RoleAdmin)
	ask := v.get(t, "/console/actions?do=off&all=1&q=valley")
	require.Contains(t, ask.body, "Turn off 3 clinics")
	require.Equal(t, 3, strings.Count(ask.body, `name="clinic"`))
	form := url.Values{"act": {"off"}, "next": {"/console?q=valley"}}
	for _, id := range selected[uuid.UUID](t, s, `select id from clinics where name like 'Green%'`) {
		form.Add("clinic", id.String())
	}
	require.Contains(t, v.send(t, "/console/actions", form).body, "3 clinics turned off.")
	require.Equal(t, []int64{3}, selected[int64](t, s, `select count(*) from clinics where name like 'Green%' and not is_active`))
	v.get(t, "/console")
	form.Set("act", "test")
	require.Contains(t, v.send(t, "/console/actions", form).body, "0 clinics signed in. 3 clinics left as it is")

	require.Contains(t, v.get(t, "/console/actions?do=sync").body, "No clinic is chosen")
	require.Equal(t, 404, v.get(t, "/console/actions?do=sync&clinic="+uuid.NewString()).status)
	s.requireNoFault(t)
}

func TestWhoActsOnWhichClinics(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	harbor, olivo := s.clinicNamed(t, "Harbor"), s.clinicNamed(t, "Clínica")
	viewer := s.as(t, access.RoleViewer)
	require.NotContains(t, viewer.get(t, "/console").body, `name="clinic"`)
	require.Equal(t, 422, viewer.get(t, "/console/actions?do=sync&clinic="+harbor.String()).status)
	require.Equal(t, 403, viewer.send(t, "/console/actions", url.Values{"act": {"sync"}, "clinic": {harbor.String()}}).status)

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleOperator, Limited: true, Clinics: []uuid.UUID{harbor}}))
	require.NotContains(t, limited.get(t, "/console").body, "Turn off", "an operator does not change clinics")
	require.Equal(t, 404, limited.send(t, "/console/actions", url.Values{"act": {"sync"}, "clinic": {harbor.String(), olivo.String()}}).status)
	require.Empty(t, selected[uuid.UUID](t, s, `select clinic_id from case_sync_audits where status = 'queued'`))
	require.Contains(t, limited.get(t, "/console/actions?do=sync&all=1").body, "Sync 1 clinic")
}

func TestAFaultThatAPageHidesIsLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	harbor, olivo := s.clinicNamed(t, "Harbor"), s.clinicNamed(t, "Clínica")
	s.setCredential(t, harbor)
	s.setCredential(t, olivo)
	s.pims.FailAlways("login", errors.New("an invented fault"))
	v.get(t, "/console")
	page := v.send(t, "/console/actions", url.Values{"act": {"test"}, "clinic": {harbor.String(), olivo.String()}})
	require.Contains(t, page.body, "The server could not do it; the log says why.")
	require.Contains(t, s.log.String(), "an invented fault")

	v.get(t, screen.ClinicAddress(harbor)+"/login")
	page = v.send(t, screen.ClinicAddress(harbor)+"/login", url.Values{"act": {"test"}})
	require.Contains(t, page.body, "A fault of this program; the log says which")
	lines := s.log.Lines(t)
	require.Contains(t, fmt.Sprint(lines[len(lines)-1]["error"]), "an invented fault")
}

func TestThePagesSayThatTheDatabaseCannotBeReached(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 0)
	v := s.as(t, access.RoleAdmin)
	v.get(t, "/console")
	database := s.db.Pool().Config().ConnConfig.Database
	server := s.db.Pool().Config().Copy().ConnConfig
	server.Database = "postgres"
	outside, err := pgx.ConnectConfig(t.Context(), server)
	require.NoError(t, err)
	defer outside.Close(t.Context())
	for _, statement := range []string{
		`alter database "` + database + `" allow_connections false`,
		`select pg_terminate_backend(pid) from pg_stat_activity where datname = '` + database + `'`,
	} {
		_, err := outside.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	for name, answer := range map[string]reply{
		"a page":    v.get(t, "/console/runs"),
		"an action": v.send(t, "/console/actions", url.Values{"act": {"sync"}, "clinic": {uuid.NewString()}}),
		"a sign-in": s.visitor(t).send(t, "/console/sign-in", url.Values{"email": {"ada@example.com"}, "password": {"correct-horse-battery"}}),
	} {
		t.Log(name, answer.status)
		require.Contains(t, answer.body, "The database cannot be reached", name)
		require.Equal(t, 503, answer.status, name)
	}
	practice := s.visitor(t).get(t, "/status/"+strings.Repeat("A", 26))
	require.Equal(t, 503, practice.status)
	require.Contains(t, practice.body, "tell those who gave you the link")
	require.NotContains(t, practice.body, "pims-sync doctor", "a practice operates nothing")
	require.NotContains(t, practice.body, "sign-in page")
}

package walls_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/walls"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func column(t *testing.T, db *postgres.DB, sql string, args ...any) []string {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql, args...)
	require.NoError(t, err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return list
}

func exec(t *testing.T, db *postgres.DB, sql string) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

func roles(t *testing.T) walls.Roles {
	t.Helper()
	r, err := walls.RolesOf("")
	require.NoError(t, err)
	return r
}

// as opens a connection that works as a role; it has no way back to the superuser but
// `reset role`, which no statement of these tests uses.
func as(t *testing.T, db *postgres.DB, role string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), db.Pool().Config().ConnConfig.Copy())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), "set role "+role)
	require.NoError(t, err)
	return conn
}

func denied(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		var server *pgconn.PgError
		require.ErrorAs(t, err, &server, "%s: allowed", statement)
		require.Equal(t, "42501", server.Code, "%s: %v", statement, err)
	}
}

func TestEachTableHasRightsAndARowPolicyPerClinic(t *testing.T) { // R45
	t.Parallel()
	db := pgtest.New(t)
	require.Equal(t, slices.Sorted(slices.Values(walls.Names())), column(t, db, `
		select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') order by relname collate "C"`),
		"a new table, view or materialized view needs a line in rights.go")
	require.Empty(t, column(t, db, `
		select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity`), "row-level security is off")
	require.Empty(t, column(t, db, `
		select c.table_name::text from information_schema.columns c
		where c.table_schema = 'public' and c.column_name = 'clinic_id' and not exists (
			select from pg_policies p where p.schemaname = 'public' and p.tablename = c.table_name
				and p.roles = array['pims_sync_tenant']::name[] and p.qual like '((clinic_id)::text = %app.clinic_id%' and p.qual = p.with_check)
		and exists (select from information_schema.role_table_grants g where g.table_name = c.table_name and g.grantee = 'pims_sync_tenant')`),
		"a table with a clinic and no policy of the tenant")
	for _, table := range walls.Tables {
		hasClinic := len(column(t, db, "select column_name::text from information_schema.columns where table_name = $1 and column_name = 'clinic_id'", table.Name)) > 0
		require.Equal(t, hasClinic || table.Name == "clinics", table.Clinic != "", table.Name)
	}
}

func TestNobodyHasMoreThanIsDeclared(t *testing.T) { // R45
	t.Parallel()
	db, r := pgtest.New(t), roles(t)
	var want []string
	words := map[rune]string{'r': "SELECT", 'a': "INSERT", 'w': "UPDATE", 'd': "DELETE"}
	for _, table := range walls.Tables {
		for role, rights := range map[string]string{r.Tenant: table.Tenant, r.System: table.System, r.Service: table.Service} {
			for _, letter := range rights {
				want = append(want, role+" "+words[letter]+" "+table.Name)
			}
		}
	}
	require.ElementsMatch(t, want, column(t, db, `
		select concat_ws(' ', pg_get_userbyid(x.grantee), x.privilege_type, c.relname)
		from pg_class c, aclexplode(c.relacl) x
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
			and x.grantee <> c.relowner and x.grantee <> 'pims_sync_operator'::regrole`))
	for _, kept := range []string{"cases", "case_events", "case_sync_audits", "operator_events"} {
		require.Empty(t, column(t, db, `
			select pg_get_userbyid(x.grantee)::text from pg_class c, aclexplode(c.relacl) x
			where c.relname = $1 and x.privilege_type in ('DELETE', 'TRUNCATE') and x.grantee <> c.relowner`, kept), kept)
	}
	require.Empty(t, column(t, db, `
		select oid::regprocedure::text from pg_proc
		where pronamespace = 'public'::regnamespace and (pg_get_userbyid(proowner) <> $1 or coalesce(proacl, acldefault('f', proowner))::text ~ '[{,]=X')`,
		r.Migrator), "a function of another owner, or one that everybody may call")
	require.Empty(t, column(t, db, `
		select oid::regprocedure::text from pg_proc p
		where pronamespace = 'public'::regnamespace and prorettype = 'trigger'::regtype and proname not like 'river%'
			and (not prosecdef or not coalesce(proconfig::text like '%search_path%', false))`), "a trigger that works with its caller's rights")
	require.Empty(t, column(t, db, `
		select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S') and pg_get_userbyid(relowner) <> $1`, r.Migrator))
	found, err := db.Exposures(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	require.Empty(t, column(t, db, "select rolname::text from pg_roles where rolname like 'pims_sync%' and (rolsuper or rolbypassrls)"))
}

// history is a database with one clinic, one case with its events, and one operator event.
func history(t *testing.T) (*postgres.DB, uuid.UUID) {
	t.Helper()
	db := pgtest.New(t)
	added, err := clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC", Active: true})
	require.NoError(t, err)
	exec(t, db, `insert into cases (clinic_id, pims_id) values ('`+added.ID.String()+`', 'a-1');
		insert into operator_events (who_kind, who_name, origin, action, outcome) values ('os_user', 'ada', 'test', 'clinic.add', 'done')`)
	return db, added.ID
}

func TestTheServiceCannotRewriteHistory(t *testing.T) { // R14, R44, R45
	t.Parallel()
	db, _ := history(t)
	r := roles(t)
	for _, role := range []string{r.Service, r.Tenant, r.System, r.Operator} {
		conn := as(t, db, role)
		_, err := conn.Exec(t.Context(), "set app.maintenance = 'on'")
		require.NoError(t, err)
		for _, table := range []string{"case_events", "operator_events"} {
			denied(t, conn, "update "+table+" set at = at", "delete from "+table, "truncate "+table,
				"alter table "+table+" disable trigger all", "alter table "+table+" disable row level security", "drop table "+table)
		}
		denied(t, conn, "delete from cases", "delete from case_sync_audits", "set session_replication_role = 'replica'",
			"create or replace function case_events_append_only() returns trigger language plpgsql as 'begin return null; end'",
			"create table pims_sync_mine (id int)", "update pims_sync_installation set event_retention = '0 days'",
			"insert into case_events (clinic_id, case_id, actor, action) values (gen_random_uuid(), gen_random_uuid(), 'person', 'created')",
			"select case_events_on_insert()")
	}
	_, err := db.Pool().Exec(t.Context(), "update pims_sync_installation set event_retention = '29 days'")
	require.ErrorContains(t, err, "event_retention", "nor may the owner set less than 30 days")
}

func TestATenantSeesAndWritesItsOwnClinicOnly(t *testing.T) { // R41, R45
	t.Parallel()
	db, own := history(t)
	other, err := clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: "Tierpraxis", Timezone: "UTC", Active: true})
	require.NoError(t, err)
	exec(t, db, `insert into cases (clinic_id, pims_id) values ('`+other.ID.String()+`', 'b-1')`)
	conn := as(t, db, roles(t).Tenant)
	count := func() (n int) {
		require.NoError(t, conn.QueryRow(t.Context(), "select (select count(*) from cases) + (select count(*) from clinics) * 100").Scan(&n))
		return n
	}
	require.Zero(t, count(), "without a clinic, nothing")
	_, err = conn.Exec(t.Context(), "select set_config('app.clinic_id', $1, false)", own.String())
	require.NoError(t, err)
	require.Equal(t, 101, count())
	tag, err := conn.Exec(t.Context(), "update cases set patient_name = 'Rex'")
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
	denied(t, conn, `insert into cases (clinic_id, pims_id) values ('`+other.ID.String()+`', 'c-1')`,
		`update cases set clinic_id = '`+other.ID.String()+`'`)
	require.Len(t, column(t, db, "select pims_id from cases where patient_name = 'Rex'"), 1)
}

// supabase makes a database whose schema public is open to others, as Supabase's is.
func supabase(t *testing.T) *postgres.DB {
	t.Helper()
	db := pgtest.Open(t, pgtest.Empty(t))
	openToAll(t, db, "postgres")
	return db
}

// openToAll opens the schema public, and what a login will make there, as Supabase does.
func openToAll(t *testing.T, db *postgres.DB, login string) {
	t.Helper()
	for _, role := range []string{"anon", "authenticated", "service_role"} {
		_, err := db.Pool().Exec(t.Context(), "create role "+role)
		var server *pgconn.PgError
		require.True(t, err == nil || errors.As(err, &server) && server.Code == "42710", err)
	}
	defaults := "alter default privileges for role " + login + " in schema public grant all on "
	exec(t, db, `
		grant usage, create on schema public to anon, authenticated, service_role;
		grant all on all tables in schema public to anon, authenticated, service_role;
		`+defaults+`tables to anon, authenticated, service_role;
		`+defaults+`functions to anon, authenticated, service_role;
		`+defaults+`sequences to anon, authenticated, service_role`)
}

// shut asserts that strangers reach no table, sequence or function of ours.
func shut(t *testing.T, db *postgres.DB) {
	t.Helper()
	for _, role := range []string{"anon", "authenticated", "service_role"} {
		conn := as(t, db, role)
		for _, table := range walls.Names() {
			denied(t, conn, "select from "+table, "insert into "+table+" default values", "delete from "+table, "truncate "+table,
				"alter table "+table+" disable row level security")
		}
		for _, function := range column(t, db, "select proname::text || '(' || array_to_string(array_fill('null'::text, array[pronargs::int]), ',') || ')' from pg_proc where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype") {
			denied(t, conn, "select "+function)
		}
		for _, sequence := range column(t, db, "select relname::text from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace") {
			denied(t, conn, "select nextval('"+sequence+"')")
		}
	}
}

func TestOnASharedSchemaStrangersReachNothingOfOurs(t *testing.T) { // R45
	t.Parallel()
	db := supabase(t)
	require.NoError(t, db.Migrate(t.Context()))
	shut(t, db)

	// The next migration makes a table, and the defaults open it.
	exec(t, db, `drop table operator_events; drop function operator_events_append_only(); delete from pims_sync_migrations where version_id = 20`)
	require.NoError(t, db.Migrate(t.Context()))
	shut(t, db)

	// Somebody opens everything again by hand.
	exec(t, db, `grant all on all tables in schema public to anon, public; grant execute on all functions in schema public to anon`)
	found, err := db.Exposures(t.Context())
	require.NoError(t, err)
	require.Contains(t, found, walls.Exposure{Role: "anon", Object: "table cases"})
	require.Contains(t, found, walls.Exposure{Role: "PUBLIC", Object: "table cases"})
	pending, err := db.Pending(t.Context())
	require.NoError(t, err)
	require.True(t, pending)
	require.NoError(t, db.Migrate(t.Context()))
	shut(t, db)
	found, err = db.Exposures(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)
	pending, err = db.Pending(t.Context())
	require.NoError(t, err)
	require.False(t, pending)
}

// login makes a login and returns the URL with which it opens the database.
func login(t *testing.T, databaseURL, attributes string) (name, as string) {
	t.Helper()
	name = "login_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	u.User = url.User("postgres")
	conn, err := pgx.Connect(t.Context(), u.String())
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "create role "+name+" login "+attributes)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	u.User = url.User(name)
	return name, u.String()
}

func open(t *testing.T, databaseURL string, w postgres.WallOptions) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: databaseURL, MaxConns: 4, Walls: w})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// owned makes an empty database that belongs to a login.
func owned(t *testing.T, attributes string) (name, databaseURL string) {
	t.Helper()
	super := pgtest.Empty(t)
	name, databaseURL = login(t, super, attributes)
	give(t, super, name)
	return name, databaseURL
}

// give makes a login the owner of a database.
func give(t *testing.T, databaseURL, login string) {
	t.Helper()
	db := pgtest.Open(t, databaseURL)
	exec(t, db, "alter database "+column(t, db, "select current_database()::text")[0]+" owner to "+login)
}

func TestALoginThatMayNotMakeRolesIsToldWhatIsLost(t *testing.T) { // R45
	t.Parallel()
	name, databaseURL := owned(t, "")
	options := postgres.WallOptions{Prefix: name} // no role has these names
	db := open(t, databaseURL, options)
	err := db.Migrate(t.Context())
	var refused *walls.NoRolesError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "would read and write other clinics")
	require.ErrorContains(t, err, "pims-sync migrate --single-role")
	require.ErrorContains(t, err, "alter role \""+name+"\" createrole")

	options.Single = true
	require.NoError(t, open(t, databaseURL, options).Migrate(t.Context()))
	options.Single = false
	db = open(t, databaseURL, options)
	require.NoError(t, db.Migrate(t.Context()), "it was accepted once")
	require.False(t, db.Walled())
	_, err = clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC"})
	require.NoError(t, err)
	pending, err := db.Pending(t.Context())
	require.NoError(t, err)
	require.False(t, pending)
}

func TestALoginThatMayMakeRolesRaisesTheWalls(t *testing.T) { // R45
	t.Parallel()
	name, databaseURL := owned(t, "createrole")
	prefix := postgres.WallOptions{Prefix: name}
	db := open(t, databaseURL, prefix)
	require.NoError(t, db.Migrate(t.Context()))
	require.True(t, db.Walled())
	added, err := clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC"})
	require.NoError(t, err)
	exec(t, db, "insert into cases (clinic_id, pims_id) values ('"+added.ID.String()+"', 'a-1')")
	require.NoError(t, db.Migrate(t.Context()), "again")

	// Another login of the service, which may make nothing.
	service, serviceURL := login(t, databaseURL, "")
	_, err = postgres.Open(t.Context(), postgres.Options{URL: serviceURL, Walls: prefix})
	require.ErrorContains(t, err, "is no member of the role "+name+"_service")
	exec(t, db, "grant "+name+"_service to "+service)
	as := open(t, serviceURL, prefix)
	require.NoError(t, as.Migrate(t.Context()), "nothing is left to do")
	all, err := clinicstore.NewClinics(as).Clinics(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	_, err = as.Pool().Exec(t.Context(), "select from cases")
	require.ErrorContains(t, err, "permission denied")
}

func TestAnInstallationFromBeforeTheRolesGoesOn(t *testing.T) { // R45
	t.Parallel()
	name, databaseURL := owned(t, "")
	options := postgres.WallOptions{Prefix: name, Single: true}
	require.NoError(t, open(t, databaseURL, options).Migrate(t.Context()))
	db := open(t, databaseURL, options)
	exec(t, db, "drop table pims_sync_installation; drop function pims_sync_forget_events(timestamptz); delete from pims_sync_migrations where version_id = 21")
	old := open(t, databaseURL, options)
	db = open(t, databaseURL, postgres.WallOptions{Prefix: name})
	require.NoError(t, db.Migrate(t.Context()), "an upgrade stops nobody")
	require.False(t, db.Walled())

	// An administrator lets it make roles; the next start raises the walls, and whoever
	// connected before works on.
	exec(t, open(t, strings.Replace(databaseURL, name+"@", "postgres@", 1), postgres.WallOptions{Prefix: name}), "alter role "+name+" createrole")
	require.NoError(t, db.Migrate(t.Context()))
	require.True(t, db.Walled())
	added, err := clinicstore.NewClinics(old).Add(t.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC"})
	require.NoError(t, err)
	read, err := clinicstore.NewClinics(db).Clinic(t.Context(), added.ID)
	require.NoError(t, err)
	require.Equal(t, added, read)
}

func TestRolesAreNamedByAPrefix(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"Pims", "a-b", "1a", strings.Repeat("a", 41), `x"; drop table cases; --`} {
		_, err := walls.RolesOf(bad)
		require.Error(t, err, bad)
	}
}

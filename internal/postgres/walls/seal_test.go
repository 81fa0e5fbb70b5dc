package walls_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// sealable is a database as Supabase has it, whose owner is no superuser, with the login of
// a service and one that could act as the owner before.
type sealable struct {
	super, owner          *postgres.DB
	name, service, former string
	ownerURL              string
	walls                 postgres.WallOptions
}

func newSealable(t *testing.T) sealable {
	t.Helper()
	s := sealable{}
	s.name, s.ownerURL = owned(t, "createrole")
	s.walls = postgres.WallOptions{Prefix: s.name}
	s.super = open(t, s.as("postgres"), s.walls)
	openToAll(t, s.super, s.name)
	s.owner = open(t, s.ownerURL, s.walls)
	require.NoError(t, s.owner.Migrate(t.Context()))
	s.service, _ = login(t, s.ownerURL, "")
	s.former, _ = login(t, s.ownerURL, "")
	exec(t, s.super, "grant "+s.name+"_service to "+s.service+", "+s.former+"; grant "+s.name+"_migrator to "+s.former)
	return s
}

// as returns the address of the database with another login.
func (s *sealable) as(login string) string {
	return strings.Replace(s.ownerURL, s.name+"@", login+"@", 1)
}

// leave closes what a login has opened, and waits until the server knows it.
func (s *sealable) leave(t *testing.T, db *postgres.DB, login string) {
	t.Helper()
	db.Close()
	for len(column(t, s.super, "select usename::text from pg_stat_activity where usename = $1", login)) > 0 {
	}
}

func TestInASealedDatabaseOnlyTheOwnersLoginIsTheOwner(t *testing.T) { // R45
	t.Parallel()
	ctx := t.Context()
	s := newSealable(t)
	former := open(t, s.as(s.former), s.walls)
	exec(t, former, "alter table case_events disable trigger all; alter table case_events enable trigger all")

	_, err := s.owner.Seal(ctx, s.former)
	require.ErrorContains(t, err, `the login "`+s.former+`" is connected`)
	s.leave(t, former, s.former)
	revoked, err := s.owner.Seal(ctx, s.service)
	require.NoError(t, err)
	require.Equal(t, []string{s.former}, revoked)

	for _, login := range []string{s.service, s.former} {
		db := open(t, s.as(login), s.walls)
		for _, statement := range []string{
			"alter table case_events disable trigger all", "drop table case_events", "create table mine ()", "set role " + s.name + "_migrator",
			"set role " + s.name + "_service; delete from cases", "grant " + s.name + "_migrator to " + login,
		} {
			_, err := db.Pool().Exec(ctx, statement)
			require.Error(t, err, "%s: %s", login, statement)
		}
		require.NoError(t, db.Migrate(ctx), "nothing is left to do")
	}
	shut(t, s.super)
	require.NoError(t, s.owner.Migrate(ctx), "the owner is the owner still")
	revoked, err = s.owner.Seal(ctx, s.service)
	require.NoError(t, err, "again")
	require.Empty(t, revoked)
}

func TestADatabaseIsNotSealedWhereAnotherCouldActAsItsOwner(t *testing.T) { // R45
	t.Parallel()
	ctx := t.Context()
	s := newSealable(t)
	database := column(t, s.super, "select current_database()::text")[0]
	seal := func(db *postgres.DB, service, want string) {
		t.Helper()
		_, err := db.Seal(ctx, service)
		require.ErrorContains(t, err, want)
		require.Len(t, column(t, s.super, "select 'x' where pg_has_role($1, $2, 'member')", s.former, s.name+"_migrator"), 1, "nothing changes")
	}
	seal(s.owner, s.name, "which owns the tables")
	seal(s.owner, "", "create role NAME login")
	for attributes, want := range map[string]string{
		"superuser": "is a superuser", "bypassrls": "bypasses row-level security", "createrole": "may make roles",
	} {
		service, _ := login(t, s.ownerURL, attributes)
		seal(s.owner, service, want)
	}
	other, otherURL := login(t, s.ownerURL, "") // an owner who may give nothing away
	exec(t, s.super, "grant "+s.name+"_migrator, "+s.name+"_service to "+other)
	s.leave(t, s.owner, s.name)
	second := open(t, otherURL, s.walls)
	seal(second, s.service, "let an administrator run `revoke")
	s.leave(t, second, other)
	s.owner = open(t, s.ownerURL, s.walls)
	seal(open(t, s.as(s.service), s.walls), s.service, "does not own the tables")
	exec(t, s.super, "alter database "+database+" owner to "+s.service)
	seal(s.owner, s.service, "owns the database, and it owns the schema public")

	another := pgtest.Empty(t)
	give(t, another, s.name)
	require.NoError(t, open(t, strings.Replace(another, "postgres@", s.name+"@", 1), s.walls).Migrate(ctx))
	exec(t, s.super, "alter database "+database+" owner to "+s.name)
	seal(s.owner, s.service, "the roles are also those of the database")
}

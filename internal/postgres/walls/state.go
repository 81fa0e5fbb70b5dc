package walls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A State is what a database says of its walls.
type State struct {
	Mode  Mode // what Apply reached last
	Stale bool // something was declared or changed since: Apply has to run
	Owner bool // the present login may run Apply
}

// Read reads the state of the walls, with the rights of any role.
func Read(ctx context.Context, q querier, r Roles) (s State, err error) {
	var exists bool
	err = q.QueryRow(ctx, `
		select to_regclass('public.pims_sync_installation') is not null, coalesce((
			select bool_or(u.rolsuper) or bool_and(pg_has_role(session_user, c.relowner, 'usage'))
			from pg_class c, pg_roles u
			where c.relnamespace = 'public'::regnamespace and c.relname = 'clinics' and u.rolname = session_user
		), false)`).Scan(&exists, &s.Owner)
	if err != nil || !exists {
		s.Stale = true
		return s, err
	}
	var rights, state string
	err = q.QueryRow(ctx, "select mode, rights, state from pims_sync_installation").Scan(&s.Mode, &rights, &state)
	if isState(err, "42501") {
		err = notMember(r)
	}
	if err != nil {
		return s, err
	}
	if s.Mode == ModeSingle { // until the roles are to be had
		may, err := mayHaveRoles(ctx, q, r)
		if err != nil || may {
			s.Stale = true
			return s, err
		}
		r = Roles{}
	}
	found, err := fingerprint(ctx, q, r)
	s.Stale = rights != declared(r) || state != found
	return s, err
}

// ModeOf returns which mode Apply has reached in a database, and an error where the login
// may not work in it.
func ModeOf(ctx context.Context, q querier, r Roles) (mode Mode, err error) {
	var exists bool
	if err := q.QueryRow(ctx, "select to_regclass('public.pims_sync_installation') is not null").Scan(&exists); err != nil || !exists {
		return ModeNone, err
	}
	var may bool
	err = q.QueryRow(ctx, `
		select mode, coalesce((select pg_has_role(session_user, oid, 'member') from pg_roles where rolname = $1), false)
		from pims_sync_installation`, r.Tenant).Scan(&mode, &may)
	if isState(err, "42501") || err == nil && mode == ModeRoles && !may {
		return mode, notMember(r)
	}
	return mode, err
}

func notMember(r Roles) error {
	return fmt.Errorf("the database login is no member of the role %s; let the owner run `grant %s to` this login, or name another in DATABASE_URL; "+
		"after a restore on another server, docs/deployment.md has all that is to be granted",
		r.Service, name(r.Service))
}

// mayHaveRoles reports whether the login may make the roles, or is a member of them.
func mayHaveRoles(ctx context.Context, q querier, r Roles) (may bool, err error) {
	err = q.QueryRow(ctx, `
		select rolcreaterole or rolsuper or coalesce((select bool_and(pg_has_role(session_user, oid, 'member')) and count(*) = $2
			from pg_roles where rolname = any($1)), false)
		from pg_roles where rolname = session_user`, []string{r.Service, r.Migrator}, 2).Scan(&may)
	return may, err
}

// remember stores what was declared and what was found after it was applied.
func remember(ctx context.Context, q querier, r Roles, mode Mode) error {
	if mode == ModeSingle {
		r = Roles{}
	}
	found, err := fingerprint(ctx, q, r)
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, "update pims_sync_installation set mode = $1, rights = $2, state = $3", mode, declared(r), found)
	return err
}

// declared is a digest of everything that Apply would do to an empty schema.
func declared(r Roles) string {
	var b strings.Builder
	for i := range Tables {
		o := object{kind: "table", name: Tables[i].Name, of: Tables[i].Name, table: &Tables[i]}
		fmt.Fprintln(&b, o.statements(r, ModeRoles, "public"), o.sequenceStatements(r, ModeRoles, "public"))
	}
	fmt.Fprintln(&b, functions, outsiders) // fmt sorts a map
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}

// fingerprint is a digest of owners, grants and policies as they are. It changes when
// somebody grants something, and when a dump is restored without its policies or roles.
func fingerprint(ctx context.Context, q querier, r Roles) (sum string, err error) {
	objects, err := readObjects(ctx, q)
	if err != nil {
		return "", err
	}
	tables, functions := plainNames(objects)
	err = q.QueryRow(ctx, `
		select md5(coalesce(string_agg(line, e'\n' order by line), '')) from (
			select concat_ws(' ', relname, relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner), relacl::text) as line
			from pg_class where relnamespace = 'public'::regnamespace and relname = any($1)
			union all
			select concat_ws(' ', tablename, policyname, permissive, roles::text, cmd, qual, with_check)
			from pg_policies where schemaname = 'public' and tablename = any($1)
			union all
			select concat_ws(' ', oid::regprocedure::text, prosecdef, proconfig::text, pg_get_userbyid(proowner), proacl::text)
			from pg_proc where pronamespace = 'public'::regnamespace and proname = any($2)
			union all
			select concat_ws(' ', rolname, rolsuper, rolbypassrls, rolinherit) from pg_roles where rolname = any($3)
		) lines`, tables, functions, append(r.all(), outsiders...)).Scan(&sum)
	return sum, err
}

// plainNames returns the names of tables and sequences, and those of functions without their
// arguments.
func plainNames(objects []object) (tables, functions []string) {
	for _, o := range objects {
		switch o.kind {
		case "function":
			functions = append(functions, o.of)
		case "table", "sequence":
			tables = append(tables, o.name)
		}
	}
	return tables, functions
}

// An Exposure is a right of somebody who is none of ours on a table, view or function of
// ours.
type Exposure struct{ Role, Object string }

// Exposures lists who else may reach what is ours: PUBLIC, and every role that is neither
// one of ours nor a superuser, nor the login that asks.
func Exposures(ctx context.Context, q querier, r Roles) ([]Exposure, error) {
	objects, err := readObjects(ctx, q)
	if err != nil {
		return nil, err
	}
	tables, functions := plainNames(objects)
	rows, err := q.Query(ctx, `
		with acl as (
			select 'table ' || relname as object, coalesce(relacl, acldefault('r', relowner)) as acl, relowner as owner
			from pg_class where relnamespace = 'public'::regnamespace and relname = any($1)
			union all
			select 'function ' || proname, coalesce(proacl, acldefault('f', proowner)), proowner
			from pg_proc where pronamespace = 'public'::regnamespace and proname = any($2)
		)
		select distinct case when x.grantee = 0 then 'PUBLIC' else pg_get_userbyid(x.grantee) end, acl.object
		from acl, aclexplode(acl.acl) x left join pg_roles u on u.oid = x.grantee
		where x.grantee <> acl.owner and not coalesce(u.rolname = any($3) or u.rolsuper or u.rolname = session_user, false)
		order by 1, 2`, tables, functions, r.all())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Exposure])
}

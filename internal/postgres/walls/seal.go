package walls

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Seal takes the role of the owner from every login but the present one, and returns those
// that had it (R45). Then the service's login can neither change the schema nor rewrite the
// history, and a login from before the roles cannot either. It needs a transaction of the
// owner's login. The error says what an administrator has to do; then nothing is changed.
func Seal(ctx context.Context, tx querier, r Roles, service string) (revoked []string, err error) {
	var owner string
	if err := tx.QueryRow(ctx, "select session_user::text").Scan(&owner); err != nil {
		return nil, err
	}
	if service == "" || service == owner {
		return nil, fmt.Errorf("the service signs in with %q, which owns the tables: let an administrator make it a login of its own (`create role NAME login password '…'; grant %s to NAME`), "+
			"name that in DATABASE_URL and the owner in MIGRATE_DATABASE_URL, and seal again", owner, name(r.Service))
	}
	revoked, err = column(ctx, tx, `
		select distinct u.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles u on u.oid = m.member
		where r.rolname = $1 and u.rolname <> $2 and not u.rolsuper order by 1`, r.Migrator, owner)
	if err != nil {
		return nil, err
	}
	if err := mayLose(ctx, tx, r, revoked, service); err != nil {
		return nil, err
	}
	for _, login := range revoked {
		_, err := tx.Exec(ctx, "revoke "+name(r.Migrator)+" from "+name(login))
		if isState(err, "42501") {
			return nil, askAdministrator(r, owner, revoked)
		}
		if err != nil {
			return nil, err
		}
	}
	return revoked, mightOwn(ctx, tx, r, owner, service)
}

func askAdministrator(r Roles, owner string, logins []string) error {
	return fmt.Errorf("the login %s may act as the owner of the tables, and %q may not take that from it: let an administrator run `revoke %s from %s`, and seal again",
		names(logins...), owner, name(r.Migrator), names(logins...))
}

// mayLose returns an error where logins cannot lose the owner's role yet: they are at work, or
// are perhaps owners of another database with the same roles.
func mayLose(ctx context.Context, tx querier, r Roles, logins []string, service string) error {
	if len(logins) == 0 {
		return nil
	}
	working, err := column(ctx, tx, "select distinct usename::text from pg_stat_activity where usename = any($1) order by 1", logins)
	if err != nil {
		return err
	}
	if len(working) > 0 {
		return fmt.Errorf("the login %s is connected, and would lose what it may do: restart its replicas with %q in DATABASE_URL, and seal again", names(working...), service)
	}
	others, err := column(ctx, tx, `
		select distinct d.datname::text from pg_shdepend o join pg_database d on d.oid = o.dbid
		where o.refclassid = 'pg_authid'::regclass and o.refobjid = (select oid from pg_roles where rolname = $1) and o.deptype = 'o'
			and d.datname <> current_database() order by 1`, r.Migrator)
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("the roles are also those of the database %s, which %s may own: give each database roles of its own with DATABASE_ROLES, or run `revoke %s from …` for each login that owns none",
			names(others...), names(logins...), name(r.Migrator))
	}
	return err
}

// mightOwn returns an error where a login other than the owner's may act as the owner.
func mightOwn(ctx context.Context, tx querier, r Roles, owner, service string) error {
	left, err := column(ctx, tx, `
		select rolname::text from pg_roles
		where pg_has_role(oid, (select oid from pg_roles where rolname = $1), 'member') and rolcanlogin and not rolsuper and rolname <> $2 order by 1`,
		r.Migrator, owner)
	if err != nil {
		return err
	}
	if len(left) > 0 { // before PostgreSQL 16 a refusal is an error, since then a warning
		return askAdministrator(r, owner, left)
	}
	wrong, err := column(ctx, tx, `
		select cause from pg_roles u, pg_database d, pg_namespace n, lateral (values
			(u.rolsuper, 'is a superuser'),
			(u.rolbypassrls, 'bypasses row-level security'),
			(u.rolcreaterole, 'may make roles, and with them itself an owner'),
			(not u.rolsuper and pg_has_role(u.oid, d.datdba, 'member'), 'owns the database'),
			(not u.rolsuper and pg_has_role(u.oid, n.nspowner, 'member'), 'owns the schema public')
		) causes (holds, cause)
		where u.rolname = $1 and d.datname = current_database() and n.nspname = 'public' and holds`, service)
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("the service's login %q is no safe one: it %s; let an administrator take that from it, or name another in DATABASE_URL", service, strings.Join(slices.Compact(wrong), ", and it "))
	}
	return err
}

func column(ctx context.Context, q querier, sql string, args ...any) ([]string, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

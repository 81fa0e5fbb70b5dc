package walls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// lockWait bounds how long a table's change waits for the table. Statements that come
	// later wait behind it, so it is short and tried again.
	lockWait  = "2s"
	lockTries = 30
)

// clinicNow is the clinic of the present transaction, as text; no clinic's where none is set.
// Policies compare texts, so that no index serves them: statements choose their own index,
// whatever the statistics say of a clinic's rows.
const clinicNow = "current_setting('app.clinic_id', true)"

// Apply brings the roles, owners, policies and grants of a migrated database to what is
// declared, and returns the mode that it reached. Each table changes in a short transaction
// of its own, so that syncs go on meanwhile. Apply must run under the migrations' lock, by
// the owner of the tables. The error is a *NoRolesError where the roles are not to be had
// and one role is not accepted.
func Apply(ctx context.Context, pool *pgxpool.Pool, o Options) (Mode, error) {
	mode := ModeRoles
	if err := makeRoles(ctx, pool, o); err != nil {
		refused := (*NoRolesError)(nil)
		if !errors.As(err, &refused) || !o.Single && !o.Running {
			return ModeNone, err
		}
		mode = ModeSingle
	}
	strangers, err := present(ctx, pool, outsiders)
	if err != nil {
		return mode, err
	}
	steps, err := plan(ctx, pool, o.Roles, mode, strangers)
	if err != nil {
		return mode, err
	}
	for _, statements := range steps {
		if err := step(ctx, pool, statements); err != nil {
			return mode, err
		}
	}
	return mode, remember(ctx, pool, o.Roles, mode)
}

// present returns which of the roles exist.
func present(ctx context.Context, q querier, roles []string) ([]string, error) {
	return column(ctx, q, "select rolname::text from pg_roles where rolname = any($1) order by 1", roles)
}

// makeRoles makes the roles that do not exist, and the login a member of those that it
// needs. Roles belong to the whole cluster, so another database may make them at the same
// time.
func makeRoles(ctx context.Context, pool *pgxpool.Pool, o Options) error {
	s, err := readSession(ctx, pool)
	if err != nil {
		return err
	}
	there, err := present(ctx, pool, o.Roles.all())
	if err != nil {
		return err
	}
	refused := func(cause string) error { return &NoRolesError{Login: s.login, Cause: cause, Roles: o.Roles} }
	if missing := len(o.Roles.all()) - len(there); missing > 0 && !s.creator {
		return refused("it may not make roles")
	}
	for _, role := range o.Roles.all() {
		if slices.Contains(there, role) {
			continue
		}
		_, err := pool.Exec(ctx, "create role "+name(role)+" nologin noinherit nosuperuser nobypassrls nocreatedb nocreaterole noreplication")
		if err != nil && !isState(err, "42710", "23505") { // another database was quicker
			return err
		}
	}
	if err := refuseMighty(ctx, pool, o.Roles); err != nil {
		return err
	}
	r := o.Roles
	members := [][2]string{{r.Tenant, r.Service}, {r.System, r.Service}}
	if !s.superuser {
		members = append(members, [2]string{r.Migrator, s.login}, [2]string{r.Service, s.login})
	}
	logins, err := present(ctx, pool, o.Logins)
	if err != nil {
		return err
	}
	for _, login := range logins {
		if login != r.Service {
			members = append(members, [2]string{r.Service, login})
		}
	}
	for _, m := range members {
		if err := grantRole(ctx, pool, m[0], m[1]); err != nil {
			return refused("it may not grant " + m[0] + " to " + m[1])
		}
	}
	if o.Login {
		return again(ctx, func() error {
			_, err := pool.Exec(ctx, "alter role "+name(r.Service)+" login")
			return err
		})
	}
	return nil
}

// grantRole makes a role a member of another, unless it is one.
func grantRole(ctx context.Context, pool *pgxpool.Pool, role, member string) error {
	return again(ctx, func() error {
		var is bool
		err := pool.QueryRow(ctx, `
			select exists (
				select from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles u on u.oid = m.member
				where r.rolname = $1 and u.rolname = $2 and coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
			)`, role, member).Scan(&is)
		if err != nil || is {
			return err
		}
		_, err = pool.Exec(ctx, "grant "+name(role)+" to "+name(member))
		return err
	})
}

// refuseMighty refuses roles of our names that are above the walls.
func refuseMighty(ctx context.Context, q querier, r Roles) error {
	mighty, err := column(ctx, q, "select rolname::text from pg_roles where rolname = any($1) and (rolsuper or rolbypassrls) order by 1", r.all())
	if err == nil && len(mighty) > 0 {
		err = fmt.Errorf("the database role %s is a superuser or bypasses row-level security, so it separates nothing; "+
			"take that from it (`alter role … nosuperuser nobypassrls`), or choose other names with DATABASE_ROLES", strings.Join(mighty, ", "))
	}
	return err
}

// plan returns the statements that bring each object to what is declared, one transaction
// after the other.
func plan(ctx context.Context, q querier, r Roles, mode Mode, strangers []string) ([][]string, error) {
	objects, err := readObjects(ctx, q)
	if err != nil {
		return nil, err
	}
	from := "public"
	if len(strangers) > 0 {
		from += ", " + names(strangers...)
	}
	var steps [][]string
	if mode == ModeRoles {
		from += ", " + names(r.Service, r.Tenant, r.System, r.Operator)
		steps = append(steps, []string{
			"grant usage on schema public to " + names(r.Service, r.Tenant, r.System, r.Operator),
			"grant usage, create on schema public to " + name(r.Migrator),
		})
	}
	for _, o := range objects {
		steps = append(steps, o.statements(r, mode, from))
	}
	return steps, nil
}

// step runs statements in one transaction that waits for no lock for long.
func step(ctx context.Context, pool *pgxpool.Pool, statements []string) error {
	return again(ctx, func() error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "set local lock_timeout = '"+lockWait+"'; "+strings.Join(statements, "; "))
			return err
		})
	})
}

// again tries what may fail because of another transaction.
func again(ctx context.Context, try func() error) error {
	err := try()
	for n := 1; n < lockTries && isState(err, "55P03", "40P01", "XX000", "23505"); n++ {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(n) * 20 * time.Millisecond):
		}
		err = try()
	}
	return err
}

func isState(err error, states ...string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && slices.Contains(states, server.Code)
}

// Package walls gives each database role what it needs and nothing else (R41, R45): it makes
// the roles, hands our tables to their owner, switches row-level security on, and takes from
// others what their defaults gave them.
//
// What each role may do with each table is declared in rights.go. Apply brings a database
// there, however often it runs, and Stale tells whether it has to. So a migration contains
// no grants: a new table needs a line in rights.go.
package walls

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DefaultPrefix begins the names of the roles (docs/interface.md §Tables).
const DefaultPrefix = "pims_sync"

// Roles are the names of the database roles.
type Roles struct {
	Service  string // connects; owns nothing, and may become tenant or system
	Tenant   string // works for one clinic
	System   string // runs the statements that cross clinics
	Operator string // for people with psql; may do what the two may
	Migrator string // owns
}

var prefixForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)

// RolesOf returns the roles whose names begin with a prefix; an empty one is DefaultPrefix.
// A database cluster has one set of roles for each prefix.
func RolesOf(prefix string) (Roles, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if !prefixForm.MatchString(prefix) {
		return Roles{}, fmt.Errorf("the prefix %q of the database roles must have at most 40 lower-case letters, digits and underscores", prefix)
	}
	return Roles{
		Service: prefix + "_service", Tenant: prefix + "_tenant", System: prefix + "_system",
		Operator: prefix + "_operator", Migrator: prefix + "_migrator",
	}, nil
}

func (r Roles) all() []string { return []string{r.Service, r.Tenant, r.System, r.Operator, r.Migrator} }

// A Mode says what separates the clinics in a database.
type Mode string

// The modes.
const (
	ModeNone   Mode = ""       // Apply has never run
	ModeRoles  Mode = "roles"  // the roles and row-level security
	ModeSingle Mode = "single" // one role: only the statements themselves
)

// Options say how Apply works.
type Options struct {
	Roles Roles

	// Single means that the operator accepts one role for everything where the roles cannot
	// be made (docs/interface.md §Commands, migrate).
	Single bool

	// Running means that the database was in use before there were roles. Then one role is
	// accepted, so that an upgrade stops nobody, and Lost says what is missing.
	Running bool

	// Logins are made members of the service role, if they exist. The login that runs Apply
	// is one anyhow.
	Logins []string

	// Login means that the service role itself may connect: in the embedded database.
	Login bool
}

// A NoRolesError says that the login can neither make nor use the roles, and what is lost
// without them.
type NoRolesError struct {
	Login string
	Cause string
	Roles Roles
}

func (e *NoRolesError) Error() string {
	return fmt.Sprintf("the database login %q cannot use the roles that separate the clinics (%s); without them %s; "+
		"let an administrator run `alter role %s createrole`, or make the roles, or go on with `pims-sync migrate --single-role`",
		e.Login, e.Cause, Lost, pgx.Identifier{e.Login}.Sanitize())
}

// Lost is what is missing where there is one role only.
const Lost = "a statement that forgot its clinic would read and write other clinics, and whoever gets the service's password " +
	"may delete cases, rewrite the history and the operator log, and change the schema"

// session is what is known of the login that Apply works with.
type session struct {
	login     string
	superuser bool
	creator   bool // may make roles
}

func readSession(ctx context.Context, tx querier) (s session, err error) {
	err = tx.QueryRow(ctx, "select rolname, rolsuper, rolcreaterole or rolsuper from pg_roles where rolname = session_user").
		Scan(&s.login, &s.superuser, &s.creator)
	return s, err
}

// querier is what a pool, a connection and a transaction have in common.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// name quotes the name of a role or a table.
func name(s string) string { return pgx.Identifier{s}.Sanitize() }

// names quotes a list of names.
func names(of ...string) string {
	quoted := make([]string, len(of))
	for i, n := range of {
		quoted[i] = name(n)
	}
	return strings.Join(quoted, ", ")
}

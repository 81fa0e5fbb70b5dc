package postgres

import (
	"context"
	"errors"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pims-sync/pims-sync/internal/postgres/walls"
)

// ServiceURL returns the connection string of the role that owns nothing, for a database
// that trusts its callers: the embedded one.
func ServiceURL(owner, prefix string) (string, error) {
	roles, err := walls.RolesOf(prefix)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(owner)
	if err != nil {
		return "", errURL
	}
	u.User = url.User(roles.Service)
	return u.String(), nil
}

// LoginsOf returns the login that a connection string names, for WallOptions.
func LoginsOf(raw string) []string {
	rest, _ := cutPoolerParam(raw)
	config, err := pgxpool.ParseConfig(rest)
	if err != nil {
		return nil // Open says it
	}
	return []string{config.ConnConfig.User}
}

// learnWalls reads whether the database has the roles that separate the clinics. From then
// on each transaction takes one (R41). The error says where the login may not.
func (db *DB) learnWalls(ctx context.Context) error {
	mode, err := walls.ModeOf(ctx, db.pool, db.roles)
	if err != nil {
		return db.Translate(ctx, "look at the database roles", err)
	}
	db.walled.Store(mode == walls.ModeRoles)
	return nil
}

// Walled reports whether database roles and row-level security separate the clinics (R45).
func (db *DB) Walled() bool { return db.walled.Load() }

// Exposures lists which other database roles may reach our tables and functions.
func (db *DB) Exposures(ctx context.Context) ([]walls.Exposure, error) {
	found, err := walls.Exposures(ctx, db.pool, db.roles)
	return found, db.Translate(ctx, "look who may reach the tables", err)
}

// mustOwn returns an error where the login may not change the schema.
func (db *DB) mustOwn(ctx context.Context) error {
	state, err := walls.Read(ctx, db.pool, db.roles)
	if err == nil && !state.Owner {
		err = errNotOwner
	}
	return err
}

var errNotOwner = errors.New("the database login does not own the tables; run `pims-sync migrate` with the owner's login in MIGRATE_DATABASE_URL")

// AsOwner runs fn in a transaction of the owner of the tables, for what no role of the
// service may do (R45). The login must be the owner, or a member of it. As with InClinic, fn
// may be called again.
func (db *DB) AsOwner(ctx context.Context, operation string, fn func(pgx.Tx) error) error {
	return db.System(ctx, operation, func(tx pgx.Tx) error {
		if db.Walled() {
			_, err := tx.Exec(ctx, "set local role "+pgx.Identifier{db.roles.Migrator}.Sanitize())
			if server := (*pgconn.PgError)(nil); errors.As(err, &server) && server.Code == notPermitted {
				return errors.New("the database login is not the owner of the tables; name the owner's login in MIGRATE_DATABASE_URL")
			}
			if err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

// Seal lets nobody but the present login act as the owner of the tables (R45), and returns
// the logins that could before. service is the login of the service. The error says what is
// missing; then nothing is changed.
func (db *DB) Seal(ctx context.Context, service string) (revoked []string, err error) {
	if err := db.mustOwn(ctx); err != nil {
		return nil, err
	}
	if !db.Walled() {
		return nil, errors.New("one database role does everything here, so there is nothing to seal; " +
			"let MIGRATE_DATABASE_URL be a login that may create roles, and run `pims-sync migrate`")
	}
	err = db.System(ctx, "seal the database", func(tx pgx.Tx) (err error) {
		if _, err = tx.Exec(ctx, "set local role none"); err == nil {
			revoked, err = walls.Seal(ctx, tx, db.roles, service)
		}
		return err
	})
	return revoked, err
}

// notPermitted is the SQLSTATE insufficient_privilege.
const notPermitted = "42501"

// raiseWalls brings the roles, owners, policies and grants to what is declared, where that
// is not so and the login may do it. running means that the database was in use before.
func (db *DB) raiseWalls(ctx context.Context, running bool) error {
	state, err := walls.Read(ctx, db.pool, db.roles)
	if err != nil {
		return err
	}
	if state.Stale && state.Owner {
		o := db.wallOptions
		if state.Mode, err = walls.Apply(ctx, db.pool, walls.Options{
			Roles: db.roles, Single: o.Single || state.Mode == walls.ModeSingle, Running: running, Logins: o.Logins, Login: o.Login,
		}); err != nil {
			return err
		}
	}
	if state.Mode != walls.ModeRoles {
		db.logger.WarnContext(ctx, "One database role does everything", "missing", walls.Lost)
	}
	return nil
}

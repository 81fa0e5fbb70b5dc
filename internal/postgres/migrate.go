package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/pims-sync/pims-sync/internal/postgres/walls"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	// versionTable is goose's table, under a name that no other program uses.
	versionTable = "pims_sync_migrations"

	// migrationLock is held while the schema is checked and changed.
	migrationLock = 0x70696d73 // "pims"
	lockPoll      = 50 * time.Millisecond
)

// Why a database cannot be migrated. It is not changed.
var (
	// ErrForeignTables: the database has tables with our names that another program made.
	ErrForeignTables = errors.New("the database has tables that pims-sync did not make; name an empty database, or move them away")

	// ErrNewerSchema: a newer program has migrated the database.
	ErrNewerSchema = errors.New("the database was migrated by a newer pims-sync; run that version or a newer one")
)

// Migrate brings the schema up to date: our tables, then River's, then the roles and their
// rights (R45). Any number of processes
// may call it at once; one works, and the others wait. It returns ErrForeignTables or
// ErrNewerSchema before any change.
func (db *DB) Migrate(ctx context.Context) error {
	if err := db.locked(ctx, db.migrate); err != nil {
		return db.Translate(ctx, "migrate the database", err)
	}
	return db.learnWalls(ctx)
}

// Pending reports whether Migrate has anything to do. It changes nothing, and returns the
// same errors as Migrate.
func (db *DB) Pending(ctx context.Context) (bool, error) {
	pending, err := db.pending(ctx)
	if err == nil && !pending {
		var state walls.State
		state, err = walls.Read(ctx, db.pool, db.roles)
		pending = state.Stale && state.Owner
	}
	return pending, db.Translate(ctx, "look at the schema", err)
}

// Migrated reports whether every migration of this program was applied. It says nothing of
// roles and rights.
func (db *DB) Migrated(ctx context.Context) (bool, error) {
	pending, err := db.pending(ctx)
	return err == nil && !pending, db.Translate(ctx, "look at the schema", err)
}

// locked runs fn while this process alone holds the migration lock. The lock belongs to a
// transaction on its own connection, so that it works with a transaction pooler and ends
// with the process. Waiters poll for it, so that no waiter holds a snapshot that the build
// of an index would wait for.
func (db *DB) locked(ctx context.Context, fn func(context.Context) error) error {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // releases the lock
	for {
		locked, err := tryLock(ctx, conn)
		if err != nil {
			return err
		}
		if locked {
			return fn(ctx)
		}
		if err := Pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

// tryLock begins the transaction that holds the lock. It ends the transaction where another
// process has the lock.
func tryLock(ctx context.Context, conn *pgx.Conn) (bool, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: "begin; set local idle_in_transaction_session_timeout = 0"})
	if err != nil {
		return false, err
	}
	var locked bool
	// The simple protocol leaves no portal behind, whose snapshot would make the build of an
	// index wait for this transaction.
	if err := tx.QueryRow(ctx, "select pg_try_advisory_xact_lock($1)", pgx.QueryExecModeSimpleProtocol, int64(migrationLock)).Scan(&locked); err != nil {
		return false, err
	}
	if locked {
		return true, nil
	}
	return false, tx.Rollback(ctx)
}

// migrate does the work of Migrate under the lock.
func (db *DB) migrate(ctx context.Context) error {
	before, err := db.appliedMigrations(ctx)
	if err != nil {
		return err
	}
	pending, err := db.pending(ctx)
	if err != nil {
		return err
	}
	if pending {
		if len(before) > 0 {
			if err := db.mustOwn(ctx); err != nil {
				return fmt.Errorf("the schema is older than this program: %w", err)
			}
		}
		if err := db.migrateSchema(ctx); err != nil {
			return err
		}
	}
	return db.raiseWalls(ctx, len(before) > 0)
}

// migrateSchema applies the migrations that are missing.
func (db *DB) migrateSchema(ctx context.Context) error {
	sources, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	sqlDB := stdlib.OpenDBFromPool(db.pool)
	defer sqlDB.Close() //nolint:errcheck // the pool stays
	provider, err := goose.NewProvider(goose.DialectPostgres, sqlDB, sources,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(db.logger),
		goose.WithAllowOutofOrder(true)) // an unreleased program may have applied a later one first
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	river, err := db.riverMigrator()
	if err != nil {
		return err
	}
	_, err = river.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func (db *DB) riverMigrator() (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(db.pool), &rivermigrate.Config{Logger: db.logger})
}

// pending reads the schema, reports whether there is anything to migrate, and returns an
// error for a schema that is not ours.
func (db *DB) pending(ctx context.Context) (bool, error) {
	known, err := knownMigrations()
	if err != nil {
		return false, err
	}
	applied, err := db.appliedMigrations(ctx)
	if err != nil {
		return false, err
	}
	if len(applied) == 0 {
		return true, db.refuseForeign(ctx)
	}
	if newest, current := known[len(known)-1], slices.Max(applied); current > newest {
		return false, fmt.Errorf("its schema has version %d, this program knows %d: %w", current, newest, ErrNewerSchema)
	}
	missing := slices.ContainsFunc(known, func(version int64) bool { return !slices.Contains(applied, version) })
	riverPending, err := db.riverPending(ctx)
	return missing || riverPending, err
}

// knownMigrations returns the versions of our migrations, sorted.
func knownMigrations() ([]int64, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("the program holds no migrations: %w", err)
	}
	versions := make([]int64, len(names))
	for i, name := range names {
		if versions[i], err = goose.NumericComponent(name); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

// appliedMigrations returns the versions of the applied migrations.
func (db *DB) appliedMigrations(ctx context.Context) ([]int64, error) {
	if exists, err := db.hasTable(ctx, versionTable); err != nil || !exists {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, "select version_id from "+versionTable+" where version_id > 0")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// Migration returns the version of the newest of our migrations that was applied.
func (db *DB) Migration(ctx context.Context) (int64, error) {
	applied, err := db.appliedMigrations(ctx)
	if err != nil || len(applied) == 0 {
		return 0, db.Translate(ctx, "look at the schema", err)
	}
	return slices.Max(applied), nil
}

// riverPending reports whether some of River's migrations are missing.
func (db *DB) riverPending(ctx context.Context) (bool, error) {
	river, err := db.riverMigrator()
	if err != nil {
		return false, err
	}
	if exists, err := db.hasTable(ctx, "river_migration"); err != nil || !exists {
		return true, err
	}
	var applied int
	err = db.pool.QueryRow(ctx, "select count(*) from river_migration where line = 'main'").Scan(&applied)
	if err != nil {
		return false, err
	}
	known := len(river.AllVersions())
	if applied > known {
		return false, fmt.Errorf("its queue has %d migrations, this program knows %d: %w", applied, known, ErrNewerSchema)
	}
	return applied < known, nil
}

// refuseForeign returns an error where the database has a table of ours, or a River,
// although none of our migrations was applied.
func (db *DB) refuseForeign(ctx context.Context) error {
	rows, err := db.pool.Query(ctx,
		`select table_name from information_schema.tables where table_schema = 'public' and table_name = any($1) order by 1`, tables())
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%s: %w", strings.Join(names, ", "), ErrForeignTables)
	}
	var schema string
	if err := db.pool.QueryRow(ctx, "select coalesce(current_schema(), '')").Scan(&schema); err != nil {
		return err
	}
	if schema != "public" {
		return fmt.Errorf("new tables would be made in schema %q, and pims-sync uses public: set search_path to public", schema)
	}
	return nil
}

// tables returns the names that a database must not have before our first migration.
func tables() []string {
	return []string{
		"case_enrichments", "case_events", "case_restores", "case_sync_audits", "cases", "clinic_api_keys", "clinic_schedule_configs",
		"clinics", "daily_totals", "deletion_plans", "encryption_keys", "fleet_keys", "idempotency_keys", "operator_events", "people", "people_sessions", "pims_credentials", "pims_fields", "pims_rate_limits",
		"pims_sessions", "pims_sync_consultation_cases", "pims_sync_installation", "pims_sync_looks", "pims_sync_notes_shown", "pims_sync_people_links", "pims_sync_people_tries", "pims_sync_status_links", "pims_words", "recordings", "replicas", "schedule_entries", "schedule_ticks", "sync_leases", "river_job",
		"pims_sync_feed", "pims_sync_feed_pending", "pims_sync_feed_state", "webhook_deliveries", "webhook_endpoints", "webhook_secrets",
		"notification_channels", "pims_sync_clinic_states", "pims_sync_told", "pims_sync_unusual", "pims_sync_volume_state",
	}
}

func (db *DB) hasTable(ctx context.Context, name string) (exists bool, err error) {
	err = db.pool.QueryRow(ctx, "select to_regclass($1) is not null", "public."+name).Scan(&exists)
	return exists, err
}

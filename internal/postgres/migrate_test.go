package postgres_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestFourStartersMigrateAnEmptyDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	var starters errgroup.Group
	for range 4 {
		db := pgtest.Open(t, url)
		starters.Go(func() error { return db.Migrate(t.Context()) })
	}
	require.NoError(t, starters.Wait())

	db := pgtest.Open(t, url)
	pending, err := db.Pending(t.Context())
	require.NoError(t, err)
	require.False(t, pending)
	require.Equal(t, 1, scan[int](t, db, "select count(*) from pims_sync_migrations where version_id = 1"))
	require.True(t, scan[bool](t, db, "select to_regclass('public.river_job') is not null"))
}

func TestADatabaseWithATableOfOurNameIsRefusedAndLeftAsItIs(t *testing.T) { // docs/interface.md §Tables
	t.Parallel()
	db := pgtest.Open(t, pgtest.Empty(t))
	exec(t, db, "create table cases (note text)")
	exec(t, db, "create table clinics (note text)")
	exec(t, db, "create table pets (name text)")
	before := schemaOf(t, db)

	_, err := db.Pending(t.Context())
	require.ErrorIs(t, err, postgres.ErrForeignTables)
	err = db.Migrate(t.Context())
	require.ErrorIs(t, err, postgres.ErrForeignTables)
	require.ErrorContains(t, err, "cases, clinics:")
	require.Equal(t, before, schemaOf(t, db))
}

func TestASchemaThatIsNewerThanTheProgramIsRefused(t *testing.T) {
	t.Parallel()
	for _, newer := range []string{
		"insert into pims_sync_migrations (version_id, is_applied) values (9999, true)",
		"insert into river_migration (line, version) values ('main', 9999)",
	} {
		db := pgtest.New(t)
		exec(t, db, newer)
		require.ErrorIs(t, db.Migrate(t.Context()), postgres.ErrNewerSchema)
		_, err := db.Pending(t.Context())
		require.ErrorIs(t, err, postgres.ErrNewerSchema)
	}
}

func TestAMigrationThatWasInterruptedBetweenOursAndRiversIsFinished(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	river, err := rivermigrate.New(riverpgxv5.New(db.Pool()), nil)
	require.NoError(t, err)
	_, err = river.Migrate(t.Context(), rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1})
	require.NoError(t, err)

	pending, err := db.Pending(t.Context())
	require.NoError(t, err)
	require.True(t, pending)
	require.NoError(t, db.Migrate(t.Context()))
	require.True(t, scan[bool](t, db, "select to_regclass('public.river_job') is not null"))
}

func TestMigratingWaitsForWhoeverMigratesAndHonoursItsContext(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	tx, err := db.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(t.Context()) //nolint:errcheck // the test is over
	_, err = tx.Exec(t.Context(), "select pg_advisory_xact_lock($1)", int64(0x70696d73))
	require.NoError(t, err)

	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- db.Migrate(ctx) }()
	cancel(stop)
	require.ErrorIs(t, <-done, stop)
}

func TestEveryTableOfTheSchemaIsLookedForBeforeTheFirstMigration(t *testing.T) {
	t.Parallel()
	migrated := pgtest.New(t)
	names := column[string](t, migrated, `select table_name::text from information_schema.tables
		where table_schema = 'public' and table_name not like 'river%' and table_name <> 'pims_sync_migrations'`)
	require.NotEmpty(t, names)
	db := pgtest.Open(t, pgtest.Empty(t))
	for _, name := range names {
		exec(t, db, "create table "+name+" ()")
		require.ErrorIs(t, db.Migrate(t.Context()), postgres.ErrForeignTables, name)
		exec(t, db, "drop table "+name)
	}
}

// schemaOf lists every relation of the public schema.
func schemaOf(t *testing.T, db *postgres.DB) []string {
	t.Helper()
	return column[string](t, db, `select table_name || '.' || column_name || ' ' || data_type
		from information_schema.columns where table_schema = 'public' order by 1`)
}

func TestAMigrationThatWasLeftOutIsMadeUpFor(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := db.Pool().Exec(t.Context(), `
		drop table operator_events; drop function operator_events_append_only();
		delete from pims_sync_migrations where version_id = 20`)
	require.NoError(t, err)
	pending, err := db.Pending(t.Context())
	require.NoError(t, err)
	require.True(t, pending, "a later one was applied before it")
	require.NoError(t, db.Migrate(t.Context()))
	_, err = db.Pool().Exec(t.Context(), "select from operator_events")
	require.NoError(t, err)
}

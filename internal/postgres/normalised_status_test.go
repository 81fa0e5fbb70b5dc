package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestAMigrationTellsTheMeaningOfStoredStatusWords(t *testing.T) { // R54, R14
	t.Parallel()
	db := pgtest.Open(t, pgtest.Empty(t))
	sqlDB := stdlib.OpenDBFromPool(db.Pool())
	t.Cleanup(func() { _ = sqlDB.Close() })
	files, err := postgres.Migrations()
	require.NoError(t, err)
	migrations, err := goose.NewProvider(goose.DialectPostgres, sqlDB, files,
		goose.WithTableName("pims_sync_migrations"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = migrations.UpTo(t.Context(), 43)
	require.NoError(t, err)

	exec(t, db, "insert into clinics (name, timezone) values ('Harbor Lights', 'America/New_York')")
	exec(t, db, `insert into cases (clinic_id, pims_id, provider, status, updated_at, metadata)
		select id, word, 'idexx_neo', 'draft', '2026-01-01T00:00:00Z',
			jsonb_build_object('note', 'kept', 'appointment', jsonb_build_object('status', word, 'room', 'R2'))
		from clinics, unnest(array['Checked-In', ' CANCELED', 'no_show', 'Teleported', '']) as word`)
	exec(t, db, `insert into cases (clinic_id, pims_id, provider, metadata)
		select id, id_there, provider, metadata::jsonb from clinics, (values
			('no appointment', 'idexx_neo', '{}'), ('a text', 'idexx_neo', '{"appointment": "Cancelled"}'),
			('elsewhere', 'mulberry', '{"appointment": {"status": "Cancelled"}}'),
			(null, 'idexx_neo', '{"appointment": {"status": "Cancelled"}}')
		) as c (id_there, provider, metadata)`)
	events := scan[int](t, db, "select count(*) from case_events")
	untouched := "select string_agg(md5(c::text), ',' order by c.id) from cases c where pims_id is null or pims_id in ('Teleported', '', 'no appointment', 'a text', 'elsewhere')"
	before := scan[string](t, db, untouched)

	require.NoError(t, db.Migrate(t.Context()))
	require.Equal(t, []string{
		` CANCELED {"note": "kept", "appointment": {"room": "R2", "status": " CANCELED", "normalisedStatus": "cancelled"}}`,
		`Checked-In {"note": "kept", "appointment": {"room": "R2", "status": "Checked-In", "normalisedStatus": "checked_in"}}`,
		`no_show {"note": "kept", "appointment": {"room": "R2", "status": "no_show", "normalisedStatus": "no_show"}}`,
	}, column[string](t, db, `select pims_id || ' ' || metadata from cases
		where metadata #> '{appointment,normalisedStatus}' is not null and updated_at = '2026-01-01T00:00:00Z' order by pims_id collate "C"`))
	require.Equal(t, before, scan[string](t, db, untouched))
	require.Equal(t, events, scan[int](t, db, "select count(*) from case_events"), "no case has changed")

	exec(t, db, `update cases set metadata = jsonb_set(metadata, '{appointment,room}', '"R3"') where pims_id = 'no_show'`)
	require.Equal(t, events+1, scan[int](t, db, "select count(*) from case_events"), "the history goes on")
}

package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestAMigrationTellsForWhomCasesShowedTheirConsultations(t *testing.T) { // R7
	t.Parallel()
	db := pgtest.Open(t, pgtest.Empty(t))
	sqlDB := stdlib.OpenDBFromPool(db.Pool())
	t.Cleanup(func() { _ = sqlDB.Close() })
	files, err := postgres.Migrations()
	require.NoError(t, err)
	migrations, err := goose.NewProvider(goose.DialectPostgres, sqlDB, files,
		goose.WithTableName("pims_sync_migrations"), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = migrations.UpTo(t.Context(), 79)
	require.NoError(t, err)
	clinic := newClinic(t, db)

	is := func(pimsID, key, value string) { // in a transaction of its own
		exec(t, db, "update cases set metadata = jsonb_set(metadata, array[$2::text], $3::jsonb) where pims_id = $1", pimsID, key, value)
	}
	appointment := func(pimsID, patient, client string) {
		is(pimsID, "appointment", `{"patientId": "`+patient+`", "clientId": "`+client+`"}`)
	}
	shows := func(pimsID, consultation string) { is(pimsID, "consultation", consultation) }
	gone := func(pimsID string) {
		exec(t, db, "update cases set metadata = metadata - 'consultation' where pims_id = $1", pimsID)
	}
	cleared := func(pimsID string) { // check-notes, and its undoing
		exec(t, db, `select set_config('app.actor', 'clearing:z', true); update cases set metadata = metadata - 'consultation' where pims_id = '`+pimsID+`'`)
		exec(t, db, `select set_config('app.actor', 'undo-clearing:z', true);
			update cases set metadata = metadata || '{"consultation": {"id": "51"}}' where pims_id = '`+pimsID+`'`)
	}
	for pimsID, happens := range map[string]func(id string){
		"kept through a change": func(id string) { appointment(id, "p2", "c2"); gone(id) },
		"of the same patient":   gone,
		"replaced":              func(id string) { shows(id, `{"id": "52"}`) },
		"read again":            func(id string) { shows(id, `{"id": "51", "notes": "rest"}`) },
		"named":                 func(id string) { shows(id, `{"id": "51", "patientId": "p9"}`); gone(id) },
		"an undone clearing":    func(id string) { appointment(id, "p2", "c2"); cleared(id) },
		"undone, and then gone": func(id string) { appointment(id, "p2", "c2"); cleared(id); appointment(id, "p3", "c3"); gone(id) },
		"disowned": func(id string) {
			exec(t, db, `insert into case_enrichments (case_id, clinic_id, outcome, disowned_consultation_id, disowned_patient_id)
				select id, clinic_id, 'changed', '50', 'p5' from cases where pims_id = $1`, id)
		},
	} {
		exec(t, db, "insert into cases (clinic_id, pims_id, provider) values ($1, $2, 'idexx_neo')", clinic, pimsID)
		appointment(pimsID, "p1", "c1")
		shows(pimsID, `{"id": "51"}`)
		happens(pimsID)
	}
	exec(t, db, "insert into cases (clinic_id, pims_id, provider) values ($1, 'known later', 'idexx_neo')", clinic)
	shows("known later", `{"id": "51"}`)
	appointment("known later", "p1", "c1")
	gone("known later")

	_, err = migrations.UpTo(t.Context(), 83)
	require.NoError(t, err)
	shown := func() []string {
		return column[string](t, db, `select concat(pims_id, ': ', consultation_id, ' ', patient_id, ' ', client_id)
			from pims_sync_notes_shown join cases c on c.id = case_id order by pims_id collate "C"`)
	}
	want := []string{
		"disowned: 50 p5 ",
		"kept through a change: 51 p1 c1",
		"known later: 51 p1 c1",
		"named: 51 p9 c1",
		"of the same patient: 51 p1 c1",
		"replaced: 51 p1 c1",
		"undone, and then gone: 51 p2 c2",
	}
	require.Equal(t, want, shown())
	exec(t, db, `alter function cases_notes_shown() security invoker;
		insert into pims_sync_notes_shown (clinic_id, case_id, consultation_id, patient_id) select clinic_id, id, '51', 'p1' from cases where pims_id = 'an undone clearing'`) // as 00080 was at first
	require.NoError(t, db.Migrate(t.Context()))
	require.True(t, scan[bool](t, db, "select prosecdef from pg_proc where proname = 'cases_notes_shown'"))
	require.Equal(t, want, shown())
}

package postgres_test

import (
	"strings"
	"testing"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// auditQueries are the specification's, as printed (W19); the reader puts a clinic's id in the place of 'uuid'.
const auditQueries = `
-- Recent syncs for a clinic
SELECT * FROM case_sync_audits
WHERE clinic_id = 'uuid'
ORDER BY created_at DESC
LIMIT 10;

-- Failed syncs in last 24 hours
SELECT * FROM case_sync_audits
WHERE status = 'failed'
  AND created_at > NOW() - INTERVAL '24 hours';

-- Sync statistics by type
SELECT
  sync_type,
  COUNT(*) as total,
  COUNT(*) FILTER (WHERE status = 'completed') as successful,
  AVG(EXTRACT(EPOCH FROM (completed_at - started_at))) as avg_duration_sec
FROM case_sync_audits
WHERE created_at > NOW() - INTERVAL '7 days'
GROUP BY sync_type;
`

func TestTheSpecificationsAuditQueriesRunAsPrinted(t *testing.T) { // W19
	t.Parallel()
	db := pgtest.New(t)
	clinicID := newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeInbound)
	result := syncs.Result{Code: syncs.CodeAuthRejected, Error: "PIMS authentication failed: Invalid credentials"}
	require.NoError(t, syncstore.NewAudits(db).Finish(t.Context(), lease, syncs.StatusFailed, result, monday))
	exec(t, db, "update case_sync_audits set created_at = now() - interval '1 hour'")

	queries := strings.Split(strings.TrimSpace(strings.ReplaceAll(auditQueries, "'uuid'", "'"+clinicID.String()+"'")), ";")
	for _, query := range queries[:3] {
		rows, err := db.Pool().Query(t.Context(), query)
		require.NoError(t, err)
		n := 0
		for rows.Next() {
			n++
		}
		require.NoError(t, rows.Err(), query)
		require.Equal(t, 1, n, query)
	}
}

func TestACaseAKeyAScheduleAndAnAuditCanBeInsertedWithPlainSQL(t *testing.T) { // docs/interface.md §Tables
	t.Parallel()
	db := pgtest.New(t)
	clinicID := scan[uuid.UUID](t, db, "insert into clinics default values returning id")
	exec(t, db, "insert into cases (clinic_id, pims_id) values ($1, '1')", clinicID)
	exec(t, db, "insert into cases (clinic_id) values ($1), ($1)", clinicID)
	exec(t, db, "insert into clinic_api_keys (clinic_id, key_prefix, key_hash) values ($1, 'abcdefgh', 'x')", clinicID)
	exec(t, db, "insert into clinic_schedule_configs (clinic_id) values ($1)", clinicID)
	exec(t, db, "insert into case_sync_audits (clinic_id, sync_type) values ($1, 'inbound')", clinicID)

	require.Equal(t, "idexx_neo draft other {}", scan[string](t, db, "select provider || ' ' || status || ' ' || case_type || ' ' || metadata from cases where pims_id = '1'"))
	require.Equal(t, "api queued", scan[string](t, db, "select trigger || ' ' || status from case_sync_audits"))
	for name, statement := range map[string]string{
		"one PIMS id twice (R13)":           "insert into cases (clinic_id, pims_id) values ($1, '1')",
		"metadata that is no object (R11)":  "insert into cases (clinic_id, metadata) values ($1, '[]')",
		"metadata that is null (R11)":       "insert into cases (clinic_id, metadata) values ($1, null)",
		"a second queued sync (R29)":        "insert into case_sync_audits (clinic_id, sync_type) values ($1, 'inbound')",
		"two schedules of a clinic":         "insert into clinic_schedule_configs (clinic_id) values ($1)",
		"a type of sync that there is none": "insert into case_sync_audits (clinic_id, sync_type) values ($1, 'reconcile')",
	} {
		_, err := db.Pool().Exec(t.Context(), statement, clinicID)
		require.Error(t, err, name)
	}
	exec(t, db, "insert into cases (clinic_id, provider, pims_id) values ($1, 'another', '1')", clinicID)
}

func TestACaseBelongsToAClinic(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	clinicID, stranger := newClinic(t, db), uuid.New()
	exec(t, db, "insert into cases (clinic_id) values ($1)", clinicID)
	exec(t, db, "delete from clinics where id = $1", newClinic(t, db))
	for statement, id := range map[string]uuid.UUID{
		"insert into cases (clinic_id) values ($1)":               stranger,
		"update cases set clinic_id = $1":                         stranger,
		"delete from clinics where id = $1":                       clinicID,
		"update clinics set id = gen_random_uuid() where id = $1": clinicID,
	} {
		_, err := db.Pool().Exec(t.Context(), statement, id)
		var violation *pgconn.PgError
		require.ErrorAs(t, err, &violation, statement)
		require.Equal(t, "cases_clinic", violation.ConstraintName, statement)
	}
	exec(t, db, "delete from cases")
	exec(t, db, "delete from clinics where id = $1", clinicID)
}

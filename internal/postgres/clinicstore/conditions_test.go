package clinicstore_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestTheConditionOfOneClinicReadsNoOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var id uuid.UUID
	require.NoError(t, db.Pool().QueryRow(t.Context(), "insert into clinics (name, timezone) values ('Harbour Vets', 'UTC') returning id").Scan(&id))
	_, err := db.Pool().Exec(t.Context(), `
		with fleet as (
			insert into clinics (name, timezone) select 'Clinic ' || n, 'UTC' from generate_series(1, 2000) n returning id
		), audits as (
			insert into case_sync_audits (clinic_id, sync_type, status, started_at, completed_at)
			select id, t, 'completed', now(), now() from fleet, unnest(array['inbound', 'cases', 'reconciliation']) t
		)
		insert into clinic_schedule_configs (clinic_id) select id from fleet`)
	require.NoError(t, err)
	_, err = db.Pool().Exec(t.Context(), `analyze`)
	require.NoError(t, err)
	for sql, more := range clinicstore.ConditionSQL(time.Now()) {
		rows, err := db.Pool().Query(t.Context(), "explain (costs off) "+sql, append([]any{[]uuid.UUID{id}}, more...)...)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		plan := strings.Join(lines, "\n")
		for _, table := range []string{"clinics", "case_sync_audits", "clinic_schedule_configs"} {
			require.NotContains(t, plan, "Seq Scan on "+table)
		}
	}
}

package postgres_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestTheConditionOfOneClinicReadsNoOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	id := newClinic(t, db)
	exec(t, db, `
		with fleet as (
			insert into clinics (name, timezone) select 'Clinic ' || n, 'UTC' from generate_series(1, 2000) n returning id
		), audits as (
			insert into case_sync_audits (clinic_id, sync_type, status, started_at, completed_at)
			select id, t, 'completed', now(), now() from fleet, unnest(array['inbound', 'cases', 'reconciliation']) t
		)
		insert into clinic_schedule_configs (clinic_id) select id from fleet`)
	exec(t, db, `analyze`)
	for sql, n := range postgres.ConditionSQL {
		plan := strings.Join(column[string](t, db, "explain (costs off) "+sql, []any{id, monday}[:n]...), "\n")
		for _, table := range []string{"clinics", "case_sync_audits", "clinic_schedule_configs"} {
			require.NotContains(t, plan, "Seq Scan on "+table)
		}
	}
}

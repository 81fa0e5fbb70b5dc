package retention_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/retention"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const day = 24 * time.Hour

func exec(t *testing.T, db *postgres.DB, sql string) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

func column(t *testing.T, db *postgres.DB, sql string) []string {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql)
	require.NoError(t, err, sql)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, sql)
	return list
}

func run(t *testing.T, db *postgres.DB, p retention.Periods, now time.Time) {
	t.Helper()
	r := retention.New(retention.Options{DB: db, Periods: p, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, r.Run(t.Context(), now))
}

// newClinic stores a clinic and helps to store its syncs.
const newClinic = `
	insert into clinics (id, name, timezone) values ('00000000-0000-0000-0000-00000000000c', 'Harbor Lights', 'UTC');
	create function audit(n int, age interval, kind text, options jsonb default '{}') returns uuid language sql as $$
		insert into case_sync_audits (id, clinic_id, sync_type, status, request, result, created_at, started_at, completed_at)
		values (('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-0000-0000-00000000000c', kind, 'completed', options,
			'{"deletedIds": [], "changes": [{"patientName": "Bella"}]}', now() - age, now() - age, now() - age)
		returning id
	$$;
	create function phase(n int, parent int) returns void language sql as $$
		insert into case_sync_audits (id, clinic_id, parent_id, sync_type, status, result, completed_at)
		select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, clinic_id, id, 'inbound', 'completed', result, completed_at
		from case_sync_audits where id = ('00000000-0000-0000-0000-' || lpad(parent::text, 12, '0'))::uuid
	$$;`

// syncs tells the last digits of the ids of the syncs, and which are short.
func syncs(t *testing.T, db *postgres.DB) []string {
	t.Helper()
	return column(t, db, `
		select concat_ws(' ', right(id::text, 2), case when shortened then 'short' end, case when result <> '{}' then 'long' end)
		from case_sync_audits order by id`)
}

func TestOldSyncsGoAndThoseThatAreNamedStayInShortForm(t *testing.T) { // R14, R23
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, newClinic)
	exec(t, db, `
		select audit(1, '800 days', 'inbound');                     -- nobody names it
		select audit(2, '799 days', 'full'), phase(3, 2);           -- nobody
		select audit(4, '798 days', 'full'), phase(5, 4);           -- the history names its phase
		select audit(6, '797 days', 'reconciliation');              -- a plan that is kept names it
		select audit(7, '796 days', 'cases');                       -- the latest of its kind
		select audit(8, '795 days', 'cases', '{"dryRun": true}');   -- a dry run
		select audit(9, '10 days', 'inbound'), audit(10, '10 days', 'full'), audit(11, '10 days', 'reconciliation'), phase(12, 10)`)
	exec(t, db, `insert into cases (clinic_id, pims_id) values ('00000000-0000-0000-0000-00000000000c', 'a-1')`)
	exec(t, db, `
		set session_replication_role = 'replica';
		update case_events set actor = 'sync:00000000-0000-0000-0000-000000000005', at = now() - interval '798 days';
		set session_replication_role = 'origin';
		insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, created_at, expires_at) values
			('00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-000000000006', 'reconciliation', 'a', 'kept', '2026-03-01', '2026-03-02', now(), now()),
			('00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-000000000001', 'reconciliation', 'b', 'old', '2026-03-01', '2026-03-02', now() - interval '800 days', now() - interval '799 days')`)

	now := time.Now()
	run(t, db, retention.Periods{}, now.Add(-900*day))
	require.Len(t, syncs(t, db), 12, "0 keeps everything")
	run(t, db, retention.Periods{Audits: 730 * day}, now)
	require.Equal(t, []string{"04 short", "05 short", "06 short", "07 short", "09 long", "10 long", "11 long", "12 long"}, syncs(t, db))
	require.Equal(t, []string{"kept"}, column(t, db, "select reason from deletion_plans"))
	require.Equal(t, []string{"{}"}, column(t, db, "select distinct result::text from case_sync_audits where shortened"))

	exec(t, db, "delete from deletion_plans; update pims_sync_installation set event_retention = '900 days'")
	run(t, db, retention.Periods{Audits: 730 * day, Events: 365 * day}, now)
	require.Equal(t, []string{"04 short", "05 short", "06 short", "07 short", "09 long", "10 long", "11 long", "12 long"}, syncs(t, db),
		"the owner keeps the history for longer, so it still names a phase")

	exec(t, db, "update pims_sync_installation set event_retention = default") // and the history is forgotten
	run(t, db, retention.Periods{Audits: 730 * day, Events: 365 * day}, now)
	require.Equal(t, []string{"07 short", "09 long", "10 long", "11 long", "12 long"}, syncs(t, db))
	require.Empty(t, column(t, db, "select actor from case_events"))

	run(t, db, retention.Periods{Audits: day}, now)
	require.Len(t, syncs(t, db), 5, "the owner keeps 30 days")
}

func TestAPlanOutlivesItsSync(t *testing.T) { // R23
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, newClinic)
	exec(t, db, `
		select audit(1, '1 day', 'reconciliation');
		insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, expires_at)
		values ('00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-000000000001', 'reconciliation', 'a', 'kept', '2026-03-01', '2026-03-02', now())`)
	exec(t, db, "delete from case_sync_audits")
	require.Equal(t, []string{"kept"}, column(t, db, "select reason from deletion_plans"))
}

func TestWhatADryRunWouldChangeIsForgottenAfterADay(t *testing.T) { // R26, R40
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, newClinic)
	exec(t, db, `
		select audit(1, '25 hours', 'full', '{"dryRun": true}'), phase(2, 1), audit(3, '23 hours', 'full', '{"dryRun": true}');
		insert into idempotency_keys (clinic_id, key, request_hash, sync_id, created_at)
			select clinic_id, id::text, 'x', id, completed_at from case_sync_audits;
		insert into schedule_ticks (clinic_id, entry_key, sync_type, due_at, outcome, recorded_at)
			select '00000000-0000-0000-0000-00000000000c', 'x', 'inbound', now() - n * interval '45 days', 'missed', now() from generate_series(1, 3) n`)
	run(t, db, retention.Periods{}, time.Now())
	require.Equal(t, []string{"00000000-0000-0000-0000-000000000003"}, column(t, db, "select id::text from case_sync_audits where result::text like '%Bella%'"))
	require.Equal(t, []string{`{"deletedIds": []}`}, column(t, db, "select distinct result::text from case_sync_audits where result::text not like '%Bella%'"))
	require.Equal(t, []string{"00000000-0000-0000-0000-000000000003"}, column(t, db, "select key from idempotency_keys"))
	require.Equal(t, []string{"1"}, column(t, db, "select count(*)::text from schedule_ticks"))
}

func TestOldHistoryGoesInSteps(t *testing.T) { // R14
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, newClinic)
	exec(t, db, `
		insert into cases (clinic_id, pims_id) select '00000000-0000-0000-0000-00000000000c', n::text from generate_series(1, 7000) n;
		set session_replication_role = 'replica';
		update case_events set at = now() - (7000 - id) * interval '1 day' / 100;
		set session_replication_role = 'origin'`)
	run(t, db, retention.Periods{Events: 35 * day}, time.Now())
	require.Equal(t, []string{"3500"}, column(t, db, "select count(*)::text from case_events"))
	require.Equal(t, []string{"0"}, column(t, db, "select count(*)::text from case_events where at < now() - interval '35 days'"))
}

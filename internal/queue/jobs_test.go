package queue_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// jobs.go has statements of our own on River's table. After an update of River, read what
// changed in river_job and its states, and then write the new version here.
func TestTheStatementsFitRiver(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	require.Contains(t, string(module), "github.com/riverqueue/river v0.51.1\n")
	require.Contains(t, string(module), "github.com/riverqueue/river/riverdriver/riverpgxv5 v0.51.1\n")

	pool := pgtest.New(t).Pool()
	var version int
	require.NoError(t, pool.QueryRow(t.Context(), "select max(version) from river_migration where line = 'main'").Scan(&version))
	require.Equal(t, 8, version)
	rows, err := pool.Query(t.Context(), "select enumlabel from pg_enum where enumtypid = 'river_job_state'::regtype order by enumsortorder")
	require.NoError(t, err)
	states, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, "available cancelled completed discarded pending retryable running scheduled", strings.Join(sorted(states), " "))
	rows, err = pool.Query(t.Context(), `select column_name || ' ' || data_type from information_schema.columns where table_name = 'river_job'
		and column_name in ('id', 'args', 'attempt', 'attempted_at', 'attempted_by', 'kind', 'queue', 'scheduled_at', 'state')`)
	require.NoError(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		"args jsonb", "attempt smallint", "attempted_at timestamp with time zone", "attempted_by ARRAY", "id bigint",
		"kind text", "queue text", "scheduled_at timestamp with time zone", "state USER-DEFINED",
	}, sorted(columns))
}

func TestAQueuedSyncThatNoJobCallsForIsFound(t *testing.T) { // R30
	t.Parallel()
	url := pgtest.URL(t)
	pool := pgtest.Open(t, url).Pool()
	r := newReplica(t, url, nil, func(o *queue.Options) { o.Lease = 30 * time.Second })
	want := map[uuid.UUID]bool{}
	for _, c := range []struct {
		state, attempted, queue, age string
		forgotten                    bool
	}{
		{"available", "1 hour", "default", "1 hour", false},
		{"scheduled", "1 hour", "default", "1 hour", false},
		{"running", "0 seconds", "default", "1 hour", false},
		{"running", "1 minute", "default", "1 hour", true},
		{"completed", "1 hour", "default", "1 hour", true},
		{"discarded", "1 hour", "default", "1 hour", true},
		{"available", "1 hour", "only-one", "1 second", false},
		{"available", "1 hour", "only-one", "2 minutes", true},
		{"removed", "1 hour", "default", "1 hour", true},
	} {
		audit := start(t, r, addClinic(t, url), syncs.TypeInbound, syncs.TriggerAPI)
		_, err := pool.Exec(t.Context(), "update case_sync_audits set created_at = statement_timestamp() - $2::interval where id = $1", audit.ID, c.age)
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), "delete from river_job where $2 = 'removed' and args ->> 'sync_id' = $1::text", audit.ID, c.state)
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `update river_job set queue = $4, attempted_at = statement_timestamp() - $3::interval,
				state = (case $2 when 'removed' then 'available' else $2 end)::river_job_state,
				finalized_at = case when $2 in ('completed', 'discarded') then now() end
			where args ->> 'sync_id' = $1::text`, audit.ID, c.state, c.attempted, c.queue)
		require.NoError(t, err)
		if c.forgotten {
			want[audit.ID] = true
		}
	}
	var before int64
	require.NoError(t, pool.QueryRow(t.Context(), "select max(id) from river_job").Scan(&before))
	require.NoError(t, r.Rescue(t.Context()))
	rows, err := pool.Query(t.Context(), "select (args ->> 'sync_id')::uuid from river_job where id > $1 and queue = 'default' and state = 'available'", before)
	require.NoError(t, err)
	called, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	require.NoError(t, err)
	got := map[uuid.UUID]bool{}
	for _, id := range called {
		got[id] = true
	}
	require.Equal(t, want, got)
	require.Len(t, called, len(want), "each once")

	require.NoError(t, r.Rescue(t.Context()))
	var after int
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from river_job where id > $1", before).Scan(&after))
	require.Equal(t, len(want), after, "the next sweep finds none")
}

// herd queues a sync of so many clinics, by statements, each with its job, behind the back
// of the planner: its statistics say that the tables are empty.
const herd = `
	with fleet as (
		insert into clinics (name, timezone) select 'Clinic ' || n, 'UTC' from generate_series(1, $1) n returning id
	), queued as (
		insert into case_sync_audits (clinic_id, sync_type, trigger, created_at)
		select id, kind, 'schedule', statement_timestamp() - interval '1 hour' from fleet, unnest(array['inbound', 'cases']) kind returning id
	)
	insert into river_job (kind, queue, max_attempts, state, args)
	select 'sync', 'default', 25, 'available', jsonb_build_object('sync_id', id) from queued`

// Ten thousand syncs that are due at once wait for their turn for an hour. Meanwhile, a
// forgotten one is found among them, and no statement reads one list for each row of
// another.
func TestAForgottenSyncIsFoundInAHerd(t *testing.T) { // R30
	t.Parallel()
	const clinics = 6000
	url := pgtest.URL(t)
	pgtest.Exec(t, url, "alter table case_sync_audits set (autovacuum_enabled = off)", "alter table river_job set (autovacuum_enabled = off)",
		"analyze case_sync_audits, river_job")
	pool := pgtest.Open(t, url).Pool()
	_, err := pool.Exec(t.Context(), herd, clinics)
	require.NoError(t, err)
	plans := pgtest.Explain(t, url)
	r := newReplica(t, url, nil, nil)
	var lost uuid.UUID
	require.NoError(t, pool.QueryRow(t.Context(), `delete from river_job where id = (select id from river_job order by id offset 4321 limit 1)
		returning (args ->> 'sync_id')::uuid`).Scan(&lost))
	require.NoError(t, r.Rescue(t.Context()))
	var called int
	require.NoError(t, pool.QueryRow(t.Context(), "select count(*) from river_job where args ->> 'sync_id' = $1::text", lost).Scan(&called))
	require.Equal(t, 1, called)
	for _, plan := range plans.Take(t) {
		require.LessOrEqual(t, plan.Read, 10*clinics, plan.JSON)
	}

	var newer uuid.UUID
	require.NoError(t, pool.QueryRow(t.Context(), `
		update case_sync_audits set created_at = statement_timestamp()
		where id = (select id from case_sync_audits where sync_type = 'cases' limit 1) returning id`).Scan(&newer))
	overtakes, err := r.Overtakes(t.Context(), newer)
	require.NoError(t, err)
	require.True(t, overtakes)
	for _, plan := range plans.Take(t) {
		require.LessOrEqual(t, plan.Read, 100, plan.JSON)
	}
}

package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestMaintenanceRebuildsTheIndexesOfTheQueue(t *testing.T) { // R45
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	exec(t, db, "insert into river_job (kind, args, max_attempts) select 'sync', '{}', 1 from generate_series(1, 5000)")
	exec(t, db, "delete from river_job")
	exec(t, db, "vacuum river_job")
	// A run that was killed leaves an index that is not whole.
	exec(t, db, "create index river_job_kind_ccnew on river_job (kind)")
	exec(t, db, "update pg_index set indisvalid = false where indexrelid = 'river_job_kind_ccnew'::regclass")

	rebuilt, err := db.Maintain(t.Context())

	require.NoError(t, err)
	sizes := map[string]postgres.Index{}
	for _, index := range rebuilt {
		sizes[index.Name] = index
	}
	require.NotContains(t, sizes, "river_job_kind_ccnew")
	require.Empty(t, column[string](t, db, `select relname::text from pg_class where relname ~ '_cc(new|old)\d*$'`))
	require.Less(t, sizes["river_job_pkey"].After, sizes["river_job_pkey"].Before)
	for _, name := range []string{"river_job_kind", "river_job_prioritized_fetching_index", "sync_leases_pkey", "pims_sync_feed_pending_pkey"} {
		require.Contains(t, sizes, name)
	}
	pending, err := db.Pending(t.Context())
	require.NoError(t, err)
	require.False(t, pending, "the rights are as they were")
}

func TestOnlyTheOwnerRebuildsIndexes(t *testing.T) { // R45
	t.Parallel()
	url := pgtest.URL(t)
	exec(t, pgtest.Open(t, url), "create role maintaining_service login in role pims_sync_service")
	_, err := pgtest.Open(t, url+"&user=maintaining_service").Maintain(t.Context())
	require.ErrorContains(t, err, "MIGRATE_DATABASE_URL")
}

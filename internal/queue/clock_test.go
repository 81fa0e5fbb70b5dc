package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// skewedURL is a database whose clock differs from ours.
func skewedURL(t *testing.T, by time.Duration) string {
	t.Helper()
	url := pgtest.URL(t)
	pool := pgtest.Open(t, url).Pool()
	_, err := pool.Exec(t.Context(), "create schema skewed")
	require.NoError(t, err)
	for _, clock := range []string{"now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"} {
		_, err := pool.Exec(t.Context(), fmt.Sprintf(`create function skewed.%[1]s() returns timestamptz language sql volatile
			as $$ select pg_catalog.%[1]s() + interval '%[2]d seconds' $$`, clock, int(by.Seconds())))
		require.NoError(t, err)
	}
	_, err = pool.Exec(t.Context(), "grant usage on schema skewed to public")
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "alter database "+pgx.Identifier{pool.Config().ConnConfig.Database}.Sanitize()+" set search_path = public, skewed, pg_catalog")
	require.NoError(t, err)
	var now time.Time
	require.NoError(t, pgtest.Open(t, url).Pool().QueryRow(t.Context(), "select now()").Scan(&now))
	require.InDelta(t, by.Seconds(), time.Until(now).Seconds(), 60)
	return url
}

// Leases, pauses and turns are by the database's clock, so that a replica whose own is
// wrong works as any other (R3).
func TestSyncsRunAtOnceWhereAReplicasClockIsWrong(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"the database is behind": -time.Hour, "the database is ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := skewedURL(t, by)
			clinicID := addClinic(t, url)
			began, release := make(chan syncs.Run), make(chan struct{})
			r := working(t, url, func(_ context.Context, run syncs.Run) (syncs.Result, error) {
				began <- run
				<-release
				return syncs.Result{}, nil
			}, func(o *queue.Options) { o.Lease = time.Minute })
			first := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerAPI)
			<-began
			second := start(t, r, clinicID, syncs.TypeCases, syncs.TriggerSchedule)
			pool := pgtest.Open(t, url).Pool()
			var snoozes int
			require.Eventually(t, func() bool { // it found the clinic busy, and waits its turn
				err := pool.QueryRow(t.Context(), `select coalesce((metadata ->> 'snoozes')::int, 0) from river_job where args ->> 'sync_id' = $1`,
					second.ID.String()).Scan(&snoozes)
				return err == nil && snoozes > 0
			}, 30*time.Second, 10*time.Millisecond)
			var pause time.Duration
			require.NoError(t, pool.QueryRow(t.Context(), `select scheduled_at - now() from river_job where args ->> 'sync_id' = $1`, second.ID.String()).Scan(&pause))
			require.InDelta(t, 0, pause.Seconds(), 60)
			close(release)
			require.Equal(t, syncs.StatusCompleted, wait(t, r, first).Status)
			<-began
			require.Equal(t, syncs.StatusCompleted, wait(t, r, second).Status)
		})
	}
}

func TestASyncThatIsTriedAgainWaitsByTheDatabasesClock(t *testing.T) { // R3, R32
	t.Parallel()
	url := skewedURL(t, -time.Hour)
	clinicID := addClinic(t, url)
	r := working(t, url, func(context.Context, syncs.Run) (syncs.Result, error) {
		return syncs.Result{}, pims.ErrUnreachable
	}, nil)
	audit := start(t, r, clinicID, syncs.TypeInbound, syncs.TriggerSchedule)
	pool := pgtest.Open(t, url).Pool()
	require.Eventually(t, func() bool {
		now, err := r.Audit(t.Context(), clinicID, audit.ID)
		return err == nil && now.Status == syncs.StatusQueued && now.Attempt == 1
	}, 30*time.Second, 10*time.Millisecond)
	var pause time.Duration
	require.NoError(t, pool.QueryRow(t.Context(), `select scheduled_at - now() from river_job where state in ('scheduled', 'available') and args ->> 'sync_id' = $1`,
		audit.ID.String()).Scan(&pause))
	require.InDelta(t, time.Minute.Seconds(), pause.Seconds(), 45)
}

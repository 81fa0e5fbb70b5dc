package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/retention"
)

// BenchmarkGrowth measures what must not become slower with the number of clinics and rows.
func BenchmarkGrowth(b *testing.B) {
	b.Run("10000 due clinics enqueued beside 20 s", benchmarkHerd)
	b.Run("1000 ids of a clinic without statistics beside the same with", benchmarkUnknown)
	b.Run("freshness of one among 10000 clinics beside one alone", benchmarkFreshness)
	b.Run("p99 of a write beside the retention of 200000 events, and alone", benchmarkRetention)
}

// benchmarkHerd is from the first to the last of the ticks that are due at one minute. The
// clinics have no credentials, so that their syncs end at once; no rescue may fail.
func benchmarkHerd(b *testing.B) {
	i := installWith(b, "SCHEDULE_JITTER=0")
	due := time.Now().UTC().Truncate(time.Minute).Add(2 * time.Minute)
	i.exec(b, fmt.Sprintf(`
		with added as (
			insert into clinics (name, timezone, created_at, updated_at)
			select 'Cedar Lane ' || n, 'Etc/UTC', now() - interval '40 days', now() - interval '40 days' from generate_series(1, %d) n returning id
		)
		insert into clinic_schedule_configs (updated_at, clinic_id, sync_schedules)
		select now() - interval '40 days', id, '[{"type":"inbound","cron":"%d %d * * *"}]' from added`, manyClinics, due.Minute(), due.Hour()))
	c := comparison{bound: 1}
	db := i.connect(b)
	var ended float64
	for b.Loop() {
		time.Sleep(time.Until(due))
		c.addTimes(took(func() {
			for ticks := 0; ticks < manyClinics; {
				time.Sleep(100 * time.Millisecond)
				require.NoError(b, db.QueryRow(b.Context(), "select count(*) from schedule_ticks where outcome = 'enqueued'").Scan(&ticks))
			}
		}), 20*time.Second)
		const watched = 20 * time.Second
		time.Sleep(watched) // four sweeps for forgotten syncs
		require.NoError(b, db.QueryRow(b.Context(), "select count(*) from case_sync_audits where completed_at > now() - $1::interval", watched).Scan(&ended))
		ended /= watched.Seconds()
	}
	require.NotContains(b, i.log.String(), "Rescue failed")
	c.report(b)
	b.ReportMetric(ended, "syncs-a-second")
}

func (i *installation) connect(b *testing.B) *pgx.Conn {
	b.Helper()
	db, err := pgx.Connect(b.Context(), i.database)
	require.NoError(b, err)
	b.Cleanup(func() { _ = db.Close(context.Background()) })
	return db
}

// benchmarkUnknown reads a chunk of a clinic with a hundred thousand cases that were written
// after the last ANALYZE, beside ten thousand clinics of one case.
func benchmarkUnknown(b *testing.B) {
	const rounds = 15
	url := pgtest.URL(b)
	db := pgtest.Open(b, url)
	exec := func(sql string, args ...any) {
		_, err := db.Pool().Exec(b.Context(), sql, args...)
		require.NoError(b, err)
	}
	exec("alter table cases set (autovacuum_enabled = off)")
	exec(`with added as (insert into clinics (name) select 'Cedar Lane ' || n from generate_series(1, 10000) n returning id)
		insert into cases (clinic_id, pims_id, scheduled_date) select id, '1', now() from added`)
	exec("analyze cases")
	id := uuid.New()
	exec("insert into clinics (id, name) values ($1, 'Harbor Lights')", id)
	exec("insert into cases (clinic_id, pims_id, scheduled_date) select $1, n::text, now() + n * interval '1 minute' from generate_series(1, 100000) n", id)
	ids := make([]string, 1000)
	for n := range ids {
		ids[n] = fmt.Sprint(1 + 97*n)
	}
	read := func() (all []float64) {
		for range rounds {
			all = append(all, milliseconds(took(func() {
				found, err := casestore.NewCases(db).CasesByID(b.Context(), id, "idexx_neo", ids)
				require.NoError(b, err)
				require.Len(b, found, len(ids))
			})))
		}
		return all
	}
	c := comparison{unit: "ms", bound: 3}
	for b.Loop() {
		without := read()
		exec("analyze cases")
		with := read()
		for n := range rounds {
			c.add(without[n], with[n])
		}
	}
	c.report(b)
}

// benchmarkFreshness asks for the state of one clinic before and after others are added.
func benchmarkFreshness(b *testing.B) {
	const rounds = 200
	i := installWith(b, "API_RATE_LIMIT=0")
	s := i.enrol(b, newNeo(b, 1))
	ask := func() (all []float64) {
		for range rounds {
			all = append(all, milliseconds(took(func() {
				require.NoError(b, readOne(b.Context(), http.DefaultClient, i.URL()+"/api/freshness", s.key))
			})))
		}
		return all
	}
	c := comparison{unit: "ms", bound: 2}
	for b.Loop() {
		ask() // what is prepared
		alone := ask()
		i.addMany(b)
		time.Sleep(10 * time.Second) // their schedules are loaded
		among := ask()
		for n := range rounds {
			c.add(among[n], alone[n])
		}
		b.ReportMetric(p99(among), "p99-ms")
	}
	c.report(b)
}

// benchmarkRetention writes one case, again and again, while old history is removed.
func benchmarkRetention(b *testing.B) {
	url := pgtest.URL(b)
	db := pgtest.Open(b, url)
	id, kase := uuid.New(), uuid.New()
	pool := db.Pool()
	_, err := pool.Exec(b.Context(), "insert into clinics (id, name) values ($1, 'Harbor Lights')", id)
	require.NoError(b, err)
	_, err = pool.Exec(b.Context(), "insert into cases (id, clinic_id, pims_id) values ($1, $2, '1')", kase, id)
	require.NoError(b, err)
	c := comparison{unit: "ms", bound: 3}
	for b.Loop() {
		_, err = pool.Exec(b.Context(), `insert into case_events (clinic_id, case_id, at, actor, action)
			select $1, gen_random_uuid(), now() - interval '100 days', 'person', 'changed' from generate_series(1, 200000)`, id)
		require.NoError(b, err)
		alone := writeUntil(b, pool, kase, func() { time.Sleep(5 * time.Second) })
		during := writeUntil(b, pool, kase, func() { forget(b, db) })
		c.add(p99(during), p99(alone))
	}
	c.report(b)
}

func forget(b *testing.B, db *postgres.DB) {
	b.Helper()
	keep := retention.New(retention.Options{DB: db, Periods: retention.Periods{Events: 30 * 24 * time.Hour}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, keep.Run(b.Context(), time.Now()))
	var left int
	require.NoError(b, db.Pool().QueryRow(b.Context(), "select count(*) from case_events where at < now() - interval '60 days'").Scan(&left))
	require.Zero(b, left)
}

// writeUntil writes a case until a function returns, and returns how many milliseconds each
// write took.
func writeUntil(b *testing.B, pool *pgxpool.Pool, kase uuid.UUID, work func()) (all []float64) {
	b.Helper()
	ended := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-ended:
				return
			default:
			}
			start := time.Now()
			if _, err := pool.Exec(b.Context(), "update cases set patient_name = $2 where id = $1", kase, strings.Repeat("Biscuit ", 1+n%2)); err != nil {
				b.Error(err)
				return
			}
			all = append(all, milliseconds(time.Since(start)))
			time.Sleep(5 * time.Millisecond)
		}
	})
	work()
	close(ended)
	writing.Wait()
	return all
}

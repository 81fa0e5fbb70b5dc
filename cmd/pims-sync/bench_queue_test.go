package main

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// BenchmarkQueue is what the queue adds to a sync: from the call that starts it to
// its first step on another replica, and from its last step to the caller who
// waits for it. The slowest of a hundred stands beside that of a bare INSERT whose
// NOTIFY is heard on another connection.
func BenchmarkQueue(b *testing.B) {
	b.Run("insert to start beside INSERT and NOTIFY", func(b *testing.B) {
		benchmarkQueue(b, func(t turn) time.Duration { return t.begun.Sub(t.asked) })
	})
	b.Run("end to waiter beside INSERT and NOTIFY", func(b *testing.B) {
		benchmarkQueue(b, func(t turn) time.Duration { return t.woken.Sub(t.ended) })
	})
}

func benchmarkQueue(b *testing.B, part func(turn) time.Duration) {
	const syncs = 300
	q := newQueues(b)
	bare := newBareNotice(b, q.url)
	var ours, notices []float64
	for b.Loop() {
		for range syncs {
			ours = append(ours, milliseconds(part(q.turn(b))))
			notices = append(notices, milliseconds(took(func() { bare.roundTrip(b) })))
		}
	}
	c := comparison{unit: "ms"}
	c.add(p99(ours), p99(notices))
	c.report(b)
}

// queues are two replicas: one calls, and the other works.
type queues struct {
	url          string
	caller       *queue.Queue
	owner        clinic.Clinic
	begun, ended chan time.Time
}

// A turn is one sync that does nothing.
type turn struct{ asked, begun, ended, woken time.Time }

func newQueues(b *testing.B) *queues {
	b.Helper()
	q := &queues{url: pgtest.URL(b), begun: make(chan time.Time, 1), ended: make(chan time.Time, 1)}
	worker := newQueue(b, q.url, func(context.Context, syncs.Run) (syncs.Result, error) {
		q.begun <- time.Now()
		q.ended <- time.Now()
		return syncs.Result{}, nil
	})
	require.NoError(b, worker.Begin(b.Context()))
	b.Cleanup(func() { require.NoError(b, worker.Stop(context.Background())) })
	q.caller = newQueue(b, q.url, nil)
	var err error
	q.owner, err = clinicstore.NewClinics(pgtest.Open(b, q.url)).Add(b.Context(), clinic.Clinic{Name: "Harbor Lights", Timezone: "UTC", Active: true})
	require.NoError(b, err)
	return q
}

func (q *queues) turn(b *testing.B) turn {
	b.Helper()
	t := turn{asked: time.Now()}
	audit, err := q.caller.Start(b.Context(), syncs.Request{ClinicID: q.owner.ID, Type: syncs.TypeInbound, Trigger: syncs.TriggerAPI}, "")
	require.NoError(b, err)
	audit, err = q.caller.Wait(b.Context(), q.owner.ID, audit.ID)
	t.woken = time.Now()
	require.NoError(b, err)
	require.Equal(b, syncs.StatusCompleted, audit.Status)
	t.begun, t.ended = <-q.begun, <-q.ended
	return t
}

// newQueue is a replica's queue, with a pool of its own.
func newQueue(b *testing.B, url string, run func(context.Context, syncs.Run) (syncs.Result, error)) *queue.Queue {
	b.Helper()
	db := pgtest.Open(b, url)
	notifier := postgres.NewNotifier(db)
	b.Cleanup(notifier.Close)
	q, err := queue.New(queue.Options{
		DB: db, Audits: syncstore.NewAudits(db), Plans: syncstore.NewPlans(db), Replicas: db.Replicas(),
		Clinics: clinicstore.NewClinics(db), Notifier: notifier, Run: run,
		Precheck: func(context.Context, uuid.UUID) error { return nil },
		Logger:   slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	return q
}

// A bareNotice inserts on one connection and hears of it on another.
type bareNotice struct{ writer, listener *pgx.Conn }

func newBareNotice(b *testing.B, url string) bareNotice {
	b.Helper()
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(b.Context(), url)
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, conn.Close(context.Background())) })
		return conn
	}
	n := bareNotice{connect(), connect()}
	_, err := n.writer.Exec(b.Context(), "create table notices (id bigint generated always as identity primary key, at timestamptz)")
	require.NoError(b, err)
	_, err = n.listener.Exec(b.Context(), "listen notices")
	require.NoError(b, err)
	return n
}

func (n bareNotice) roundTrip(b *testing.B) {
	b.Helper()
	_, err := n.writer.Exec(b.Context(), "with new as (insert into notices (at) values (now()) returning id) select pg_notify('notices', id::text) from new")
	require.NoError(b, err)
	_, err = n.listener.WaitForNotification(b.Context())
	require.NoError(b, err)
}

// p99 is the value that 99 of a hundred do not exceed.
func p99(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)*99-1)/100]
}

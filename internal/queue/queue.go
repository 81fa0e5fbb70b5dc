// Package queue runs syncs, and other kinds of jobs, as jobs of River, in the same database
// as everything else (R28). The registry of other kinds is in kinds.go.
//
// A sync's state is in its audit. A job only asks a worker to look at the audit: the worker
// that claims the audit runs the sync, and a job whose audit needs nothing is done. So a
// job may come twice, late, or from a replica that was thought dead.
//
// The package decides nothing about cases. It decides whether an ended attempt is done, is
// repeated, or has failed for good.
package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"github.com/riverqueue/rivercontrib/otelriver"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/repeats"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/watch"
)

// The defaults of Options. A crashed sync is taken up again after at most a lease and a
// third of one, which must stay well under 45 s (R30).
const (
	defaultLease    = 15 * time.Second
	defaultMaxSyncs = 10
	defaultSoftStop = 20 * time.Second       // then syncs are given back (R31)
	busyPause       = time.Second            // before a clinic that is busy is tried again (R29)
	maxAttempts     = 4                      // with resumptions after a crash
	livePoll        = 250 * time.Millisecond // how often a sync is read whose progress somebody follows
	waitPoll        = time.Second            // how often a waiter polls, in case a notification is lost

	// fetchCooldown is also how long an inserting client of River waits before it announces
	// further jobs. A job that comes sooner is found only by the next poll, up to a second
	// later. So it is the least that River accepts.
	fetchCooldown = time.Millisecond
)

// Options configure a Queue.
type Options struct {
	DB     *postgres.DB
	Audits *syncstore.Audits
	Plans  *syncstore.Plans

	Replicas *postgres.Replicas
	Clinics  *clinicstore.Clinics
	Notifier *postgres.Notifier

	Housekeeping []func(ctx context.Context, now time.Time) error // the work of each hour, in this order

	// Kinds are the kinds of jobs besides syncs. A Private queue inserts such jobs and works
	// on none.
	Kinds []Kind

	// Run carries out one attempt: casesync.Runner.Run.
	Run func(ctx context.Context, run syncs.Run) (syncs.Result, error)

	// Precheck returns what prevents a sync of the clinic, without any request to its PIMS:
	// clinic.Connector.Precheck.
	Precheck func(ctx context.Context, clinicID uuid.UUID) error

	Name      string        // of this replica; empty: made up
	KeyIDs    []string      // of the encryption keys that it has (R37)
	Private   bool          // work only on what this Queue starts (docs/interface.md §Commands)
	MaxSyncs  int           // at once; 0: 10
	TimeLimit time.Duration // of one sync's work (R28); 0: none
	Lease     time.Duration // 0: 15 s
	SoftStop  time.Duration // how long Stop lets syncs go on (R31); 0: 20 s
	Logger    *slog.Logger
	Now       func() time.Time
	Observe   Observer // nil: no observer

	// Meters receives River's metrics, Tracers its traces; nil means none.
	Meters  metric.MeterProvider
	Tracers trace.TracerProvider
}

// An Observer is called for every sync that this replica works on (docs/interface.md
// §Metrics).
type Observer interface {
	SyncStarted(syncs.Type)
	SyncEnded(t syncs.Type, status syncs.Status, took time.Duration)
	SyncGivenBack(syncs.Type)
	SyncLate(by time.Duration) // a scheduled sync began this long after it was due
}

// A Queue starts syncs, works on them, and waits for them. It is safe for
// concurrent use.
type Queue struct {
	o      Options
	log    *slog.Logger
	client *river.Client[pgx.Tx]
	name   string // the River queue that this Queue's own syncs go to

	jobs  *jobs
	kinds map[string]Kind
	syncs *worker

	draining atomic.Bool
	ended    chan struct{} // closed when this replica works no more
	watcher  *watch.Watcher
	stop     context.CancelFunc
	loops    panics.Loops
}

// New makes a Queue. It can start and wait for syncs at once, and works on them between
// Begin and Stop.
func New(o Options) (*Queue, error) {
	o.Name = cmp.Or(o.Name, "replica-"+uuid.NewString())
	o.MaxSyncs = cmp.Or(o.MaxSyncs, defaultMaxSyncs)
	o.Lease = cmp.Or(o.Lease, defaultLease)
	o.SoftStop = cmp.Or(o.SoftStop, defaultSoftStop)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	log := o.Logger.With("namespace", "pims-sync:queue")
	q := &Queue{
		o:     o,
		log:   log,
		name:  river.QueueDefault,
		jobs:  &jobs{db: o.DB, now: o.Now, lease: o.Lease},
		kinds: make(map[string]Kind),
		ended: make(chan struct{}),
		loops: panics.Loops{Log: log},
	}
	q.watcher = watch.New(watch.Options{
		Read: o.Audits.Audit, Live: livePoll, Idle: waitPoll, Logger: log,
		Told: func() (<-chan string, func()) { return o.Notifier.Subscribe(postgres.ChannelAudits) },
	})
	if o.Private {
		q.name = "only-" + o.Name
	}
	q.syncs = newWorker(workerOptions{
		audits: o.Audits, jobs: q.jobs, run: o.Run, replica: o.Name, alone: o.Private, lease: o.Lease, timeLimit: o.TimeLimit,
		now: o.Now, observe: o.Observe, log: log,
	})
	client, err := q.newClient()
	if err != nil {
		return nil, fmt.Errorf("making the job client: %w", err)
	}
	q.client, q.jobs.client = client, client
	return q, nil
}

// newClient makes the client of River that works on syncs and on the other kinds of jobs.
func (q *Queue) newClient() (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, q.syncs); err != nil {
		return nil, err
	}
	others, err := q.register(q.o.Kinds, workers)
	if err != nil {
		return nil, err
	}
	queues := map[string]river.QueueConfig{q.name: {MaxWorkers: q.o.MaxSyncs}}
	if !q.o.Private {
		maps.Copy(queues, others)
	}
	return river.NewClient(riverpgxv5.New(q.o.DB.Pool()), &river.Config{
		ID:                     q.o.Name,
		Queues:                 queues,
		Workers:                workers,
		Logger:                 slog.New(quiet{repeats.Handler(q.log.Handler())}),
		FetchCooldown:          fetchCooldown,
		JobTimeout:             -1, // a sync has a limit of its own
		SoftStopTimeout:        q.o.SoftStop,
		PollOnly:               q.o.DB.Pooled(),
		LeaderElectionDisabled: q.o.Private,
		ReindexerIndexNames:    []string{}, // the service does not own River's indexes (R45)
		Plugins:                []rivertype.Plugin{watched(q.o)},
	})
}

// watched returns River's middleware for metrics and traces. It always has a provider,
// because without one the middleware would take the process's global one. The span of a job
// is linked to the span that enqueued it.
func watched(o Options) *otelriver.Middleware {
	if o.Meters == nil {
		o.Meters = metricnoop.NewMeterProvider()
	}
	if o.Tracers == nil {
		o.Tracers = tracenoop.NewTracerProvider()
	}
	return otelriver.NewMiddleware(&otelriver.MiddlewareConfig{
		MeterProvider:               o.Meters,
		TracerProvider:              o.Tracers,
		EnableTracePropagation:      true,
		EnableWorkSpanJobKindSuffix: true,
	})
}

// Begin starts to work on syncs and to take up the syncs of dead replicas.
func (q *Queue) Begin(ctx context.Context) error {
	ctx, q.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := q.client.Start(ctx); err != nil {
		return fmt.Errorf("starting to work on the queue: %w", err)
	}
	q.loops.Begin(ctx, "cancellations", q.listenForCancels)
	if !q.o.Private {
		q.loops.Begin(ctx, "rescue", q.rescuer().loop)
		q.loops.Begin(ctx, "housekeeping", (&housekeeper{work: q.o.Housekeeping, now: q.o.Now, loops: &q.loops}).loop)
	}
	return nil
}

// rescuer returns what takes up the work of dead replicas.
func (q *Queue) rescuer() *rescuer {
	return &rescuer{rescuerOptions{
		audits: q.o.Audits, replicas: q.o.Replicas, jobs: q.jobs, replica: q.o.Name, keyIDs: q.o.KeyIDs, lease: q.o.Lease,
		kinds: slices.Sorted(maps.Keys(q.kinds)), now: q.o.Now, loops: &q.loops, log: q.log,
	}}
}

// Stop takes no new work, waits for syncs that can end soon, and gives the others back to
// the queue (R31). Calls of Wait end, too. Stop is called once and returns within 25 s.
func (q *Queue) Stop(ctx context.Context) error {
	q.draining.Store(true)
	defer close(q.ended)
	if q.stop == nil {
		return nil
	}
	err := q.client.Stop(ctx)
	q.stop()
	q.loops.Wait()
	if !q.o.Private {
		err = errors.Join(err, q.o.Replicas.Gone(ctx, q.o.Name))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopping to work on the queue: %w", err)
	}
	return nil
}

// Draining reports whether Stop was called. No sync can be started after that (R31).
func (q *Queue) Draining() bool { return q.draining.Load() }

// nobody is an Observer that ignores everything.
type nobody struct{}

func (nobody) SyncLate(time.Duration)                            {}
func (nobody) SyncStarted(syncs.Type)                            {}
func (nobody) SyncEnded(syncs.Type, syncs.Status, time.Duration) {}
func (nobody) SyncGivenBack(syncs.Type)                          {}

// quiet passes on River's log lines of level warning and above. The sync's own lines are
// logged separately, one per event (W20). River's loops look each second and log each
// failure; package repeats bounds that.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{h.Handler.WithAttrs(attrs)} }

func (h quiet) WithGroup(name string) slog.Handler { return quiet{h.Handler.WithGroup(name)} }

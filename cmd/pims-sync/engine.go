package main

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/metrics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/tracing"
)

// engine is everything that runs syncs: serve, demo and the sync commands share
// it, and tests configure the very same.
type engine struct {
	store     *store
	browser   pims.Browser
	connector *clinic.Connector
	queue     *queue.Queue
	scheduler *scheduler.Scheduler
	notifier  *postgres.Notifier
	metrics   *metrics.Metrics
	tracing   *tracing.Tracing
	log       *slog.Logger
	private   bool // it works only on what it starts itself

	endSchedules func()
	closeBrowser func()
}

// engineOptions are what differs between those who run syncs.
type engineOptions struct {
	private        bool             // work only what this process starts (docs/interface.md §Commands, sync)
	schedule       bool             // enqueue what is due (R33)
	jitter         time.Duration    // spread of ticks over clinics
	maxSyncs       int              // worked on at once; 0: the queue's default
	lease          time.Duration    // how long a sync without a sign of life is left alone; 0: the queue's default
	eventRetention time.Duration    // of the history of cases; 0: for ever
	tracing        *tracing.Tracing // nil: nothing is traced
	browser        pims.Browser     // that others share; nil: one of the engine's own
	now            func() time.Time // nil: time.Now
}

// keyring opens the keyring. Who works for all clinics needs every key that some
// clinic's credentials have (R37).
func (o *engineOptions) keyring(ctx context.Context, c *Config, s *store) (*seal.Keyring, error) {
	ring, err := openKeyring(ctx, c, s)
	if err == nil && !o.private {
		err = ring.Cover(ctx, s.Seals())
	}
	return ring, err
}

// newEngine joins the parts. It starts no browser and works on no sync yet.
func newEngine(ctx context.Context, c *Config, s *store, log *slog.Logger, o engineOptions) (*engine, error) {
	if o.now == nil {
		o.now = time.Now
	}
	ring, err := o.keyring(ctx, c, s)
	if err != nil {
		return nil, err
	}
	counters, err := metrics.New(slices.Sorted(maps.Keys(providers))...)
	if err != nil {
		return nil, err
	}
	e := &engine{
		store:    s,
		metrics:  counters,
		tracing:  o.tracing,
		notifier: postgres.NewNotifier(s.DB),
		log:      log,
		browser:  o.browser,
		private:  o.private,

		endSchedules: func() {},
		closeBrowser: func() {},
	}
	if e.tracing == nil {
		e.tracing = tracing.Off()
	}
	if e.browser == nil {
		own := newBrowser(c, s, log)
		e.browser, e.closeBrowser = own, own.Close
	}
	e.connector = clinic.NewConnector(clinic.ConnectorOptions{
		Providers:    e.providers(c, o.now),
		Aliases:      aliases,
		Clinics:      s.Clinics(),
		Credentials:  s.Credentials(),
		Sessions:     s.Sessions(),
		Keyring:      ring,
		Logger:       log,
		Now:          o.now,
		ObserveLogin: e.metrics.PIMSLogin,
	})
	record := recorder{s.Audits(), s.Plans()}
	e.queue, err = queue.New(queue.Options{
		DB:             s.DB,
		Audits:         record.Audits,
		Plans:          record.Plans,
		Notifier:       e.notifier,
		Run:            e.newRunner(record, o.now).Run,
		Precheck:       e.connector.Precheck,
		Clinics:        s.Clinics(),
		Schedules:      s.Schedules(),
		MaxSyncs:       o.maxSyncs,
		Lease:          o.lease,
		Records:        s.Records(),
		Replicas:       s.Replicas(),
		KeyIDs:         ring.KeyIDs(),
		EventRetention: o.eventRetention,
		Private:        o.private,
		TimeLimit:      c.syncTimeout(),
		Logger:         log,
		Now:            o.now,
		Observe:        e.metrics,
		Meters:         e.metrics.Meters(),
		Tracers:        e.tracing.Provider(),
	})
	if err != nil {
		e.closeBrowser()
		return nil, err
	}
	e.scheduler = scheduler.New(scheduler.Options{
		Clinics: s.Clinics(),
		Entries: e.queue.Entries(s.Schedules()),
		Enqueue: o.schedule,
		Jitter:  o.jitter,
		Changed: func() (<-chan string, func()) { return e.notifier.Subscribe(postgres.ChannelSchedules) },
		Logger:  log,
		Now:     o.now,
		Observe: e.metrics,
	})
	return e, nil
}

// newRunner makes what carries syncs out.
func (e *engine) newRunner(record recorder, now func() time.Time) *casesync.Runner {
	return casesync.NewRunner(casesync.RunnerOptions{
		Connect:  e.connect,
		Plan:     record.Plan,
		Cases:    e.store.Cases(),
		Recorder: record,
		Logger:   e.log,
		Now:      now,
		Written:  e.metrics.CasesWritten,
		Refused:  e.metrics.GuardRefused,
		Watch:    e.tracing.Sync,
	})
}

// newBrowser makes the browser that logs in; it starts with the first login.
func newBrowser(c *Config, s *store, log *slog.Logger) *browser.Chromium {
	temp := "" // the system's
	if s.home != "" {
		temp = filepath.Join(s.home, "tmp")
	}
	return browser.New(browser.Options{
		Path:    c.ChromiumPath,
		Visible: !c.Headless,
		TempDir: temp,
		Logger:  log.With("namespace", "pims-sync:browser"),
	})
}

// recorder joins the two stores that keep the record of a running sync.
type recorder struct {
	*postgres.Audits
	*postgres.Plans
}

// providers makes every kind of PIMS with the same browser, limits and eyes.
func (e *engine) providers(c *Config, now func() time.Time) map[string]pims.Provider {
	limiter := e.store.RateLimiter(c.RateLimit, casesync.PauseWork)
	made := make(map[string]pims.Provider, len(providers))
	for name, construct := range providers {
		made[name] = construct(pims.Environment{
			Browser: e.browser,
			Hosts:   c.hosts(),
			Limiter: limiter,
			Logger:  e.log.With("namespace", "pims-sync:provider"),
			Now:     now,
			Observe: func(ctx context.Context, o pims.Observation) {
				e.metrics.PIMSRequest(name, o)
				e.tracing.PIMSRequest(ctx, name, o)
			},
		})
	}
	return made
}

// connect is the connector as the runner calls it.
func (e *engine) connect(ctx context.Context, clinicID uuid.UUID) (casesync.Connection, error) {
	connection, err := e.connector.Connect(ctx, clinicID)
	if err != nil {
		return nil, err // never a nil *Connection in the interface
	}
	return connection, nil
}

// start begins to work on syncs and, for all clinics, to watch their schedules.
func (e *engine) start(ctx context.Context) error {
	if err := e.queue.Begin(ctx); err != nil {
		return err
	}
	if !e.private {
		ctx, e.endSchedules = context.WithCancel(context.WithoutCancel(ctx))
		e.scheduler.Begin(ctx)
	}
	return nil
}

// close stops the work and ends what it needed.
func (e *engine) close() {
	e.stop()
	e.release()
}

// stop ends the work: what cannot end soon goes back to the queue (R31).
func (e *engine) stop() {
	e.endSchedules()
	e.scheduler.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closing+10*time.Second)
	defer cancel()
	if err := e.queue.Stop(ctx); err != nil {
		e.log.Error("Stopping failed", "namespace", "pims-sync:queue", "error", err.Error())
	}
}

// release ends what the work needed.
func (e *engine) release() {
	e.notifier.Close()
	e.closeBrowser()
}

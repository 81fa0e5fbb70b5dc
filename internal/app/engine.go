package app

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api/outgoing"
	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/metrics"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/driftstore"
	"github.com/pims-sync/pims-sync/internal/postgres/retention"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/postgres/volumestore"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/shelf"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/tracing"
	"github.com/pims-sync/pims-sync/internal/volume"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// An Engine is everything that runs syncs. serve, demo and the sync commands share it, and
// tests configure the same one.
type Engine struct {
	Store     *Store
	Connector *clinic.Connector
	Queue     *queue.Queue
	Scheduler *scheduler.Scheduler
	Feed      *feed.Feed
	Webhooks  *webhooks.Worker
	Notify    *notify.Worker
	Volume    *volume.Worker
	Outgoing  outgoing.Options // what people do with webhooks and channels
	Private   bool             // it works only on what it starts itself

	browser  pims.Browser
	notifier *postgres.Notifier
	metrics  *metrics.Metrics
	tracing  *tracing.Tracing
	log      *slog.Logger
	now      func() time.Time

	cursorKeys [][]byte     // of the API's lists
	recordings *shelf.Shelf // what callers do with recordings

	endSchedules func()
	closeBrowser func()
	product      func() string // of the browser; see browser.Chromium
}

// EngineOptions are the differences between the programs that run syncs.
type EngineOptions struct {
	Private        bool             // work only what this process starts (docs/interface.md §Commands, sync)
	Schedule       bool             // enqueue what is due (R33)
	Jitter         time.Duration    // spread of ticks over clinics
	MaxSyncs       int              // worked on at once; 0: the queue's default
	Lease          time.Duration    // how long a replica may be silent before its sync is taken over; 0: the queue's default
	Link           string           // of the console, for notifications; empty: none
	EventRetention time.Duration    // of the history of cases; 0: for ever
	AuditRetention time.Duration    // of syncs and plans; 0: for ever
	Tracing        *tracing.Tracing // nil: nothing is traced
	Browser        pims.Browser     // that others share; nil: one of the engine's own
	Now            func() time.Time // nil: time.Now

	// Wrap returns what sends the requests to PIMSes in place of the given transport, in
	// the context of the sync; nil: the given one.
	Wrap func(http.RoundTripper) http.RoundTripper

	// WatchLogins returns the browser for logins in place of the given one; nil: the given
	// one.
	WatchLogins func(pims.Browser) pims.Browser
}

// wrap puts what profiles and records the answers of a sync around what sends its requests
// (R51, R52).
func (o *EngineOptions) wrap(next http.RoundTripper) http.RoundTripper {
	if o.Wrap != nil {
		next = o.Wrap(next)
	}
	return drift.Transport{Next: recordings.Transport{Next: next}}
}

// keyring opens the keyring. A program that works for all clinics needs every key that
// seals some clinic's credentials (R37).
func (o *EngineOptions) keyring(ctx context.Context, settings Settings, s *Store) (*seal.Keyring, error) {
	ring, err := s.Keyring(ctx, settings.EncryptionKey)
	if err == nil && !o.Private {
		err = ring.Cover(ctx, s.Seals())
	}
	return ring, err
}

// NewEngine connects the parts. It starts no browser and works on no sync yet.
func NewEngine(ctx context.Context, settings Settings, s *Store, log *slog.Logger, o EngineOptions) (_ *Engine, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	ring, err := o.keyring(ctx, settings, s)
	if err != nil {
		return nil, err
	}
	cursorKeys, err := ring.Derive("cursors")
	if err != nil {
		return nil, err
	}
	counters, err := metrics.New(names()...)
	if err != nil {
		return nil, err
	}
	counters.Build(settings.Version, settings.Revision, runtime.Version())
	e := &Engine{
		Store:    s,
		metrics:  counters,
		tracing:  o.Tracing,
		notifier: postgres.NewNotifier(s.DB),
		log:      log,
		now:      o.Now,
		browser:  o.Browser,
		Private:  o.Private,

		cursorKeys: cursorKeys,

		endSchedules: func() {},
		closeBrowser: func() {},
		product:      func() string { return "" },
	}
	defer func() {
		if err != nil {
			e.release()
		}
	}()
	if e.tracing == nil {
		e.tracing = tracing.Off()
	}
	if e.browser == nil {
		own := newBrowser(settings, s, log)
		e.browser, e.closeBrowser, e.product = own, own.Close, own.Product
	}
	if o.WatchLogins != nil {
		e.browser = o.WatchLogins(e.browser)
	}
	e.browser = recordings.Browser{Browser: e.browser}
	e.Connector = clinic.NewConnector(clinic.ConnectorOptions{
		Providers:    e.providers(settings, o),
		Clinics:      s.Clinics(),
		Credentials:  s.Credentials(),
		Sessions:     s.Sessions(),
		Kept:         s.Clinics().Kept,
		Keyring:      ring,
		Logger:       log,
		Now:          o.Now,
		ObserveLogin: e.metrics.PIMSLogin,
	})
	if e.Queue, err = e.newQueue(settings, ring, o); err != nil {
		return nil, err
	}
	e.Feed = e.newFeed()
	e.Volume = volume.NewWorker(volume.Options{Store: volumestore.New(s.DB), Logger: log, Observe: e.metrics.VolumeUnusual})
	e.recordings = Shelf(s, ring)
	e.Outgoing.Webhooks = WebhookService(s, settings, ring, log)
	if e.Outgoing.Channels, err = ChannelService(s, settings, ring); err != nil {
		return nil, err
	}
	e.Webhooks = e.newWebhooks(settings, ring, o.Lease, o.Now)
	if e.Notify, err = e.newNotifications(settings, ring, o.Link, o.Now); err != nil {
		return nil, err
	}
	e.Scheduler = e.newScheduler(o)
	return e, nil
}

func (e *Engine) newScheduler(o EngineOptions) *scheduler.Scheduler {
	return scheduler.New(scheduler.Options{
		Clinics: clinicstore.NewBoard(e.Store.Clinics()),
		Entries: e.Queue.Entries(e.Store.Schedules()),
		Enqueue: o.Schedule,
		Jitter:  o.Jitter,
		Changed: func() (<-chan string, func()) { return e.notifier.Subscribe(postgres.ChannelSchedules) },
		Logger:  e.log,
		Now:     o.Now,
		Observe: e.metrics,
	})
}

// Fleet returns what operators do with the installation, with what needs a PIMS.
func (e *Engine) Fleet() *fleet.Service {
	o := e.Store.fleetOptions()
	o.Connector, o.Decisions = e.Connector, e.Queue
	return fleet.New(o)
}

// newQueue makes the queue, with what its workers use.
func (e *Engine) newQueue(settings Settings, ring *seal.Keyring, o EngineOptions) (*queue.Queue, error) {
	s := e.Store
	record := recorder{s.Audits(), s.Plans()}
	return queue.New(queue.Options{
		DB:       s.DB,
		Audits:   record.Audits,
		Plans:    record.Plans,
		Notifier: e.notifier,
		Run:      e.newRunner(settings, ring, record, o.Now).Run,
		Precheck: e.Connector.Precheck,
		Clinics:  s.Clinics(),
		MaxSyncs: o.MaxSyncs,
		Lease:    o.Lease,
		Replicas: s.Replicas(),
		KeyIDs:   ring.KeyIDs(),
		// The trends count what the retention removes.
		Housekeeping: []func(context.Context, time.Time) error{trendstore.New(s.DB).Count, e.retention(o)},
		Private:      o.Private,
		TimeLimit:    settings.SyncTimeout,
		Logger:       e.log,
		Now:          o.Now,
		Observe:      e.metrics,
		Meters:       e.metrics.Meters(),
		Tracers:      e.tracing.Provider(),
	})
}

// retention returns what removes old rows.
func (e *Engine) retention(o EngineOptions) func(context.Context, time.Time) error {
	return retention.New(retention.Options{
		DB: e.Store.DB, Periods: retention.Periods{Events: o.EventRetention, Audits: o.AuditRetention}, Logger: e.log.With("namespace", "pims-sync:database"),
	}).Run
}

// newRunner makes the runner of syncs, which records those that ask for it (R52).
func (e *Engine) newRunner(settings Settings, ring *seal.Keyring, record recorder, now func() time.Time) *recordings.Runner {
	runner := casesync.RunnerOptions{
		Connect:  e.connect,
		Plan:     record.Plan,
		Cases:    e.Store.Cases(),
		Recorder: record,
		Words:    e.Store.Clinics(),
		Forms:    driftstore.New(e.Store.DB),
		Drifted:  e.metrics.PIMSDrift,
		Waiting:  e.metrics.SyncWaits,
		Logger:   e.log,
		Now:      now,
		Written:  e.metrics.CasesWritten,
		Refused:  e.metrics.GuardRefused,
		Watch:    e.tracing.Sync,
	}
	return recordings.NewRunner(recordings.RunnerOptions{
		Runner: runner, Clinics: e.Store.Clinics(), Credentials: e.Store.Credentials(), Keeper: Recordings(e.Store, ring),
		Program: settings.Version, Observe: e.metrics.Recording,
	})
}

// newBrowser makes the browser for logins. It starts with the first login.
func newBrowser(settings Settings, s *Store, log *slog.Logger) *browser.Chromium {
	temp := "" // the system's
	if s.home != "" {
		temp = filepath.Join(s.home, "tmp")
	}
	return browser.New(browser.Options{
		Path:    settings.ChromiumPath,
		Visible: !settings.Headless,
		TempDir: temp,
		Logger:  log.With("namespace", "pims-sync:browser"),
	})
}

// recorder combines the two stores that record a running sync.
type recorder struct {
	*syncstore.Audits
	*syncstore.Plans
}

// providers makes all providers, with the same browser, limits and observer.
func (e *Engine) providers(settings Settings, o EngineOptions) map[string]pims.Provider {
	limiter := e.Store.RateLimiter(settings.RateLimit, syncs.PauseWork)
	made := make(map[string]pims.Provider, len(Providers))
	for _, construct := range Providers {
		name := construct(pims.Environment{}).Declaration().Name
		made[name] = construct(pims.Environment{
			Browser: e.browser,
			Hosts:   settings.Hosts,
			Limiter: limiter,
			Logger:  e.log.With("namespace", "pims-sync:provider"),
			Now:     o.Now,
			Wrap:    o.wrap,
			Observe: func(ctx context.Context, o pims.Observation) {
				e.metrics.PIMSRequest(name, o)
				e.tracing.PIMSRequest(ctx, name, o)
			},
		})
	}
	return made
}

// connect calls the connector for the runner.
func (e *Engine) connect(ctx context.Context, clinicID uuid.UUID) (casesync.Connection, error) {
	connection, err := e.Connector.Connect(ctx, clinicID)
	if err != nil {
		return nil, err // never a nil *Connection in the interface
	}
	return connection, nil
}

// Start begins to work on syncs and, for all clinics, to watch their schedules.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.Queue.Begin(ctx); err != nil {
		return err
	}
	if !e.Private {
		ctx, e.endSchedules = context.WithCancel(context.WithoutCancel(ctx))
		e.Scheduler.Begin(ctx)
		e.Feed.Begin(ctx)
		e.Webhooks.Begin(ctx)
		e.Notify.Begin(ctx)
		e.Volume.Begin(ctx)
	}
	return nil
}

// Close stops the work and releases what it needed.
func (e *Engine) Close() {
	e.stop()
	e.release()
}

// stop ends the work. Syncs that cannot end soon go back to the queue (R31).
func (e *Engine) stop() {
	e.endSchedules()
	e.Scheduler.Wait()
	e.Feed.Wait()
	e.Webhooks.Wait()
	e.Notify.Wait()
	e.Volume.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closing+10*time.Second)
	defer cancel()
	if err := e.Queue.Stop(ctx); err != nil {
		e.log.Error("Stopping failed", "namespace", "pims-sync:queue", "error", err.Error())
	}
}

// release closes what the work needed.
func (e *Engine) release() {
	e.notifier.Close()
	e.closeBrowser()
}

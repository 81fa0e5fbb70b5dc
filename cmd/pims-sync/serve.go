package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/tracing"
)

// ServeCmd runs a replica: the HTTP API and the syncs.
type ServeCmd struct {
	EnableScheduler bool          `help:"Enqueue the syncs that the schedules say. Default: true." env:"ENABLE_SCHEDULER" default:"true" negatable:""`
	ScheduleJitter  time.Duration `help:"Spread the clinics that are due at one time over this long." env:"SCHEDULE_JITTER" default:"0s"`
	EventRetention  time.Duration `help:"How long the history of cases is kept, such as 8760h, 24h or more; 0 is for ever." env:"EVENT_RETENTION" default:"0s"`
	MaxSyncs        int           `help:"How many syncs this replica works on at once." env:"MAX_SYNCS" default:"10"`
	SyncLease       time.Duration `help:"After how long without a sign of life a sync is taken from its replica, 1s to 30s." env:"SYNC_LEASE" default:"15s"`
	Host            string        `help:"Where to listen." env:"HOST" default:"127.0.0.1"`
	Port            uint16        `help:"Where to listen; 0 takes a free port." env:"PORT" default:"3001"`
	SyncWaitMS      int64         `name:"sync-wait-ms" help:"How long a sync call waits for its sync before it answers 202, in milliseconds." env:"SYNC_WAIT_MS" default:"55000"`
	MetricsAddr     string        `help:"Serve /metrics there and not with the API." env:"METRICS_ADDR" placeholder:"HOST:PORT"`
	OTLPEndpoint    string        `name:"otlp-endpoint" help:"Send traces there: the base URL of a collector that speaks OTLP over HTTP, such as http://localhost:4318." env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL"`
	TrustedProxies  string        `help:"Whose X-Forwarded-For counts: addresses or prefixes, comma-separated." env:"TRUSTED_PROXIES" placeholder:"CIDR,…"`
}

// The bounds of SYNC_LEASE. A sync of a dead replica is taken up again after at most
// a lease and a third of one, which must stay under 45 s (R30). A replica reports
// thrice in a lease that it lives, so that it is known within queue.ReplicaSilence.
const (
	minLease = time.Second
	maxLease = 30 * time.Second
)

// The history of cases is erased for good: a typo must not do it.
const (
	minRetention   = 24 * time.Hour
	shortRetention = 30 * 24 * time.Hour // below, the log says so
)

// ownerWait is how long serve waits for another command that holds the embedded
// database (docs/interface.md §Commands).
const ownerWait = 10 * time.Second

// Run serves until the context ends.
func (s *ServeCmd) Run(ctx context.Context, std streams, c *Config) error {
	if err := s.check(); err != nil {
		return usageError{err}
	}
	collectAbove(heapFloor)
	limitMemory(memoryLimit)
	proxies, err := api.ParseProxies(s.TrustedProxies)
	if err != nil {
		return usageError{err}
	}
	log := newLogger(std.err, c)
	traces, err := s.startTracing(ctx, log)
	if err != nil {
		return usageError{err}
	}
	if s.EventRetention > 0 && s.EventRetention < shortRetention {
		log.Warn("EVENT_RETENTION is short; older history of cases is erased for good", "namespace", "pims-sync:database", "retention", s.EventRetention.String())
	}
	// A port in use is told before anything is started.
	listener, err := listen(ctx, net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))), "PORT")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // the server has closed it, unless it did not start
	var metrics net.Listener
	if s.MetricsAddr != "" {
		if metrics, err = listen(ctx, s.MetricsAddr, "METRICS_ADDR"); err != nil {
			return err
		}
		defer metrics.Close() //nolint:errcheck // the same
	}
	store, err := openStore(ctx, c, log.With("namespace", "pims-sync:database"), ownerWait)
	if err != nil {
		return err
	}
	defer store.close()
	defer traces.Close()
	running, err := startServer(ctx, c, store, log, serverOptions{
		listener: listener,
		wait:     time.Duration(s.SyncWaitMS) * time.Millisecond,
		metrics:  metrics,
		proxies:  proxies,
		engine:   engineOptions{schedule: s.EnableScheduler, jitter: s.ScheduleJitter, maxSyncs: s.MaxSyncs, lease: s.SyncLease, eventRetention: s.EventRetention, tracing: traces},
	})
	if err != nil {
		return err
	}
	log.Info("Ready", "namespace", "pims-sync:api", "address", running.url(), "version", thisBuild().Version)

	keeping, stopKeeping := context.WithCancel(ctx)
	lost, kept := make(chan error, 1), make(chan struct{})
	panics.Go(func() {
		defer close(kept)
		lost <- store.keepUp(keeping, log.With("namespace", "pims-sync:database"))
	}, func(e *panics.Error) { // syncs go on; an embedded database that ends is not opened again
		log.Error("The watch over the embedded PostgreSQL panicked", append([]any{"namespace", "pims-sync:database"}, e.Attrs()...)...)
	})
	select {
	case <-ctx.Done():
		log.Info("Shutting down", "namespace", "pims-sync:api")
	case err = <-running.failed:
	case err = <-lost:
	}
	running.close()
	stopKeeping()
	<-kept
	return err
}

// check refuses settings that cannot be.
func (s *ServeCmd) check() error {
	switch {
	case s.SyncWaitMS < 0:
		return fmt.Errorf("SYNC_WAIT_MS is %d and must be 0 or more", s.SyncWaitMS)
	case s.MaxSyncs < 1 || s.ScheduleJitter < 0:
		return errors.New("MAX_SYNCS must be 1 or more; SCHEDULE_JITTER must not be negative")
	case s.EventRetention != 0 && s.EventRetention < minRetention:
		return fmt.Errorf("EVENT_RETENTION is %s and must be %s or more, or 0 for ever: older history is erased for good", s.EventRetention, minRetention)
	case s.SyncLease < minLease || s.SyncLease > maxLease:
		return fmt.Errorf("SYNC_LEASE is %s and must be %s to %s", s.SyncLease, minLease, maxLease)
	}
	return nil
}

// startTracing begins to trace where a collector is named.
func (s *ServeCmd) startTracing(ctx context.Context, log *slog.Logger) (*tracing.Tracing, error) {
	if s.OTLPEndpoint == "" {
		return tracing.Off(), nil
	}
	return tracing.Start(ctx, tracing.Options{
		Endpoint: s.OTLPEndpoint, Version: thisBuild().Version, Logger: log.With("namespace", "pims-sync:api"),
	})
}

// listen opens the address that the variable named, with an error that says what
// to do.
func listen(ctx context.Context, address, variable string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another with %s", address, errors.Unwrap(err), variable)
	}
	return listener, nil
}

// serverOptions are what differs between serve and demo.
type serverOptions struct {
	listener net.Listener
	metrics  net.Listener // nil: /metrics is on the other one
	wait     time.Duration
	proxies  []netip.Prefix
	engine   engineOptions
}

// server is the HTTP API and the engine behind it.
type server struct {
	engine   *engine
	listener net.Listener
	servers  []*http.Server
	failed   chan error
	serving  sync.WaitGroup
}

// startServer starts the engine and answers on the listeners.
func startServer(ctx context.Context, c *Config, s *store, log *slog.Logger, o serverOptions) (*server, error) {
	e, err := newEngine(ctx, c, s, log, o.engine)
	if err != nil {
		return nil, err
	}
	running := &server{engine: e, listener: o.listener, failed: make(chan error, 2)}
	options := api.Options{
		Keys:           s.Keys(),
		Syncs:          e.queue,
		Cases:          s.Records(),
		Plans:          s.Plans(),
		Decisions:      e.queue,
		Restores:       s.Cases(),
		Conditions:     e.scheduler,
		Clinics:        s.Clinics(),
		Ready:          s.DB,
		Draining:       e.queue.Draining,
		Metrics:        e.metrics.Handler(),
		Wait:           o.wait,
		TrustedProxies: o.proxies,
		Trace:          e.traced,
		Version:        thisBuild().Version,
		Logger:         log,
	}
	if err := e.start(ctx); err != nil {
		e.close()
		return nil, err
	}
	if o.metrics != nil {
		options.Metrics = nil
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", e.metrics.Handler())
		running.serve(o.metrics, recovering(mux, log), 0)
	}
	running.serve(running.listener, api.New(options), o.wait)
	return running, nil
}

// recovering answers 500 for a handler that panics, and logs it without the value,
// which net/http would log (R58).
func recovering(handler http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := panics.Catch(func() error {
			handler.ServeHTTP(w, r)
			return nil
		})
		if e := panics.In(err); e != nil {
			log.ErrorContext(r.Context(), "Request panicked", append([]any{"namespace", "pims-sync:api"}, e.Attrs()...)...)
			http.Error(w, "internal error", http.StatusInternalServerError)
		}
	})
}

// traced is tracing's view of a request to the API.
func (e *engine) traced(ctx context.Context, operation string, header http.Header) (context.Context, func(api.Answer)) {
	ctx, answered := e.tracing.Request(ctx, operation, header)
	return ctx, func(a api.Answer) { answered(a.Status, a.ClinicID, a.SyncID, a.Code) }
}

// serve answers on a listener in the background.
func (r *server) serve(listener net.Listener, handler http.Handler, wait time.Duration) {
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      wait + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	r.servers = append(r.servers, s)
	panics.GoIn(&r.serving, func() {
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), err)
		}
	}, func(e *panics.Error) { r.failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), e) })
}

// url is where the API answers.
func (r *server) url() string { return "http://" + r.listener.Addr().String() }

// close gives running syncs back to the queue, answers the calls that wait for
// them, and then ends the listeners and the engine (R31). Until then the listeners
// answer, each call on a connection of its own, that this replica is draining.
func (r *server) close() {
	for _, s := range r.servers {
		s.SetKeepAlivesEnabled(false)
	}
	r.engine.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, s := range r.servers {
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
	}
	r.serving.Wait()
	r.engine.release()
}

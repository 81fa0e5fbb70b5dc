package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/console"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/web"
)

// ServerOptions are the differences between serve and demo.
type ServerOptions struct {
	Listener net.Listener
	Metrics  net.Listener // nil: /metrics is on the other one
	Wait     time.Duration
	Proxies  []netip.Prefix
	Hosts    []string // under which the server is known; none: every host
	Engine   EngineOptions
	Console  *ConsoleOptions // nil: there is none

	Connections int        // at the same time on a listener; 0: DefaultConnections
	Limits      api.Limits // of callers of the API; zero: none
}

// A Server is everything that is served over HTTP, and the engine behind it.
type Server struct {
	Engine *Engine

	listener    net.Listener
	connections int
	proxies     []netip.Prefix
	servers     []*http.Server
	failed      chan error
	serving     sync.WaitGroup
}

// StartServer starts the engine and serves on the listeners.
func StartServer(ctx context.Context, settings Settings, s *Store, log *slog.Logger, o ServerOptions) (*Server, error) {
	s.warnOfStrangers(ctx, log)
	e, err := NewEngine(ctx, settings, s, log, o.Engine)
	if err != nil {
		return nil, err
	}
	running := &Server{Engine: e, listener: o.Listener, connections: o.Connections, proxies: o.Proxies, failed: make(chan error, 2)}
	var pages []web.Mount
	options := e.api(settings, o.Wait)
	if o.Console != nil {
		c := e.consoleOptions(*o.Console, settings, o.Engine.Now)
		if pages, err = console.New(c); err != nil {
			e.Close()
			return nil, err
		}
		options.Session, options.Fleet.LinkOf = console.SessionOf(c), console.LinkOf(c)
		options.Fleet.BaseOf = console.BaseOf(c)
	}
	if err := e.Start(ctx); err != nil {
		e.Close()
		return nil, err
	}
	chain := web.Options{TrustedProxies: o.Proxies, Hosts: o.Hosts, Observe: e.metrics.HTTPRequest, Logger: log}
	options.Limits = o.Limits
	if o.Metrics != nil {
		options.Metrics = nil
		running.serve(o.Metrics, web.New(chain, web.Mount{Pattern: "/metrics", Handler: web.Get(web.WithoutQuery(e.metrics.Handler()))}), 0)
	}
	mounts := append(api.New(options), pages...)
	running.serve(running.listener, web.New(chain, mounts...), o.Wait)
	return running, nil
}

// api returns the options of the API in front of the engine.
func (e *Engine) api(settings Settings, wait time.Duration) api.Options {
	s := e.Store
	return api.Options{
		Keys:      s.Keys(),
		FleetKeys: fleetstore.New(s.DB),
		Fleet: fleetapi.Options{
			Service: e.Fleet(), Practice: e.Practice(), Trends: trendstore.New(s.DB), Events: s.OperatorLog(), People: s.People(),
			System: e.system(settings),
		},
		Record:     s.OperatorLog(),
		Outgoing:   e.Outgoing,
		Syncs:      e.Queue,
		Cases:      s.Records(),
		CasesByID:  s.Records(),
		Changes:    e.Feed,
		Arrivals:   feedstore.New(s.DB),
		Plans:      s.Plans(),
		Recordings: e.recordings,
		Conditions: e.Scheduler,
		Clinics:    s.Clinics(),
		Ready:      s.DB,
		Draining:   e.Queue.Draining,
		Metrics:    e.metrics.Handler(),
		Wait:       wait,
		Trace:      e.traced,
		Version:    settings.Version,
		CursorKeys: e.cursorKeys,

		ObserveLimit: func(l api.Limit) { e.metrics.HTTPLimited(string(l)) },
	}
}

// traced starts the span of a request to the API.
func (e *Engine) traced(ctx context.Context, operation string, header http.Header) (context.Context, func(web.Answer)) {
	ctx, answered := e.tracing.Request(ctx, operation, header)
	return ctx, func(a web.Answer) { answered(a.Status, a.ClinicID, a.SyncID, a.Code) }
}

// DefaultConnections is how many connections a listener has open at most, if nothing else
// is set.
const DefaultConnections = 1000

// serve serves on a listener in the background.
func (r *Server) serve(listener net.Listener, handler http.Handler, wait time.Duration) {
	s := web.Server(handler, max(wait, feed.MaxWait)+30*time.Second)
	r.servers = append(r.servers, s)
	bounded := web.Listen(listener, cmp.Or(r.connections, DefaultConnections), r.proxies, time.Now)
	panics.GoIn(&r.serving, func() {
		if err := s.Serve(bounded); !errors.Is(err, http.ErrServerClosed) {
			r.failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), err)
		}
	}, func(e *panics.Error) { r.failed <- fmt.Errorf("serving on %s: %w", listener.Addr(), e) })
}

// URL returns the address of the API.
func (r *Server) URL() string { return "http://" + r.listener.Addr().String() }

// Failed receives the error of a listener that ended by itself.
func (r *Server) Failed() <-chan error { return r.failed }

// Close gives running syncs back to the queue, answers the calls that wait for them, and
// then ends the listeners and the engine (R31). Until then each new call gets its own
// connection and the answer that this replica is draining.
func (r *Server) Close() {
	for _, s := range r.servers {
		s.SetKeepAlivesEnabled(false)
	}
	r.Engine.stop()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, s := range r.servers {
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
	}
	r.serving.Wait()
	r.Engine.release()
}

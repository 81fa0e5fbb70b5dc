package app

import (
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
	"github.com/pims-sync/pims-sync/internal/panics"
)

// ServerOptions are the differences between serve and demo.
type ServerOptions struct {
	Listener net.Listener
	Metrics  net.Listener // nil: /metrics is on the other one
	Wait     time.Duration
	Proxies  []netip.Prefix
	Engine   EngineOptions
}

// A Server is the HTTP API and the engine behind it.
type Server struct {
	Engine *Engine

	listener net.Listener
	servers  []*http.Server
	failed   chan error
	serving  sync.WaitGroup
}

// StartServer starts the engine and serves on the listeners.
func StartServer(ctx context.Context, settings Settings, s *Store, log *slog.Logger, o ServerOptions) (*Server, error) {
	e, err := NewEngine(ctx, settings, s, log, o.Engine)
	if err != nil {
		return nil, err
	}
	running := &Server{Engine: e, listener: o.Listener, failed: make(chan error, 2)}
	options := api.Options{
		Keys:           s.Keys(),
		Syncs:          e.Queue,
		Cases:          s.Records(),
		Plans:          s.Plans(),
		Decisions:      e.Queue,
		Restores:       s.Cases(),
		Conditions:     e.Scheduler,
		Clinics:        s.Clinics(),
		Ready:          s.DB,
		Draining:       e.Queue.Draining,
		Metrics:        e.metrics.Handler(),
		Wait:           o.Wait,
		TrustedProxies: o.Proxies,
		Trace:          e.traced,
		Version:        settings.Version,
		Logger:         log,
	}
	if err := e.Start(ctx); err != nil {
		e.Close()
		return nil, err
	}
	if o.Metrics != nil {
		options.Metrics = nil
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", e.metrics.Handler())
		running.serve(o.Metrics, recovering(mux, log), 0)
	}
	running.serve(running.listener, api.New(options), o.Wait)
	return running, nil
}

// recovering returns 500 for a handler that panics. It logs the panic without its value,
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

// traced starts the span of a request to the API.
func (e *Engine) traced(ctx context.Context, operation string, header http.Header) (context.Context, func(api.Answer)) {
	ctx, answered := e.tracing.Request(ctx, operation, header)
	return ctx, func(a api.Answer) { answered(a.Status, a.ClinicID, a.SyncID, a.Code) }
}

// serve serves on a listener in the background.
func (r *Server) serve(listener net.Listener, handler http.Handler, wait time.Duration) {
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

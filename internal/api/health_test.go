package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// W18, docs/interface.md §Endpoints.
func TestHealthTellsUptimeMemoryAndVersion(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ready.err = errors.New("no database")
	b.now = b.now.Add(90*time.Second + 900*time.Millisecond)
	a := b.get("/health", withoutKey)
	require.Equal(t, http.StatusOK, a.Code)
	require.Positive(t, a.at("memory", "heapUsed"))
	require.GreaterOrEqual(t, a.at("memory", "heapTotal"), a.at("memory", "heapUsed"))
	delete(a.body, "memory")
	require.Equal(t, map[string]any{"status": "healthy", "uptime": 90.0, "version": "1.2.3"}, a.body)
}

func TestReadyTellsWhetherTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := b.get("/ready", withoutKey)
	require.Equal(t, http.StatusOK, a.Code)
	require.JSONEq(t, `{"status":"ready","database":"connected"}`, a.Body.String())

	b.ready.err = errors.New("refused by 10.0.0.7")
	a = b.get("/ready", withoutKey)
	require.Equal(t, http.StatusServiceUnavailable, a.Code)
	require.JSONEq(t, `{"status":"not_ready","database":"disconnected"}`, a.Body.String())
	require.Equal(t, "refused by 10.0.0.7", b.lines()[1]["error"])
}

func TestAReplicaThatDrainsIsNotReadyAndHealthyStill(t *testing.T) { // R31
	t.Parallel()
	var draining atomic.Bool
	b := newBench(t, func(o *benchSettings) { o.Draining = draining.Load })
	require.Equal(t, http.StatusOK, b.get("/ready", withoutKey).Code)

	draining.Store(true)
	a := b.get("/ready", withoutKey)
	require.Equal(t, http.StatusServiceUnavailable, a.Code)
	require.JSONEq(t, `{"status":"not_ready","database":"connected","code":"draining"}`, a.Body.String())
	require.Equal(t, http.StatusOK, b.get("/health", withoutKey).Code)

	b.ready.err = errors.New("no database")
	a = b.get("/ready", withoutKey)
	require.Equal(t, http.StatusServiceUnavailable, a.Code)
	require.JSONEq(t, `{"status":"not_ready","database":"disconnected","code":"draining"}`, a.Body.String())
}

func TestReadyDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	var deadline bool
	b := newBench(t, func(o *benchSettings) {
		o.Ready = pinger(func(ctx context.Context) error { _, deadline = ctx.Deadline(); return nil })
	})
	b.get("/ready")
	require.True(t, deadline)
}

// A probe that ends its side of the connection cancels its request and still reads.
func TestReadyDoesNotDependOnTheProbesPatience(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *benchSettings) {
		o.Ready = pinger(func(ctx context.Context) error { return ctx.Err() })
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/ready", nil))
	require.Equal(t, http.StatusOK, w.Code)
}

type pinger func(context.Context) error

func (p pinger) Ping(ctx context.Context) error { return p(ctx) }

func TestMetricsAreServedWhereTheyAreHandedIn(t *testing.T) {
	t.Parallel()
	a := newBench(t).get("/metrics", withoutKey)
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, "sync_in_progress 0\n", a.Body.String())
	require.Equal(t, "text/plain; version=0.0.4", a.Header().Get("Content-Type"))

	elsewhere := newBench(t, func(o *benchSettings) { o.Metrics = nil })
	require.Equal(t, http.StatusNotFound, elsewhere.get("/metrics", withoutKey).Code)
}

func TestTheRootPointsToTheDocumentation(t *testing.T) {
	t.Parallel()
	a := newBench(t).get("/", withoutKey)
	require.Equal(t, http.StatusOK, a.Code)
	require.JSONEq(t, `{"service":"pims-sync","docs":"/docs","openapi":"/openapi.json"}`, a.Body.String())
}

package tracing_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/logtest"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/tracing"
	"github.com/pims-sync/pims-sync/internal/tracing/tracetest"
)

func start(t *testing.T, endpoint string) (*tracing.Tracing, *logtest.Book) {
	t.Helper()
	log := &logtest.Book{}
	traces, err := tracing.Start(t.Context(), tracing.Options{Endpoint: endpoint, Version: "1.2.3", Logger: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	t.Cleanup(traces.Close)
	return traces, log
}

var span = casesync.Span{ClinicID: uuid.New(), SyncID: uuid.New(), Type: syncs.TypeFull, Attempt: 2}

func TestSpansFormATreeAndTellHowTheyEnded(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	traces, _ := start(t, c.URL)

	ctx, answered := traces.Request(t.Context(), "POST /api/sync/full", http.Header{
		"Traceparent": {"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"},
	})
	syncCtx, ended := traces.Sync(ctx, span)
	phase := span
	phase.SyncID, phase.ParentID, phase.Type, phase.DryRun = uuid.New(), span.SyncID, syncs.TypeInbound, true
	phaseCtx, phaseEnded := traces.Sync(syncCtx, phase)
	traces.PIMSRequest(phaseCtx, "some_pims", pims.Observation{Operation: pims.OpCalendar, Outcome: "remote_error", Status: 503, Duration: time.Minute})
	traces.PIMSRequest(phaseCtx, "some_pims", pims.Observation{Operation: pims.OpAppointment, Outcome: "not_found", Status: 404, Duration: time.Second})
	traces.PIMSRequest(phaseCtx, "some_pims", pims.Observation{Operation: pims.OpLogin, Outcome: "ok", Duration: time.Second})
	phaseEnded(syncs.StatusFailed, syncs.CodePIMSError)
	ended(syncs.StatusCompleted, "")
	answered(http.StatusBadGateway, span.ClinicID, span.SyncID, syncs.CodePIMSError)
	traces.Close()

	request, sync, inbound := c.One(t, "POST /api/sync/full"), c.One(t, "sync full"), c.One(t, "phase inbound")
	require.Equal(t, "0123456789abcdef0123456789abcdef", request.Trace, "the caller's")
	require.Equal(t, "0123456789abcdef", request.Parent)
	require.Equal(t, map[string]string{
		"http.response.status_code": "502", "clinic.id": span.ClinicID.String(), "sync.id": span.SyncID.String(), "code": "pims_error",
	}, request.Attributes)
	require.True(t, request.Failed)
	require.Equal(t, "pims-sync", request.Process["service.name"])
	require.Equal(t, "1.2.3", request.Process["service.version"])

	require.Equal(t, request.ID, sync.Parent)
	require.Equal(t, map[string]string{
		"clinic.id": span.ClinicID.String(), "sync.id": span.SyncID.String(), "sync.type": "full", "sync.attempt": "2",
		"sync.dry_run": "false", "sync.status": "completed",
	}, sync.Attributes)
	require.False(t, sync.Failed)

	require.Equal(t, sync.ID, inbound.Parent)
	require.Equal(t, map[string]string{
		"clinic.id": span.ClinicID.String(), "sync.id": phase.SyncID.String(), "sync.parent_id": span.SyncID.String(), "sync.type": "inbound",
		"sync.attempt": "2", "sync.dry_run": "true", "sync.status": "failed", "code": "pims_error",
	}, inbound.Attributes)
	require.True(t, inbound.Failed)
	require.Equal(t, "pims_error", inbound.Reason)

	calendar := c.One(t, "some_pims calendar")
	require.Equal(t, inbound.ID, calendar.Parent)
	require.Equal(t, map[string]string{
		"pims.provider": "some_pims", "pims.operation": "calendar", "pims.outcome": "remote_error", "http.response.status_code": "503",
	}, calendar.Attributes)
	require.True(t, calendar.Failed)
	require.Equal(t, time.Minute, calendar.End.Sub(calendar.Start))
	require.False(t, c.One(t, "some_pims appointment").Failed, "which is an ordinary answer")
	require.NotContains(t, c.One(t, "some_pims login").Attributes, "http.response.status_code")
}

// spend makes more spans than can be kept, and returns how long that took.
func spend(ctx context.Context, traces *tracing.Tracing) time.Duration {
	began := time.Now()
	for range 10_000 {
		ctx, ended := traces.Sync(ctx, span)
		traces.PIMSRequest(ctx, "some_pims", pims.Observation{Operation: pims.OpSearch, Outcome: "ok"})
		ended(syncs.StatusCompleted, "")
	}
	return time.Since(began)
}

func TestACollectorThatIsDownCostsSpansAndNoTime(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close()) // nobody listens there any more
	traces, log := start(t, "http://user:pass-word@"+listener.Addr().String())

	require.Less(t, spend(t.Context(), traces), 5*time.Second)
	began := time.Now()
	traces.Close()
	require.Less(t, time.Since(began), 4*time.Second)

	require.Equal(t, 1, strings.Count(log.String(), "Traces cannot be sent to the collector"), log)
	require.NotContains(t, log.String(), "pass-word")
}

func TestACollectorThatHangsCostsSpansAndNoTime(t *testing.T) {
	t.Parallel()
	url, asked := tracetest.Hanging(t)
	traces, _ := start(t, url)

	require.Less(t, spend(t.Context(), traces), 5*time.Second)
	<-asked
	began := time.Now()
	traces.Close()
	require.Less(t, time.Since(began), 4*time.Second, "R31")
}

//nolint:paralleltest // it looks at the whole process
func TestNothingIsLeftOfTracingAfterItsClose(t *testing.T) {
	hanging, _ := tracetest.Hanging(t)
	for _, endpoint := range []string{tracetest.New(t).URL, hanging, "http://127.0.0.1:1"} {
		before := goleak.IgnoreCurrent()
		traces, _ := start(t, endpoint)
		_, ended := traces.Sync(t.Context(), span)
		ended(syncs.StatusCompleted, "")
		traces.Close()
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*connReader).backgroundRead"))
	}
}

func TestOffMakesNoSpansAndNeedsNoClose(t *testing.T) {
	t.Parallel()
	traces := tracing.Off()
	ctx, answered := traces.Request(t.Context(), "GET /api/cases", http.Header{
		"Traceparent": {"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"},
	})
	require.Equal(t, t.Context(), ctx)
	answered(http.StatusOK, uuid.Nil, uuid.Nil, "")
	ctx, ended := traces.Sync(t.Context(), span)
	require.Equal(t, t.Context(), ctx)
	ended(syncs.StatusFailed, syncs.CodeInternal)
	traces.PIMSRequest(t.Context(), "some_pims", pims.Observation{})
	_, span := traces.Provider().Tracer("river").Start(ctx, "work")
	require.False(t, span.IsRecording())
	span.End()
	traces.Close()
}

func TestAnEndpointThatIsNoneIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "localhost:4318", "grpc://pass-word@collector:4317", "http://", "http://pass-word@coll ector", "/v1/traces"} {
		_, err := tracing.Start(t.Context(), tracing.Options{Endpoint: endpoint})
		require.ErrorContains(t, err, "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
		require.ErrorContains(t, err, "http://localhost:4318", endpoint)
		require.NotContains(t, err.Error(), "pass-word")
	}
}

func TestTheEndpointMayEndInASlash(t *testing.T) {
	t.Parallel()
	c := tracetest.New(t)
	traces, _ := start(t, c.URL+"/")
	_, ended := traces.Sync(t.Context(), span)
	ended(syncs.StatusCompleted, "")
	traces.Close()
	require.Len(t, c.Spans(), 1)
}

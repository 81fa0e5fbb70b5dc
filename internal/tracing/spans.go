package tracing

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The attributes of our spans; the other attributes follow OpenTelemetry's conventions.
const (
	clinicID = attribute.Key("clinic.id")
	syncID   = attribute.Key("sync.id")
	parentID = attribute.Key("sync.parent_id")
	syncType = attribute.Key("sync.type")
	attempt  = attribute.Key("sync.attempt")
	dryRun   = attribute.Key("sync.dry_run")
	status   = attribute.Key("sync.status")
	code     = attribute.Key("code")

	provider  = attribute.Key("pims.provider")
	operation = attribute.Key("pims.operation")
	outcome   = attribute.Key("pims.outcome")

	httpStatus = attribute.Key("http.response.status_code")
)

// Request begins the span of a request to the API, below the caller's span where the
// request has one (W3C traceparent). The operation is its method and path pattern. The span
// ends when the returned function is called with the answer: its status, its clinic, its
// sync, and the code of an error; what does not apply is zero.
func (t *Tracing) Request(ctx context.Context, name string, header http.Header) (context.Context, func(answer int, clinic, sync uuid.UUID, problem syncs.Code)) {
	if t.off() {
		return ctx, func(int, uuid.UUID, uuid.UUID, syncs.Code) {}
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	ctx, span := t.begin(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(answer int, clinic, sync uuid.UUID, problem syncs.Code) {
		span.SetAttributes(httpStatus.Int(answer))
		setID(span, clinicID, clinic)
		setID(span, syncID, sync)
		if problem != "" {
			span.SetAttributes(code.String(string(problem)))
		}
		if answer >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, string(problem))
		}
		span.End()
	}
}

// Sync begins the span of a sync, or of a phase of a full one. The span ends when the
// returned function is called. Sync serves as casesync.RunnerOptions.Watch.
func (t *Tracing) Sync(ctx context.Context, s casesync.Span) (context.Context, func(syncs.Status, syncs.Code)) {
	if t.off() {
		return ctx, func(syncs.Status, syncs.Code) {}
	}
	name := "sync "
	if s.ParentID != uuid.Nil {
		name = "phase "
	}
	ctx, span := t.begin(ctx, name+string(s.Type), trace.WithAttributes(
		clinicID.String(s.ClinicID.String()), syncID.String(s.SyncID.String()), syncType.String(string(s.Type)),
		attempt.Int(s.Attempt), dryRun.Bool(s.DryRun),
	))
	setID(span, parentID, s.ParentID)
	return ctx, func(end syncs.Status, problem syncs.Code) {
		span.SetAttributes(status.String(string(end)))
		if problem != "" {
			span.SetAttributes(code.String(string(problem)))
		}
		if end == syncs.StatusFailed {
			span.SetStatus(codes.Error, string(problem))
		}
		span.End()
	}
}

// PIMSRequest makes the span of a request to a PIMS, or of a login, that has just ended.
func (t *Tracing) PIMSRequest(ctx context.Context, name string, o pims.Observation) {
	if t.off() {
		return
	}
	end := time.Now()
	_, span := t.begin(ctx, name+" "+o.Operation,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-o.Duration)),
		trace.WithAttributes(provider.String(name), operation.String(o.Operation), outcome.String(o.Outcome)))
	if o.Status != 0 {
		span.SetAttributes(httpStatus.Int(o.Status))
	}
	if o.Outcome != pims.Kind(nil) && o.Outcome != pims.Kind(pims.ErrNotFound) {
		span.SetStatus(codes.Error, o.Outcome)
	}
	span.End(trace.WithTimestamp(end))
}

// begin begins a span. The caller ends it.
func (t *Tracing) begin(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, options...) //nolint:spancheck // its caller ends it
}

// setID adds an id unless it is zero.
func setID(span trace.Span, key attribute.Key, id uuid.UUID) {
	if id != uuid.Nil {
		span.SetAttributes(key.String(id.String()))
	}
}

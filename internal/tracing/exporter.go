package tracing

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// An exporter sends spans to the collector and handles errors itself. The SDK would pass
// errors to the process's global handler, which writes to standard error and not to our
// log.
type exporter struct {
	collector sdk.SpanExporter
	log       *slog.Logger
	failing   atomic.Bool

	ended   context.Context //nolint:containedctx // of all sending: it ends with abandon
	abandon context.CancelFunc
}

func newExporter(collector sdk.SpanExporter, log *slog.Logger) *exporter {
	e := &exporter{collector: collector, log: log}
	e.ended, e.abandon = context.WithCancel(context.Background())
	return e
}

// ExportSpans implements sdk.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.ended, cancel)()

	err := e.collector.ExportSpans(ctx, spans)
	switch failed := err != nil; {
	case failed == e.failing.Swap(failed):
	case failed:
		e.log.WarnContext(ctx, "Traces cannot be sent to the collector; syncs go on without", "error", reason(err))
	default:
		e.log.InfoContext(ctx, "Traces are sent to the collector again")
	}
	return nil
}

// Shutdown implements sdk.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error { return e.collector.Shutdown(ctx) }

// maxReason bounds how much of an answer is logged, in bytes: an answer may be a whole
// page.
const maxReason = 200

// reason says what went wrong, without the collector's address, which may contain a
// password.
func reason(err error) string {
	if sending, ok := errors.AsType[*url.Error](err); ok {
		err = sending.Err
	}
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}

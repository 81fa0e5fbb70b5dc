// Package tracing sends spans of the program's work to an OpenTelemetry collector
// (docs/interface.md §Environment, OTEL_EXPORTER_OTLP_ENDPOINT): requests to the API, jobs,
// syncs and their phases, requests to a PIMS and logins.
//
// The package only observes; no other part depends on it. If the collector is slow, down or
// broken, spans are lost but nothing waits. Spans have ids and words of closed sets, and
// never a name, a phone number, a note, or the values in an address (R40). The package
// changes no global state of the process.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	library = "github.com/pims-sync/pims-sync" // that makes the spans

	// sendTimeout is how long a collector may take to accept spans.
	sendTimeout = 10 * time.Second
	// flushTimeout is how long Close waits for the last spans (R31).
	flushTimeout = 2 * time.Second
)

// Options say where to send spans.
type Options struct {
	// Endpoint is a collector's base URL in the form of OTEL_EXPORTER_OTLP_ENDPOINT, such
	// as http://localhost:4318. Spans go to the path /v1/traces below it.
	Endpoint string

	Version string       // of the program
	Logger  *slog.Logger // told once when spans cannot be sent, and once when they can again; nil: nobody
}

// Tracing makes spans. The zero value is not usable: use Start or Off. It is safe for
// concurrent use.
type Tracing struct {
	provider trace.TracerProvider
	tracer   trace.Tracer
	close    func() // nil: it is off
}

// Off returns a Tracing that makes no spans, starts nothing and needs no Close.
func Off() *Tracing {
	provider := noop.NewTracerProvider()
	return &Tracing{provider: provider, tracer: provider.Tracer(library)}
}

// Start begins to trace; Close ends it. Start makes no connection yet: a collector may come
// up later. The error is for an endpoint that is not an http or https URL.
//
// The library also reads OpenTelemetry's other variables, such as
// OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and OTEL_RESOURCE_ATTRIBUTES.
func Start(ctx context.Context, o Options) (*Tracing, error) {
	target, err := target(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1}
	collector, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(target),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: transport, Timeout: sendTimeout}),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing to send traces: %w", err)
	}
	self, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "pims-sync"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv(), // wins
	)
	if err != nil {
		return nil, fmt.Errorf("describing this process for traces: %w", err)
	}
	sending := newExporter(collector, o.Logger)
	provider := sdk.NewTracerProvider(sdk.WithBatcher(sending, sdk.WithExportTimeout(sendTimeout)), sdk.WithResource(self))
	return &Tracing{
		provider: provider,
		tracer:   provider.Tracer(library),
		close: func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			defer cancel()
			_ = provider.Shutdown(ctx) // what could not be sent was logged
			sending.abandon()
			transport.CloseIdleConnections()
		},
	}, nil
}

// target returns the address to which spans are posted. An error does not repeat the
// endpoint, which may contain a password.
func target(endpoint string) (string, error) {
	base, err := url.Parse(endpoint)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return "", fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT must be the base URL of a collector that speaks OTLP over HTTP, such as http://localhost:4318")
	}
	return base.JoinPath("v1", "traces").String(), nil
}

func (t *Tracing) off() bool { return t.close == nil }

// Provider returns the provider for libraries that make their own spans.
func (t *Tracing) Provider() trace.TracerProvider { return t.provider }

// Close sends the remaining spans and ends. Spans that the collector does not accept within
// two seconds, or that end later, are lost.
func (t *Tracing) Close() {
	if !t.off() {
		t.close()
	}
}

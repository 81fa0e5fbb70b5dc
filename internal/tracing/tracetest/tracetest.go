// Package tracetest is an OpenTelemetry collector for tests: it takes spans as OTLP
// over HTTP and shows them. It keeps them in memory and sends them nowhere.
package tracetest

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A Span is one span as it arrived.
type Span struct {
	Name       string
	Trace      string // id, in hex
	ID         string // in hex
	Parent     string // the id of another span; empty: it is a root
	Links      []string
	Attributes map[string]string // every value as text
	Failed     bool
	Reason     string // of the failure
	Start, End time.Time
	Process    map[string]string // the attributes of what sent it
}

// A Collector takes spans. It is safe for concurrent use.
type Collector struct {
	// URL is for OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string

	mu    sync.Mutex
	spans []Span
	raw   []byte
}

// New starts a collector that ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("the collector got what it does not understand: %v", err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Hanging starts a server that takes requests and never answers until the test ends.
// asked gets a value with the first of them.
func Hanging(t testing.TB) (url string, asked <-chan struct{}) {
	t.Helper()
	first, ended := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case first <- struct{}{}:
		default:
		}
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	return server.URL, first
}

// Spans are all that arrived until now, in no order.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Raw is every byte that arrived until now.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}

// Named are the spans of a name.
func (c *Collector) Named(name string) []Span {
	var named []Span
	for _, s := range c.Spans() {
		if s.Name == name {
			named = append(named, s)
		}
	}
	return named
}

// One is the only span of a name.
func (c *Collector) One(t testing.TB, name string) Span {
	t.Helper()
	named := c.Named(name)
	require.Len(t, named, 1, "spans that are called %s", name)
	return named[0]
}

func (c *Collector) take(r *http.Request) error {
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s %s of %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &request); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, process := range request.GetResourceSpans() {
		from := texts(process.GetResource().GetAttributes())
		for _, scope := range process.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, spanOf(s, from))
			}
		}
	}
	return nil
}

func spanOf(s *trace.Span, process map[string]string) Span {
	span := Span{
		Name:       s.GetName(),
		Trace:      hex.EncodeToString(s.GetTraceId()),
		ID:         hex.EncodeToString(s.GetSpanId()),
		Parent:     hex.EncodeToString(s.GetParentSpanId()),
		Attributes: texts(s.GetAttributes()),
		Failed:     s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR,
		Reason:     s.GetStatus().GetMessage(),
		Start:      time.Unix(0, int64(s.GetStartTimeUnixNano())), //nolint:gosec // until 2262
		End:        time.Unix(0, int64(s.GetEndTimeUnixNano())),   //nolint:gosec // until 2262
		Process:    process,
	}
	for _, link := range s.GetLinks() {
		span.Links = append(span.Links, hex.EncodeToString(link.GetSpanId()))
	}
	return span
}

func texts(attributes []*common.KeyValue) map[string]string {
	all := make(map[string]string, len(attributes))
	for _, a := range attributes {
		switch value := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[a.GetKey()] = value.StringValue
		case *common.AnyValue_IntValue:
			all[a.GetKey()] = fmt.Sprint(value.IntValue)
		case *common.AnyValue_BoolValue:
			all[a.GetKey()] = fmt.Sprint(value.BoolValue)
		default:
			all[a.GetKey()] = a.GetValue().String()
		}
	}
	return all
}

package metrics

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
)

// riverBuckets are in seconds: a job takes as long as its sync, and a search for jobs takes
// milliseconds.
var (
	riverWorkBuckets  = syncBuckets
	riverFetchBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5}
)

// riverScope is the name of River's middleware. An instrument with the same name counts in
// the same series.
const riverScope = "github.com/riverqueue/rivercontrib/otelriver"

// River's counters, by River's names, and their statuses.
const (
	riverInserts = "river.insert_count"
	riverWork    = "river.work_count"
)

var riverStatuses = []string{"ok", "error", "panic"}

// riverStreams are the instruments of River that we keep, by River's names. The others say
// nothing more, or have labels without a bound.
var riverStreams = map[string]sdk.Stream{
	riverInserts:                       {Name: "river_insert_count", Description: "Jobs of the queue that were inserted.", AttributeFilter: onlyStatus},
	riverWork:                          {Name: "river_work_count", Description: "Jobs of the queue that were worked on.", AttributeFilter: onlyStatus},
	"river.work_duration_histogram":    {Name: "river_work_duration", Description: "How long jobs of the queue took.", AttributeFilter: onlyStatus, Aggregation: histogram(riverWorkBuckets)},
	"river.job_get_available_duration": {Name: "river_job_get_available_duration", Description: "How long it took to ask the database for jobs.", AttributeFilter: noLabel, Aggregation: histogram(riverFetchBuckets)},
}

func onlyStatus(label attribute.KeyValue) bool { return label.Key == "status" }

func noLabel(attribute.KeyValue) bool { return false }

func histogram(buckets []float64) sdk.Aggregation {
	return sdk.AggregationExplicitBucketHistogram{Boundaries: buckets, NoMinMax: true}
}

// riverView keeps riverStreams and drops all others.
func riverView(instrument sdk.Instrument) (sdk.Stream, bool) {
	stream, kept := riverStreams[instrument.Name]
	if !kept {
		return sdk.Stream{Aggregation: sdk.AggregationDrop{}}, true
	}
	stream.Unit = instrument.Unit
	return stream, true
}

// newMeters makes the provider of River's instruments. They are read when the registry is.
func newMeters(registry *prometheus.Registry) (metric.MeterProvider, error) {
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("registering River's metrics: %w", err)
	}
	meters := sdk.NewMeterProvider(
		sdk.WithReader(reader),
		sdk.WithView(riverView),
		sdk.WithResource(resource.Empty()),
		sdk.WithExemplarFilter(exemplar.AlwaysOffFilter),
	)
	return meters, beginRiver(meters)
}

// beginRiver sets every one of River's counters to zero.
func beginRiver(meters metric.MeterProvider) error {
	for _, name := range []string{riverInserts, riverWork} {
		counter, err := meters.Meter(riverScope).Int64Counter(name, metric.WithUnit("{job}"))
		if err != nil {
			return fmt.Errorf("registering River's metrics: %w", err)
		}
		for _, status := range riverStatuses {
			counter.Add(context.Background(), 0, metric.WithAttributes(attribute.String("status", status)))
		}
	}
	return nil
}

// Meters returns the provider for River, whose metrics are served with ours
// (docs/interface.md §Metrics).
func (m *Metrics) Meters() metric.MeterProvider { return m.meters }

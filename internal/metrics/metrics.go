// Package metrics counts what the program does, for Prometheus (docs/interface.md
// §Metrics). Every label is one of a closed set and never a clinic, a patient or a client
// (R40). The package only observes; no other part depends on its counts.
//
// Every counter begins at zero for every label that it can have, and not with its first
// event: Prometheus sees no increase in a series that did not exist before. The requests that
// we serve are an exception: most pairs of route and status never happen.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/metric"

	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Metrics are the program's counters. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	meters   metric.MeterProvider

	syncs        *prometheus.CounterVec
	syncDuration *prometheus.HistogramVec
	running      *prometheus.GaugeVec
	waiting      prometheus.Gauge
	written      *prometheus.CounterVec
	requests     *prometheus.CounterVec
	requestTime  *prometheus.HistogramVec
	logins       *prometheus.CounterVec
	refusals     *prometheus.CounterVec
	ticks        *prometheus.CounterVec
	lateness     prometheus.Histogram
	schedules    *prometheus.GaugeVec
	stale        *prometheus.GaugeVec
	oldest       *prometheus.GaugeVec
	clinics      *prometheus.GaugeVec
	http         *prometheus.CounterVec
	httpTime     *prometheus.HistogramVec

	limited *prometheus.CounterVec

	outgoing
}

// The buckets, in seconds: a sync takes seconds to minutes, a request milliseconds to
// seconds.
var (
	syncBuckets     = []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
	latenessBuckets = []float64{0.1, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21600}
	httpBuckets     = []float64{0.005, 0.025, 0.1, 0.25, 1, 5, 15, 60}
	requestBuckets  = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
)

// New makes the metrics of a program with these providers, in a registry of their own, with
// the Go, process and River collectors.
func New(providers ...string) (*Metrics, error) {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sync_operations_total", Help: "Syncs that ended, by type and status (success, failure, cancelled).",
		}, []string{"type", "status"}),
		syncDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sync_duration_seconds", Help: "How long syncs worked.", Buckets: syncBuckets,
		}, []string{"type"}),
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sync_in_progress", Help: "Syncs that this replica works on.",
		}, []string{"type"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sync_waiting_for_memory", Help: "Syncs of this replica that wait until another one no longer keeps a large calendar.",
		}),
		written: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cases_written_total", Help: "Cases that syncs wrote, by what they did to them.",
		}, []string{"action"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pims_requests_total", Help: "Requests to PIMS, by operation and outcome.",
		}, []string{"provider", "operation", "outcome"}),
		requestTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pims_request_duration_seconds", Help: "How long requests to PIMS took, without waiting for the rate limit.", Buckets: requestBuckets,
		}, []string{"provider", "operation"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pims_logins_total", Help: "Logins to PIMS, by outcome.",
		}, []string{"provider", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deletion_guard_total", Help: "Reconciliations that the deletion guard stopped, by reason.",
		}, []string{"reason"}),
		ticks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "schedule_ticks_total", Help: "Ticks of schedules, by what became of them (enqueued, coalesced, missed).",
		}, []string{"outcome"}),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "schedule_lateness_seconds", Help: "How long after they were due scheduled syncs began.", Buckets: latenessBuckets,
		}),
		schedules: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "schedule_entries", Help: "Entries of schedules, by state (running, bad). A bad one is disabled and logged.",
		}, []string{"state"}),
		stale: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clinics_stale", Help: "Clinics whose latest scheduled sync of a type has not succeeded within an hour.",
		}, []string{"type"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sync_oldest_data_age_seconds", Help: "How old the data of the most outdated scheduled clinic is.",
		}, []string{"type"}),
		clinics: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "clinics", Help: "Clinics by state: off, login_refused, waiting_for_approval, failing, stale, never_synced, ok. Each has one.",
		}, []string{"state"}),
		http: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests that were served, by the pattern of their address, method and status.",
		}, []string{"route", "method", "status"}),
		httpTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long the work on requests took, without waiting for a sync, a change or the end of a stream.", Buckets: httpBuckets,
		}, []string{"route"}),
	}
	m.registry.MustRegister(
		m.syncs, m.syncDuration, m.running, m.waiting, m.written, m.requests, m.requestTime, m.logins, m.refusals,
		m.ticks, m.lateness, m.schedules, m.stale, m.oldest, m.clinics,
		m.http, m.httpTime,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.outgoing = newOutgoing(m.registry, providers)
	m.limited = newLimited(m.registry)
	m.begin(providers)
	var err error
	m.meters, err = newMeters(m.registry)
	return m, err
}

// tickOutcomes are the outcomes that Ticks receives (docs/interface.md §Metrics,
// schedule_ticks_total).
var tickOutcomes = []string{"enqueued", "coalesced", "missed"}

// begin sets every counter to zero. Gauges of the database get no value before the database
// was read: a zero would look like a good state.
func (m *Metrics) begin(providers []string) {
	for _, t := range syncs.Types() {
		m.running.WithLabelValues(string(t))
		m.syncDuration.WithLabelValues(string(t))
		for _, status := range statusWords {
			m.syncs.WithLabelValues(string(t), status)
		}
	}
	for _, action := range syncs.Actions() {
		m.written.WithLabelValues(string(action))
	}
	for _, reason := range guards.Refusals() {
		m.refusals.WithLabelValues(reason)
	}
	for _, outcome := range tickOutcomes {
		m.ticks.WithLabelValues(outcome)
	}
	for _, provider := range providers {
		m.beginProvider(provider)
	}
}

func (m *Metrics) beginProvider(provider string) {
	for _, operation := range pims.Operations() {
		m.requestTime.WithLabelValues(provider, operation)
	}
	for _, outcome := range pims.Kinds() {
		m.logins.WithLabelValues(provider, outcome)
		for _, operation := range pims.Operations() {
			m.requests.WithLabelValues(provider, operation, outcome)
		}
	}
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// statusWords are the statuses of sync_operations_total.
var statusWords = map[syncs.Status]string{
	syncs.StatusCompleted: "success",
	syncs.StatusFailed:    "failure",
	syncs.StatusCancelled: "cancelled",
}

// SyncStarted records that this replica works on a sync.
func (m *Metrics) SyncStarted(t syncs.Type) { m.running.WithLabelValues(string(t)).Inc() }

// SyncEnded records that a sync is over.
func (m *Metrics) SyncEnded(t syncs.Type, status syncs.Status, took time.Duration) {
	m.running.WithLabelValues(string(t)).Dec()
	m.syncs.WithLabelValues(string(t), statusWords[status]).Inc()
	m.syncDuration.WithLabelValues(string(t)).Observe(took.Seconds())
}

// SyncGivenBack records that this replica no longer works on a sync that is not over.
func (m *Metrics) SyncGivenBack(t syncs.Type) { m.running.WithLabelValues(string(t)).Dec() }

// SyncWaits records that a sync waits until another one no longer keeps a large calendar
// (R57), until over is called.
func (m *Metrics) SyncWaits() (over func()) {
	m.waiting.Inc()
	return m.waiting.Dec
}

// SyncLate records how long after its due time a scheduled sync began.
func (m *Metrics) SyncLate(by time.Duration) { m.lateness.Observe(by.Seconds()) }

// Ticks counts ticks by their outcome.
func (m *Metrics) Ticks(outcome string, n int) { m.ticks.WithLabelValues(outcome).Add(float64(n)) }

// SchedulesLoaded records how many entries of schedules run and how many are bad.
func (m *Metrics) SchedulesLoaded(running, bad int) {
	m.schedules.WithLabelValues("running").Set(float64(running))
	m.schedules.WithLabelValues("bad").Set(float64(bad))
}

// Fresh records how many clinics are stale, and the age of the oldest data.
func (m *Metrics) Fresh(t syncs.Type, stale int, oldest time.Duration) {
	m.stale.WithLabelValues(string(t)).Set(float64(stale))
	m.oldest.WithLabelValues(string(t)).Set(oldest.Seconds())
}

// Clinics records how many clinics are in each state. A state that is missing in counts has
// none.
func (m *Metrics) Clinics(counts map[scheduler.ClinicState]int) {
	for _, state := range scheduler.ClinicStates() {
		m.clinics.WithLabelValues(string(state)).Set(float64(counts[state]))
	}
}

// CasesWritten counts the cases that a sync wrote, by action.
func (m *Metrics) CasesWritten(action syncs.Action, n int) {
	m.written.WithLabelValues(string(action)).Add(float64(n))
}

// GuardRefused counts a reconciliation that the deletion guard stopped.
func (m *Metrics) GuardRefused(reason string) { m.refusals.WithLabelValues(reason).Inc() }

// PIMSRequest records one request to a PIMS.
func (m *Metrics) PIMSRequest(provider string, o pims.Observation) {
	m.requests.WithLabelValues(provider, o.Operation, o.Outcome).Inc()
	m.requestTime.WithLabelValues(provider, o.Operation).Observe(o.Duration.Seconds())
}

// HTTPRequest records one request that was served. The caller keeps route and method to
// closed sets.
func (m *Metrics) HTTPRequest(route, method string, status int, took time.Duration) {
	m.http.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.httpTime.WithLabelValues(route).Observe(took.Seconds())
}

// PIMSLogin counts one login to a PIMS.
func (m *Metrics) PIMSLogin(provider, outcome string) {
	m.logins.WithLabelValues(provider, outcome).Inc()
}

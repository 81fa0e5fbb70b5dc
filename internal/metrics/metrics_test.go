package metrics_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/metrics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func newMetrics(t *testing.T) *metrics.Metrics {
	t.Helper()
	m, err := metrics.New("some_pims")
	require.NoError(t, err)
	return m
}

// scrape is what Prometheus reads.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

// series are the lines of a metric, without their values.
func series(scraped, name string) []string {
	var found []string
	lines := bufio.NewScanner(strings.NewReader(scraped))
	for lines.Scan() {
		if s, _, ok := strings.Cut(lines.Text(), "} "); ok && strings.HasPrefix(s, name+"{") {
			found = append(found, s+"}")
		}
	}
	return found
}

func TestEveryCounterBeginsAtZero(t *testing.T) { // docs/interface.md §Metrics
	t.Parallel()
	scraped := scrape(t, newMetrics(t))
	for name, labelSets := range map[string]int{
		"sync_operations_total":               4 * 3,
		"sync_duration_seconds_count":         4,
		"sync_in_progress":                    4,
		"cases_written_total":                 5,
		"pims_requests_total":                 6 * 19,
		"pims_request_duration_seconds_count": 6,
		"pims_logins_total":                   19,
		"deletion_guard_total":                5,
		"schedule_ticks_total":                3,
		"river_insert_count_total":            3,
		"river_work_count_total":              3,
	} {
		require.Len(t, series(scraped, name), labelSets, name)
		require.NotRegexp(t, `(?m)^`+name+`\{.*\} [^0]`, scraped, name)
	}
	require.Contains(t, scraped, "schedule_lateness_seconds_count 0\n")
	require.Contains(t, scraped, "sync_waiting_for_memory 0\n")
	for _, unknown := range []string{"clinics_stale", "sync_oldest_data_age_seconds", "schedule_entries"} {
		require.Empty(t, series(scraped, unknown), "nobody has looked yet")
	}
}

func TestNoEventAddsASeriesToACounter(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	before := scrape(t, m)
	for _, kind := range syncs.Types() {
		m.SyncStarted(kind)
		m.SyncGivenBack(kind)
		for _, status := range []syncs.Status{syncs.StatusCompleted, syncs.StatusFailed, syncs.StatusCancelled} {
			m.SyncStarted(kind)
			m.SyncEnded(kind, status, time.Second)
		}
	}
	for _, action := range syncs.Actions() {
		m.CasesWritten(action, 2)
	}
	for _, reason := range guards.Refusals() {
		m.GuardRefused(reason)
	}
	for _, outcome := range pims.Kinds() {
		m.PIMSLogin("some_pims", outcome)
		for _, operation := range pims.Operations() {
			m.PIMSRequest("some_pims", pims.Observation{Operation: operation, Outcome: outcome, Duration: time.Second})
		}
	}
	for _, outcome := range []string{"enqueued", "coalesced", "missed"} {
		m.Ticks(outcome, 1)
	}
	m.SyncLate(time.Second)

	after := scrape(t, m)

	for _, name := range []string{
		"sync_operations_total", "sync_duration_seconds_bucket", "sync_in_progress", "cases_written_total", "pims_requests_total",
		"pims_request_duration_seconds_bucket", "pims_logins_total", "deletion_guard_total", "schedule_ticks_total", "schedule_lateness_seconds_bucket",
	} {
		require.NotEmpty(t, series(before, name), name)
		require.Equal(t, series(before, name), series(after, name), name)
	}
	require.Contains(t, after, `cases_written_total{action="deleted"} 2`+"\n")
	require.Contains(t, after, `sync_operations_total{status="failure",type="full"} 1`+"\n")
	require.Contains(t, after, `sync_in_progress{type="full"} 0`+"\n")
	require.Contains(t, after, `pims_requests_total{operation="calendar",outcome="schema_drift",provider="some_pims"} 1`+"\n")
}

func TestTheDatabasesGaugesAreWhatWasLastSeen(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	m.Fresh(syncs.TypeInbound, 3, time.Hour)
	m.Fresh(syncs.TypeInbound, 2, time.Minute)
	m.SchedulesLoaded(7, 1)
	m.Clinics(map[scheduler.ClinicState]int{scheduler.ClinicFailing: 4, scheduler.ClinicOK: 9})
	m.Clinics(map[scheduler.ClinicState]int{scheduler.ClinicOK: 13})
	scraped := scrape(t, m)
	for _, want := range []string{
		`clinics_stale{type="inbound"} 2`, `sync_oldest_data_age_seconds{type="inbound"} 60`,
		`schedule_entries{state="running"} 7`, `schedule_entries{state="bad"} 1`,
		`clinics{state="ok"} 13`, `clinics{state="failing"} 0`, `clinics{state="login_refused"} 0`,
	} {
		require.Contains(t, scraped, want+"\n")
	}
}

// River's own instruments stand among ours under plain names, with the one label
// that cannot grow.
func TestOfRiversMetricsTheUsefulOnesAreKept(t *testing.T) { // docs/interface.md §Metrics
	t.Parallel()
	m := newMetrics(t)
	meter := m.Meters().Meter("github.com/riverqueue/rivercontrib/otelriver")
	labels := metric.WithAttributes(attribute.String("status", "ok"), attribute.Int("attempt", 3), attribute.String("queue", "of-a-process"))
	for _, name := range []string{"river.insert_count", "river.work_count", "river.insert_many_count"} {
		counter, err := meter.Int64Counter(name, metric.WithUnit("{job}"))
		require.NoError(t, err)
		counter.Add(t.Context(), 1, labels)
	}
	for _, name := range []string{"river.work_duration_histogram", "river.job_get_available_duration", "river.insert_many_duration_histogram"} {
		histogram, err := meter.Float64Histogram(name, metric.WithUnit("s"))
		require.NoError(t, err)
		histogram.Record(t.Context(), 0.2, labels)
	}
	gauge, err := meter.Float64Gauge("river.work_duration", metric.WithUnit("s"))
	require.NoError(t, err)
	gauge.Record(t.Context(), 1, labels)

	scraped := scrape(t, m)

	require.Contains(t, scraped, `river_work_count_total{status="ok"} 1`+"\n")
	require.Contains(t, scraped, `river_insert_count_total{status="ok"} 1`+"\n")
	require.Contains(t, scraped, `river_work_duration_seconds_bucket{status="ok",le="0.1"} 0`+"\n")
	require.Contains(t, scraped, `river_work_duration_seconds_bucket{status="ok",le="0.25"} 1`+"\n")
	require.Contains(t, scraped, `river_job_get_available_duration_seconds_count 1`+"\n")
	names := regexp.MustCompile(`(?m)^# TYPE ((?:river|otel|target)\S*)`).FindAllStringSubmatch(scraped, -1)
	require.Len(t, names, 4, "%v", names)
}

func TestARequestIsCountedByItsPattern(t *testing.T) {
	t.Parallel()
	m := newMetrics(t)
	m.HTTPRequest("/api/syncs/{id}", "GET", 404, 20*time.Millisecond)
	m.HTTPRequest("/api/syncs/{id}", "GET", 404, 2*time.Second)
	scraped := scrape(t, m)
	require.Contains(t, scraped, `http_requests_total{method="GET",route="/api/syncs/{id}",status="404"} 2`+"\n")
	require.Contains(t, scraped, `http_request_duration_seconds_bucket{route="/api/syncs/{id}",le="0.025"} 1`+"\n")
	require.Contains(t, scraped, `http_request_duration_seconds_count{route="/api/syncs/{id}"} 2`+"\n")
}

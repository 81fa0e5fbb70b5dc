package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// fetch reads an address of the server; the answer is held against its description.
func fetch(t *testing.T, url string) string {
	t.Helper()
	return fetchWith(t, described(), url)
}

func fetchWith(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	response, err := client.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 200, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func TestASyncIsLoggedInTheSpecificationsForm(t *testing.T) { // W20
	t.Parallel()
	w := newWorld(t)
	p := w.practice(t, neosim.Options{})
	a := p.sync(t, "inbound", `{"daysAhead": 1}`)
	require.Equal(t, 200, a.status, a.body)
	var completed []map[string]any
	for _, line := range w.log.Lines(t) {
		require.Regexp(t, `^pims-sync:(inbound|cases|reconciliation|full|api|queue|scheduler|provider|browser|database)$`, line["namespace"], "%v", line)
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, line["timestamp"])
		require.Contains(t, []any{"debug", "info", "warn", "error"}, line["level"])
		if line["message"] == "Sync completed" {
			completed = append(completed, line)
		}
	}
	require.Len(t, completed, 1)
	line := completed[0]
	require.Equal(t, "info", line["level"])
	require.Equal(t, "pims-sync:inbound", line["namespace"])
	require.Equal(t, p.id.String(), line["clinic_id"])
	require.Equal(t, a.text("syncId"), line["sync_id"])
	require.Equal(t, a.get("stats"), line["stats"])
	require.Contains(t, line, "duration_ms")
}

func TestSyncsAreCounted(t *testing.T) { // docs/interface.md §Metrics
	t.Parallel()
	listener, err := cli.Listen(t.Context(), "127.0.0.1:0", "METRICS_ADDR")
	require.NoError(t, err)
	w := newWorld(t, func(_ *cli.Config, o *app.ServerOptions) { o.Metrics = listener })
	p := w.practice(t, neosim.Options{})
	require.Equal(t, 200, p.sync(t, "full", "").status)
	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHTML})
	require.Equal(t, 502, p.sync(t, "inbound", "").status)

	response, err := described().Get(p.via.URL() + "/metrics")
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, 404, response.StatusCode, "with METRICS_ADDR the API has none")

	// A sync is counted a moment after its caller is answered.
	address := "http://" + listener.Addr().String() + "/metrics"
	eventually(t, func() bool {
		return strings.Contains(fetch(t, address), `river_work_count_total{status="ok"} 2`)
	}, "the failed sync is not counted")
	metrics := fetch(t, address)
	for _, want := range []string{
		`sync_operations_total{status="success",type="full"} 1`,
		`sync_operations_total{status="failure",type="inbound"} 1`,
		`sync_duration_seconds_count{type="full"} 1`,
		`sync_in_progress{type="full"} 0`,
		`pims_logins_total{outcome="ok",provider="idexx_neo"} 1`,
		`pims_requests_total{operation="calendar",outcome="ok",provider="idexx_neo"}`,
		`pims_requests_total{operation="calendar",outcome="schema_drift",provider="idexx_neo"} 1`,
		`schedule_ticks_total{outcome="` + string(scheduler.Enqueued) + `"} 0`,
		`schedule_ticks_total{outcome="` + string(scheduler.Coalesced) + `"} 0`,
		`schedule_ticks_total{outcome="` + string(scheduler.Missed) + `"} 0`,
		`river_insert_count_total{status="ok"} 2`,
		`river_work_count_total{status="ok"} 2`,
		`river_work_count_total{status="error"} 0`,
		`river_work_duration_seconds_count{status="ok"} 2`,
		`river_job_get_available_duration_seconds_count`,
	} {
		require.Contains(t, metrics, want)
	}
	require.Regexp(t, `cases_written_total\{action="created"\} [1-9]`, metrics)
	require.NotContains(t, metrics, p.id.String(), "never a clinic")
}

func TestTheServerTellsHowItIs(t *testing.T) { // W18
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	health := p.get(t, "/health")
	require.Equal(t, 200, health.status)
	require.Equal(t, "healthy", health.text("status"))
	ready := p.get(t, "/ready")
	require.Equal(t, 200, ready.status)
	require.Equal(t, map[string]any{"status": "ready", "database": "connected"}, ready.body)
	require.Equal(t, "3.1.0", p.get(t, "/openapi.json").text("openapi"))
	require.Contains(t, fetch(t, p.via.URL()+"/docs"), "<html")
}

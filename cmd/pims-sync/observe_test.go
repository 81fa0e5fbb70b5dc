package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

func TestNobodysDataReachesALogAMetricOrAnError(t *testing.T) { // R40
	t.Parallel()
	w := newWorld(t)
	p := w.practice(t, neosim.Options{})
	p.setCredentials(t, pims.Credentials{
		pims.FieldBaseURL: p.neo.URL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: neosim.DefaultPassword,
	})
	secrets := []string{"Pxatient", "Fxirst", "Lxast", "555-0199-77", "x-mail@example.com", "Rxeason", "Dxoctor", "Txitle", "Nxote", "Dxischarge", "Dxiagnosis"}
	yesterday := p.Today().AddDate(0, 0, -1).Add(9 * time.Hour)
	full := neosim.Appointment{
		ID: "1", Start: yesterday, ConsultationID: "51", Patient: "Pxatient", FirstName: "Fxirst", LastName: "Lxast", Phone: "555-0199-77",
		Email: "x-mail@example.com", Reason: "Rxeason", Provider: "Dxoctor", Title: "Txitle", Status: "Completed",
	}
	odd, unusable, unknown, headless := full, full, full, full
	odd.ID, odd.ConsultationID = "2", "52"
	unusable.ID, unusable.Raw = "3", map[string]any{"start": "Lxast o'clock"}
	unknown.ID, unknown.Status = "4", "Lxast status"
	headless.Raw = map[string]any{"id": nil, "appointment_id": nil}
	p.SetAppointments(full, odd, unusable, unknown)
	p.AddConsultation(neosim.Consultation{
		ID: "51", AppointmentID: "1", Patient: "Pxatient", Client: "Lxast", At: yesterday, Status: "completed", Notes: "S: Nxote", Discharge: "Dxischarge",
		Diagnoses: []string{"Dxiagnosis"},
	})
	p.AddConsultation(neosim.Consultation{
		ID: "52", AppointmentID: "2", Patient: "Pxatient", Client: "Lxast", At: yesterday, Status: "completed", Unreadable: true, Notes: "S: Nxote",
	})
	var said []string
	for _, body := range []string{p.sinceYesterday(), `{"dryRun": true}`} {
		a := p.sync(t, "full", body)
		require.Equal(t, 200, a.status, a.body)
	}
	// Each kind of trouble has its chance to say too much.
	p.SetAppointments(full, headless)
	said = append(said, p.sync(t, "inbound", p.sinceYesterday()).text("error"))
	for _, fault := range []neosim.Fault{
		{Kind: neosim.FaultTruncated},
		{Kind: neosim.FaultRenamed},
		{Kind: neosim.FaultBody, Body: `{"Lxast": ["Pxatient"]}`},
		{Kind: neosim.FaultBody, Body: `[{"id": 1, "start": {"Lxast": "Pxatient"}, "patient_name": ["Pxatient"]}]`},
		{Kind: neosim.FaultDisconnect},
	} {
		fault.Op, fault.Count = neosim.OpCalendar, neosim.Forever
		p.Fail(fault)
		said = append(said, p.sync(t, "inbound", p.sinceYesterday()).text("error"))
		p.ClearFaults()
	}
	for _, fault := range []neosim.Fault{{Kind: neosim.FaultTruncated}, {Kind: neosim.FaultBody, Body: `{"clinicalNotes": ["Nxote"], "id": "Lxast"}`}} {
		fault.Op, fault.Count = neosim.OpView, neosim.Forever
		p.Fail(fault)
		said = append(said, p.sync(t, "cases", `{"force": true}`).text("error"))
		p.ClearFaults()
	}
	w.log.requireClean(t, secrets...)
	metrics := fetch(t, p.via.URL()+"/metrics")
	for _, secret := range secrets {
		require.NotContains(t, metrics, secret)
		require.NotContains(t, strings.Join(said, "\n"), secret)
	}
}

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

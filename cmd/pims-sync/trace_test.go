package main

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/tracing"
	"github.com/pims-sync/pims-sync/internal/tracing/tracetest"
)

// tracedWorld makes a world whose replica traces, and what ends the replica and sends
// its last spans.
func tracedWorld(t *testing.T) (w *world, c *tracetest.Collector, end func()) {
	t.Helper()
	c = tracetest.New(t)
	traces, err := tracing.Start(t.Context(), tracing.Options{Endpoint: c.URL, Version: thisBuild().Version})
	require.NoError(t, err)
	w = newWorld(t, func(_ *cli.Config, o *app.ServerOptions) { o.Engine.Tracing = traces })
	end = func() { w.replicas[0].end(); traces.Close() }
	t.Cleanup(end)
	return w, c, end
}

func TestAFullSyncIsOneTree(t *testing.T) { // docs/interface.md §Environment, OTEL_EXPORTER_OTLP_ENDPOINT
	t.Parallel()
	w, c, end := tracedWorld(t)
	p := w.practice(t, neosim.Options{})
	secrets := []string{"Pxatient", "Lxast", "555-0199-77", "Nxote", neosim.DefaultPassword, p.key[9:]}
	yesterday := p.Today().AddDate(0, 0, -1).Add(9 * time.Hour)
	p.SetAppointments(neosim.Appointment{
		ID: "1", Start: yesterday, ConsultationID: "51", Patient: "Pxatient", LastName: "Lxast", Phone: "555-0199-77", Status: "Completed",
	})
	p.AddConsultation(neosim.Consultation{
		ID: "51", AppointmentID: "1", Patient: "Pxatient", Client: "Lxast", At: yesterday, Status: "completed", Notes: "S: Nxote",
	})
	a := p.sync(t, "full", p.sinceYesterday())
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, 404, p.get(t, "/api/Lxast/Pxatient?name=Lxast").status)
	require.Equal(t, 400, p.get(t, "/api/cases?name=Lxast").status)
	end()

	request := c.One(t, "POST /api/sync/full")
	require.Equal(t, p.id.String(), request.Attributes["clinic.id"])
	require.Equal(t, a.text("syncId"), request.Attributes["sync.id"])
	require.Equal(t, "200", request.Attributes["http.response.status_code"])
	enqueued := c.One(t, "river.insert_many")
	require.Equal(t, request.ID, enqueued.Parent)

	job := c.One(t, "river.work/sync")
	require.Equal(t, []string{enqueued.ID}, job.Links, "the job has a trace of its own, which leads back")
	require.Equal(t, "ok", job.Attributes["status"])
	sync := c.One(t, "sync full")
	require.Equal(t, job.ID, sync.Parent)
	require.Equal(t, a.text("syncId"), sync.Attributes["sync.id"])
	require.Equal(t, "completed", sync.Attributes["sync.status"])
	require.Equal(t, sync.ID, c.One(t, "idexx_neo login").Parent)
	require.Equal(t, sync.ID, c.Named("idexx_neo calendar")[0].Parent)
	for phase, asks := range map[string]string{"inbound": "", "cases": "idexx_neo consultation", "reconciliation": ""} {
		span := c.One(t, "phase "+phase)
		require.Equal(t, sync.ID, span.Parent, phase)
		require.Equal(t, a.text("syncId"), span.Attributes["sync.parent_id"], phase)
		require.Equal(t, p.id.String(), span.Attributes["clinic.id"], phase)
		require.Equal(t, phase, span.Attributes["sync.type"])
		require.Equal(t, "completed", span.Attributes["sync.status"], phase)
		require.False(t, span.Start.Before(sync.Start) || span.End.After(sync.End), phase)
		if asks != "" {
			require.Equal(t, span.ID, c.One(t, asks).Parent)
		}
	}
	require.Equal(t, "invalid_request", c.One(t, "GET /api/cases").Attributes["code"])
	for _, span := range c.Spans() {
		require.NotContains(t, span.Name, "Lxast")
	}
	for _, secret := range secrets {
		require.NotContains(t, c.Raw(), secret, "R40")
	}
}

func TestASyncThatFailsIsAFailedSpanWithItsCode(t *testing.T) {
	t.Parallel()
	w, c, end := tracedWorld(t)
	p := w.practice(t, neosim.Options{})
	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHTML, Count: neosim.Forever})
	a := p.sync(t, "inbound", `{"daysAhead": 1}`)
	require.Equal(t, 502, a.status, a.body)
	end()

	sync := c.One(t, "sync inbound")
	require.True(t, sync.Failed)
	require.Equal(t, "schema_drift", sync.Attributes["code"])
	require.Equal(t, "failed", sync.Attributes["sync.status"])
	require.NotContains(t, sync.Attributes, "sync.parent_id")
	require.Empty(t, c.Named("phase inbound"), "a sync of one phase is its phase")
	calendar := c.One(t, "idexx_neo calendar")
	require.True(t, calendar.Failed)
	require.Equal(t, "schema_drift", calendar.Attributes["pims.outcome"])
	require.Equal(t, "200", calendar.Attributes["http.response.status_code"])
	request := c.One(t, "POST /api/sync/inbound")
	require.True(t, request.Failed)
	require.Equal(t, "schema_drift", request.Attributes["code"])
}

func TestACollectorThatIsDownOrHangsIsInNobodysWay(t *testing.T) { // R31
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close()) // nobody listens there any more
	hanging, asked := tracetest.Hanging(t)
	for name, collector := range map[string]string{"down": "http://" + listener.Addr().String(), "hanging": hanging} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			a.env = append(a.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector)
			s := a.serve(t)
			p := a.enrol(t, s)
			for range 3 {
				require.Equal(t, 200, p.sync(t, "full", "").status)
			}
			if name == "hanging" {
				<-asked // its first spans are on their way, and stay there
			}
			s.signal(t, syscall.SIGTERM, 30*time.Second)
			require.NoError(t, s.err, "%s", s.log)
			if name == "down" {
				require.Equal(t, 1, strings.Count(s.log.String(), "Traces cannot be sent"), s.log)
			}
		})
	}
}

func TestTheBinarySendsItsLastSpansWhenItEnds(t *testing.T) { // R31
	t.Parallel()
	c := tracetest.New(t)
	a := newAccount(t)
	a.env = append(a.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL)
	s := a.serve(t)
	p := a.enrol(t, s)
	require.Equal(t, 200, p.sync(t, "full", "").status)
	s.signal(t, syscall.SIGTERM, 30*time.Second)
	require.NoError(t, s.err, "%s", s.log)
	require.Equal(t, "completed", c.One(t, "sync full").Attributes["sync.status"])
	require.Len(t, c.Named("phase reconciliation"), 1)

	a.env = append(a.env, "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318")
	out, err := a.command("serve").CombinedOutput()
	require.Error(t, err)
	require.Regexp(t, `^pims-sync: OTEL_EXPORTER_OTLP_ENDPOINT must be .*\n$`, string(out))
}

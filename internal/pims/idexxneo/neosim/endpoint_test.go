package neosim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// tell sends JSON to the control endpoint.
func (b *browser) tell(method, path, body string) (int, string) {
	b.t.Helper()
	request, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	require.NoError(b.t, err)
	return b.do(request)
}

// done sends what must succeed.
func (b *browser) done(method, path, body string) string {
	b.t.Helper()
	status, text := b.tell(method, path, body)
	require.Equal(b.t, http.StatusOK, status, text)
	return text
}

func TestThePracticeIsChangedOverHTTP(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Control: true})
	sim.SetAppointments()
	text := b.done("POST", "/_sim/appointments", `{"start":"2026-01-21 15:00:00","patient":"Luna","status":"Scheduled","raw":{"email":null}}`)
	id := decode[map[string]string](t, text)["id"]
	at := "/_sim/appointments/" + id
	row := func() map[string]any { return b.rows(noon, noon)[0] }
	require.Equal(t, "Luna", row()["patient_name"])
	require.Contains(t, row(), "email")

	b.done("POST", at+"/move", `{"start":"2026-01-21 16:00:00"}`)
	require.Equal(t, "2026-01-21 16:00:00", row()["start"])
	b.done("POST", at+"/status", `{"status":"Confirmed"}`)
	require.Equal(t, "Confirmed", row()["current_status"])
	b.done("POST", at+"/cancel", "")
	require.Equal(t, "Cancelled", row()["current_status"])
	b.done("POST", at+"/restore", "")
	b.done("POST", at+"/start", "")
	require.Equal(t, "In Progress", row()["current_status"])
	b.done("POST", at+"/notes", `{"notes":"S: better"}`)
	text = b.done("POST", at+"/finish", "")
	c, ok := sim.Consultation(decode[map[string]string](t, text)["consultationId"])
	require.True(t, ok)
	require.Contains(t, c.Notes, "S: better\nO: ")
	text = b.done("POST", "/_sim/appointments", `{"start":"2026-01-21 17:00:00","patientId":"77","patient":"Otto","status":"Scheduled"}`)
	other := decode[map[string]string](t, text)["id"]
	second := decode[map[string]string](t, b.done("POST", "/_sim/appointments/"+other+"/start", ""))["consultationId"]
	b.done("POST", at+"/swap", `{"with":"`+other+`"}`)
	swapped, _ := sim.ConsultationOf(id)
	require.Equal(t, second, swapped.ID)
	b.done("POST", at+"/forget", "")
	forgetful, _ := sim.Appointment(id)
	require.Empty(t, forgetful.ConsultationID)
	b.done("POST", "/_sim/patients/77/merge", `{"id":"78","name":"Milo","clientId":"79","lastName":"Fern"}`)
	merged, _ := sim.Appointment(other)
	require.Equal(t, []string{"78", "Milo", "79", "Fern"}, []string{merged.PatientID, merged.Patient, merged.ClientID, merged.LastName})
	b.done("DELETE", "/_sim/stats", "")
	require.NoError(t, sim.Delete(other))
	b.done("POST", "/_sim/shift", `{"offset":"-24h"}`)
	require.Empty(t, b.rows(noon, noon))
	b.done("POST", "/_sim/shift", `{"offset":"0s"}`)

	listed := decode[map[string][]map[string]any](t, b.done("GET", "/_sim/appointments?from=2026-01-21&to=2026-01-21", ""))
	require.Equal(t, "2026-01-21 16:00:00", listed["appointments"][0]["start"])
	require.Equal(t, listed, decode[map[string][]map[string]any](t, b.done("GET", "/_sim/appointments", "")), "today")
	b.done("POST", at+"/delete", "")
	require.Empty(t, b.rows(noon, noon))
}

func TestADayIsChangedOverHTTP(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{Control: true, Seed: 7})
	changes := decode[neosim.Changes](t, b.done("POST", "/_sim/change-day", ""))
	_, there := sim.Appointment(changes.Deleted)
	require.False(t, there)
	a, _ := sim.Appointment(changes.Cancelled)
	require.Equal(t, "Cancelled", a.Status)
}

func TestFaultsOptionsAndSessionsAreControlledOverHTTP(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Control: true})
	b.done("POST", "/_sim/faults", `{"op":"providers","kind":"status","code":429,"retryAfter":"2s","count":-1}`)
	status, _ := b.get(proof)
	require.Equal(t, 429, status)
	b.done("DELETE", "/_sim/faults?op=providers", "")
	status, _ = b.get(proof)
	require.Equal(t, 200, status)

	b.done("POST", "/_sim/options", `{"shape":"camel","envelope":"events","ids":"string","bools":"string","expired":"html","lookup":"broken",
		"views":"none","hideCancelled":true,"companyId":"4711","login":{"metaToken":true},"latency":"1ms","loginLatency":"2ms","latencies":{"view":"3ms"}}`)
	o := sim.Options()
	require.Equal(t, neosim.Camel, o.Shape)
	require.Equal(t, neosim.EnvelopeEvents, o.Envelope)
	require.Equal(t, neosim.StringIDs, o.IDs)
	require.Equal(t, neosim.StringBools, o.Bools)
	require.Equal(t, neosim.ExpiredHTML, o.Expired)
	require.Equal(t, neosim.LookupBroken, o.Lookup)
	require.Equal(t, neosim.ViewsNone, o.Views)
	require.True(t, o.HideCancelled)
	require.True(t, o.Login.MetaToken)
	require.Equal(t, "4711", o.CompanyID)
	require.Equal(t, []time.Duration{1e6, 2e6, 3e6}, []time.Duration{o.Latency, o.LoginLatency, o.Latencies[neosim.OpView]})

	b.done("POST", "/_sim/password", `{"password":"new"}`)
	b.done("POST", "/_sim/sessions/expire", "")
	status, text := b.get(proof)
	require.Equal(t, 200, status)
	require.Contains(t, text, "csrf-token")
	status, _ = b.login(neosim.DefaultUsername, "new")
	require.Equal(t, 200, status)

	stats := decode[map[string]map[string]int](t, b.done("GET", "/_sim/stats", ""))
	require.Equal(t, map[string]int{"pages": 2, "accepted": 2, "refused": 0}, stats["logins"])
	require.Equal(t, 3, stats["requests"]["providers"])
	require.Equal(t, 1, stats["peaks"]["providers"])
	b.done("DELETE", "/_sim/stats", "")
	require.Zero(t, sim.Count(neosim.OpProviders))
}

func TestWhatTheControlEndpointDoesNotUnderstandIsRefused(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{Control: true})
	before := sim.Options()
	for path, body := range map[string]string{
		"/_sim/appointments":              `{"start":"tomorrow"}`,
		"/_sim/appointments/1/move":       `{"start":"2026-01-21 16:00:00"}`,
		"/_sim/appointments/1/notes":      `{"notes":"x"}`,
		"/_sim/appointments/1/cancel":     ``,
		"/_sim/appointments/1/start":      ``,
		"/_sim/appointments/1/swap":       `{"with":"2"}`,
		"/_sim/appointments/1/forget":     ``,
		"/_sim/patients/1/merge":          `{"into":"2"}`,
		"/_sim/faults":                    `{"kind":"explosion"}`,
		"/_sim/password":                  `{}`,
		"/_sim/shift":                     `{"offset":"a day"}`,
		"/_sim/options":                   `{"shape":"kebab","companyId":"9"}`,
		"/_sim/options?":                  `{"colour":"red"}`,
		"/_sim/appointments/1/status":     `[`,
		"/_sim/faults?":                   `{"kind":"html","op":"tea"}`,
		"/_sim/appointments?":             `{"start":"2026-01-21 16:00:00","end":"later"}`,
		"/_sim/appointments/1/restore":    ``,
		"/_sim/appointments/1/delete":     ``,
		"/_sim/appointments/1/finish":     ``,
		"/_sim/appointments/1/move?":      `{"start":""}`,
		"/_sim/appointments/1/status?":    `{"status":"x"}`,
		"/_sim/appointments/1/move?twice": `{`,
	} {
		status, text := b.tell("POST", path, body)
		require.Equal(t, http.StatusBadRequest, status, path)
		require.NotEmpty(t, decode[map[string]string](t, text)["error"])
	}
	status, _ := b.tell("GET", "/_sim/appointments?from=monday", "")
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, before.Shape, sim.Options().Shape)
	require.Empty(t, sim.Options().CompanyID, "nothing of a refused change holds")
}

func TestTheControlEndpointTellsWhatThereIs(t *testing.T) {
	t.Parallel()
	_, b := serve(t, neosim.Options{Control: true})
	text := b.done("GET", "/_sim/", "")
	told := map[string]bool{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(words[1], "/_sim/") {
			continue
		}
		path, _, _ := strings.Cut(words[1], "?")
		told[words[0]+" "+path] = true
		status, _ := b.tell(words[0], strings.ReplaceAll(path, "{id}", "1"), "")
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, status, line)
	}
	require.Len(t, told, 27)
	for _, kind := range []neosim.Kind{
		neosim.FaultStatus, neosim.FaultHTML, neosim.FaultMaintenance, neosim.FaultBody, neosim.FaultEmpty, neosim.FaultRenamed, neosim.FaultTruncated,
		neosim.FaultDisconnect, neosim.FaultHang, neosim.FaultSlow, neosim.FaultHalf, neosim.FaultOtherPractice, neosim.FaultSessionDies,
		neosim.FaultLoggedOut,
	} {
		require.Contains(t, text, string(kind))
	}
}

func TestThereIsNoControlEndpointUnlessItIsAskedFor(t *testing.T) {
	t.Parallel()
	_, b := serve(t, neosim.Options{})
	status, _ := b.open("/_sim/stats")
	require.Equal(t, http.StatusNotFound, status)
}

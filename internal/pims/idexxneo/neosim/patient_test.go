package neosim_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

var (
	pip  = neosim.Patient{ID: "61", Name: "Pip", ClientID: "41", FirstName: "Ada", LastName: "Birch"}
	otto = neosim.Patient{ID: "62", Name: "Otto", ClientID: "42", FirstName: "Tom", LastName: "Elm"}
)

func visitOf(id string, p neosim.Patient, start time.Time) neosim.Appointment {
	return neosim.Appointment{
		ID: id, Start: start, PatientID: p.ID, Patient: p.Name, ClientID: p.ClientID, FirstName: p.FirstName, LastName: p.LastName, Status: "Checked In",
	}
}

func TestPatientsAndConsultationsChangeHands(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(visitOf("101", pip, noon), visitOf("102", otto, noon.Add(time.Hour)))
	first, err := sim.StartVisit("101")
	require.NoError(t, err)
	second, err := sim.StartVisit("102")
	require.NoError(t, err)
	named := func(row int) string {
		id := b.rows(noon, noon.Add(2*time.Hour))[row]["consultation_id"]
		if id == nil {
			return "null"
		}
		return fmt.Sprintf("%.0f", id)
	}
	require.Equal(t, []string{first, second}, []string{named(0), named(1)})

	require.NoError(t, sim.SwapConsultations("101", "102"))
	require.Equal(t, []string{second, first}, []string{named(0), named(1)})
	c, _ := sim.Consultation(first)
	require.Equal(t, "102", c.AppointmentID)
	require.NoError(t, sim.SwapConsultations("101", "102"))

	third, err := sim.ReplaceConsultation("101")
	require.NoError(t, err)
	require.Equal(t, third, named(0))
	c, _ = sim.Consultation(first)
	require.Empty(t, c.AppointmentID)

	require.NoError(t, sim.ForgetConsultation("101"))
	require.Equal(t, "null", named(0))
	status, _ := b.get("/consultations/view/" + third)
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, sim.DiscardConsultation("101"))
	status, _ = b.get("/consultations/view/" + third)
	require.Equal(t, http.StatusNotFound, status)
	require.Error(t, sim.DiscardConsultation("101"))

	require.NoError(t, sim.CorrectPatient("101", otto))
	row := b.rows(noon, noon)[0]
	require.Equal(t, []any{"Otto", float64(62), float64(42), "Tom"}, []any{row["patient_name"], row["patient_id"], row["client_id"], row["first_name"]})
	require.NoError(t, sim.MergePatients(otto.ID, pip))
	for _, row := range b.rows(noon, noon.Add(2*time.Hour)) {
		require.Equal(t, "Pip", row["patient_name"])
	}
	c, _ = sim.Consultation(second)
	require.Equal(t, "61", c.PatientID)

	require.Error(t, sim.ReuseID("101", visitOf("", otto, noon)), "it is not free")
	require.NoError(t, sim.Delete("101"))
	require.NoError(t, sim.ReuseID("101", visitOf("", otto, noon.Add(24*time.Hour))))
	a, ok := sim.Appointment("101")
	require.True(t, ok)
	require.Equal(t, "Otto", a.Patient)
}

func TestAGeneratedConsultationIsDiscarded(t *testing.T) {
	t.Parallel()
	sim := neosim.New(neosim.Options{Seed: 7, Now: fixed(noon)})
	for _, a := range around(sim) {
		if c, ok := sim.ConsultationOf(a.ID); ok {
			require.NoError(t, sim.DiscardConsultation(a.ID))
			_, ok = sim.Consultation(c.ID)
			require.False(t, ok)
			_, ok = sim.ConsultationOf(a.ID)
			require.False(t, ok)
			return
		}
	}
	require.Fail(t, "the practice has no consultation")
}

func TestCalendarSearchAndViewNeedNotNameOneVisit(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Control: true})
	sim.SetAppointments(visitOf("101", pip, noon), visitOf("102", otto, noon.Add(time.Hour)))
	id, err := sim.StartVisit("101")
	require.NoError(t, err)
	requireNamed := func(calendar, search, view any) {
		t.Helper()
		var inCalendar any
		for _, row := range b.rows(noon, noon.Add(2*time.Hour)) {
			if row["consultation_id"] != nil {
				require.Nil(t, inCalendar, "one row names it")
				inCalendar = row["appointment_id"]
			}
		}
		_, found := b.get(searchPath(noon.AddDate(0, 0, -1), noon.AddDate(0, 0, 1), 1, "consultedAt:desc"))
		entries := decode[struct{ Data []map[string]any }](t, found).Data
		require.Len(t, entries, 1)
		_, viewed := b.get("/consultations/view/" + id)
		require.Equal(t, []any{calendar, search, view},
			[]any{inCalendar, entries[0]["appointmentId"], decode[map[string]any](t, viewed)["appointmentId"]})
	}
	name := func(body string) { b.done("POST", "/_sim/consultations/"+id+"/visits", body) }

	requireNamed(101.0, 101.0, 101.0)
	name(`{"calendar": "102"}`)
	requireNamed(102.0, 101.0, 101.0)
	name(`{"view": "102"}`)
	requireNamed(102.0, 101.0, 102.0)
	name(`{"search": ""}`)
	requireNamed(102.0, nil, 102.0)
	name(`{"calendar": "", "view": ""}`)
	requireNamed(nil, nil, nil)
	name(`{"calendar": "101", "search": "101", "view": "101"}`)
	requireNamed(101.0, 101.0, 101.0)

	name(`{"patient": ""}`)
	_, viewed := b.get("/consultations/view/" + id)
	view := decode[map[string]any](t, viewed)
	require.Equal(t, []any{nil, nil, 101.0}, []any{view["patientId"], view["clientId"], view["appointmentId"]})
	require.Error(t, sim.NameVisits("9", neosim.Naming{View: new("101")}), "there is none of that id")
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestNotesAreNotShownWherePartsOfThePIMSNameAnotherVisit(t *testing.T) { // R7, R9
	t.Parallel()
	p := newWorld(t).practice(t, neosim.Options{})
	visit := func(id, patient, client string, hour int) neosim.Appointment {
		return neosim.Appointment{
			ID: id, Start: p.Today().Add(time.Duration(hour) * time.Hour), Status: "Checked In", Type: "Exam",
			PatientID: "6" + id, Patient: patient, ClientID: "4" + id, FirstName: "Ada", LastName: client,
		}
	}
	p.SetAppointments(visit("101", "Pip", "Birch", 9), visit("102", "Otto", "Elm", 10))
	consultation, err := p.StartVisit("101")
	require.NoError(t, err)
	require.NoError(t, p.EditNotes(consultation, "S: limps since Sunday"))
	synced := func() map[string]row {
		t.Helper()
		a := p.sync(t, "full", `{"force": true}`)
		require.Equal(t, 200, a.status, a.body)
		return p.rows(t)
	}
	rows := synced()
	require.Contains(t, rows["101"].Metadata, "limps since Sunday")

	for name, tc := range map[string]struct {
		naming neosim.Naming
		shown  bool // under the visit of the patient that it names
	}{
		"the calendar names another visit":                     {neosim.Naming{Calendar: new("102")}, true},
		"the search names another visit":                       {neosim.Naming{Search: new("102")}, false},
		"the consultation names another visit":                 {neosim.Naming{View: new("102")}, false},
		"search and consultation name another visit":           {neosim.Naming{Search: new("102"), View: new("102")}, false},
		"all name another visit, and it names the old patient": {neosim.Naming{Calendar: new("102"), Search: new("102"), View: new("102")}, false},
	} {
		require.NoError(t, p.NameVisits(consultation, neosim.Naming{Calendar: new("101"), Search: new("101"), View: new("101")}))
		rows = synced()
		require.Contains(t, rows["101"].Metadata, "limps since Sunday", "where all agree, %s afterwards", name)
		require.NoError(t, p.NameVisits(consultation, tc.naming))
		rows = synced()
		require.Equal(t, tc.shown, strings.Contains(rows["101"].Metadata, "limps since Sunday"), name)
		require.NotContains(t, rows["102"].Metadata, "limps since Sunday", name)
	}
}

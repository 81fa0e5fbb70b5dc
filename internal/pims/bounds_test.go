package pims_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

var (
	longName = strings.Repeat("é", pims.MaxName/2) // exactly the limit
	longText = strings.Repeat("t", pims.MaxText)
	longNote = strings.Repeat("n", pims.MaxNote)
)

func TestARowWithATextThatIsTooLongIsUnusableAndPresent(t *testing.T) { // R6, R57
	t.Parallel()
	start := time.Date(2026, 1, 17, 15, 0, 0, 0, time.UTC)
	most := pims.Appointment{
		ID: longName, ConsultationID: longName, Start: start, StartText: longName, EndText: longName,
		PatientID: longName, PatientName: longName, ClientID: longName, ClientName: longName, ClientPhone: longName, ClientEmail: longName,
		Veterinarian: longName, Room: longName, Title: longText, Reason: longText, TypeText: longName, StatusText: longName,
	}
	require.NoError(t, most.Bound())
	for field, change := range map[string]func(*pims.Appointment){
		"consultation id": func(a *pims.Appointment) { a.ConsultationID += "x" },
		"start":           func(a *pims.Appointment) { a.StartText += "x" },
		"end":             func(a *pims.Appointment) { a.EndText += "x" },
		"patient id":      func(a *pims.Appointment) { a.PatientID += "x" },
		"patient name":    func(a *pims.Appointment) { a.PatientName += "x" },
		"client id":       func(a *pims.Appointment) { a.ClientID += "x" },
		"client name":     func(a *pims.Appointment) { a.ClientName += "x" },
		"phone number":    func(a *pims.Appointment) { a.ClientPhone += "x" },
		"e-mail address":  func(a *pims.Appointment) { a.ClientEmail += "x" },
		"veterinarian":    func(a *pims.Appointment) { a.Veterinarian += "x" },
		"room":            func(a *pims.Appointment) { a.Room += "x" },
		"title":           func(a *pims.Appointment) { a.Title += "x" },
		"reason":          func(a *pims.Appointment) { a.Reason += "x" },
		"type":            func(a *pims.Appointment) { a.TypeText += "x" },
		"status":          func(a *pims.Appointment) { a.StatusText += "x" },
	} {
		row := most
		row.ID = "7"
		change(&row)
		snapshot := pims.Snapshot{Appointments: []pims.Appointment{{ID: "6"}, row, {ID: "8"}}}
		snapshot.Bound()
		require.Equal(t, []pims.Appointment{{ID: "6"}, {ID: "8"}}, snapshot.Appointments, field)
		require.Len(t, snapshot.Unusable, 1, field)
		require.Equal(t, field, snapshot.Unusable[0].Field)
		require.Equal(t, start, snapshot.Unusable[0].Start)
		require.Less(t, len(snapshot.Unusable[0].Error()), 100, "an error has no value")
		present, err := snapshot.Present()
		require.NoError(t, err)
		require.Contains(t, present, "7", "%s: its case must not be deleted", field)
		require.ErrorContains(t, row.Bound(), field+" is longer than")
	}
}

func TestAnIDThatIsTooLongIsNone(t *testing.T) { // R6, R57
	t.Parallel()
	snapshot := pims.Snapshot{
		Appointments: []pims.Appointment{{ID: longName + "x"}, {ID: longName}},
		Unusable:     []pims.RecordError{{ID: longName + "y"}, {ID: "9"}},
	}
	snapshot.Bound()
	require.Len(t, snapshot.Appointments, 1)
	require.Equal(t, []pims.RecordError{{ID: "9"}}, snapshot.Unusable)
	require.Equal(t, 2, snapshot.Unidentified)
	require.False(t, snapshot.Complete(), "nothing is deleted by it")
	require.NoError(t, pims.BoundID(longName))
	require.Less(t, len(pims.BoundID(longName+"x").Error()), 100)
}

func TestAPartOfAConsultationThatIsTooLongIsCountedAndNotRead(t *testing.T) { // R20, R57
	t.Parallel()
	number := 1.0
	most := pims.Consultation{
		ID: longName, AppointmentID: longName, PatientID: longName, ClientID: longName, At: time.Unix(1, 0), AtText: longName,
		Status: pims.ConsultationCompleted, StatusText: longName, Reason: longNote, RawNotes: longNote,
		SOAP: pims.SOAP{Subjective: longNote[:pims.MaxNote-4], Objective: "o", Assessment: "a", Plan: "p"}, Notes: "n",
		Vitals:    &pims.Vitals{Pulse: &number, TemperatureUnit: longName, WeightUnit: longName, Raw: map[string]string{longName: longName}},
		Diagnoses: []string{longNote[1:], "d"}, Discharge: longNote,
	}
	same := most
	require.NoError(t, same.Bound())
	require.Equal(t, most, same)

	for part, change := range map[pims.Part]func(*pims.Consultation){
		pims.PartTime:      func(c *pims.Consultation) { c.AtText += "x" },
		pims.PartStatus:    func(c *pims.Consultation) { c.StatusText += "x" },
		pims.PartReason:    func(c *pims.Consultation) { c.Reason += "x" },
		pims.PartNotes:     func(c *pims.Consultation) { c.Notes += "x" },
		pims.PartDiagnoses: func(c *pims.Consultation) { c.Diagnoses = append(c.Diagnoses, "e") },
		pims.PartDischarge: func(c *pims.Consultation) { c.Discharge += "x" },
		pims.PartVitals:    func(c *pims.Consultation) { c.Vitals = &pims.Vitals{Raw: map[string]string{"pulse": longName + "x"}} },
	} {
		c := most
		change(&c)
		require.NoError(t, c.Bound())
		require.Equal(t, []pims.Part{part}, c.Unusable)
		require.LessOrEqual(t, len(c.RawNotes)+len(c.Reason)+len(c.Discharge), 3*pims.MaxNote)
	}
	raw := most
	raw.RawNotes += "x"
	require.NoError(t, raw.Bound())
	require.Empty(t, raw.RawNotes)
	require.True(t, raw.SOAP.Blank())

	for _, change := range []func(*pims.Consultation){
		func(c *pims.Consultation) { c.ID += "x" },
		func(c *pims.Consultation) { c.AppointmentID += "x" },
		func(c *pims.Consultation) { c.PatientID += "x" },
		func(c *pims.Consultation) { c.ClientID += "x" },
	} {
		c := most
		change(&c)
		require.ErrorContains(t, c.Bound(), "id is longer than 1024 bytes")
	}
}

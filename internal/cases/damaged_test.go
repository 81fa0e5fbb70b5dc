package cases_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestADamagedTextOfAnAppointmentReplacesNoRightOne(t *testing.T) { // R7, R12
	t.Parallel()
	right := &pims.Appointment{
		ID: "7", Start: evening, PatientID: "1", PatientName: "Zoë", ClientID: "2", ClientName: "Łucja Ñúñez", ClientPhone: "+1 555", ClientEmail: "a@b.example",
		StatusText: "Completed", Status: pims.StatusCompleted, TypeText: "Exam", Type: pims.TypeCheckup, Room: "Süd", Title: "ZOË", Reason: "Ohrenkontrolle",
	}
	old, _ := cases.MergeAppointment(nil, right, nil)
	damaged := *right
	damaged.PatientName, damaged.ClientName, damaged.ClientPhone, damaged.ClientEmail = "Zo\uFFFD", "\uFFFDucja \uFFFD\uFFFD\uFFFDez", "+1\uFFFD555", "a@b.ex\uFFFDmple"
	damaged.StatusText, damaged.Status, damaged.TypeText, damaged.Type = "Compl\uFFFDted", pims.StatusUnknown, "Ex\uFFFDm", pims.TypeUnknown
	damaged.Room, damaged.Title, damaged.Reason = "S\uFFFDd", "ZO\uFFFD\uFFFD", "Ohren\uFFFDkontrolle"
	after, action := cases.MergeAppointment(&old, &damaged, nil)
	require.Empty(t, action)
	require.Equal(t, old, after)

	fresh, _ := cases.MergeAppointment(nil, &damaged, nil)
	require.Equal(t, "Zo", fresh.PatientName)
	require.Equal(t, "ucja ez", fresh.ClientName)
	again, action := cases.MergeAppointment(&fresh, &damaged, nil)
	require.Empty(t, action, "R12")
	require.Equal(t, fresh, again)

	another := damaged
	another.PatientID, another.PatientName = "9", "Zo\uFFFD"
	after, _ = cases.MergeAppointment(&old, &another, nil)
	require.Equal(t, "Zo", after.PatientName, "a name never passes to another patient")
}

func TestADamagedTextOfAConsultationReplacesNoRightOne(t *testing.T) { // R7, R12
	t.Parallel()
	number := 38.5
	right := pims.Consultation{
		ID: "5", PatientID: "1", Status: pims.ConsultationCompleted, StatusText: "completed", Reason: "Zähne", RawNotes: "S: Übel", SOAP: pims.SOAP{Subjective: "Übel"},
		Diagnoses: []string{"Ödem", "Fieber"}, Discharge: "Täglich", Vitals: &pims.Vitals{Temperature: &number, TemperatureUnit: "C"},
	}
	old, _ := cases.MergeConsultation(nil, right, evening)
	damaged := right
	damaged.StatusText, damaged.Status, damaged.Reason, damaged.Discharge = "comple\uFFFDed", pims.ConsultationUnknown, "Z\uFFFDhne", "T\uFFFDglich"
	damaged.RawNotes, damaged.SOAP.Subjective, damaged.Diagnoses = "S: \uFFFDbel", "\uFFFDbel", []string{"\uFFFDdem", "Fieber"}
	damaged.Vitals = &pims.Vitals{Raw: map[string]string{"temperature": "38,5 \uFFFDC"}}
	after, changed := cases.MergeConsultation(&old, damaged, evening)
	require.False(t, changed)
	require.Equal(t, old, after)

	fresh, _ := cases.MergeConsultation(nil, damaged, evening)
	require.Equal(t, "S: bel", fresh.RawNotes)
	require.Equal(t, "bel", fresh.SOAP.Subjective)
	require.Equal(t, []string{"dem", "Fieber"}, fresh.Diagnoses)
	require.Equal(t, "38,5 C", fresh.Vitals.Raw["temperature"])
	require.Equal(t, "38,5 \uFFFDC", damaged.Vitals.Raw["temperature"], "what was read stays as it is")
	_, changed = cases.MergeConsultation(&fresh, damaged, evening)
	require.False(t, changed, "R12")

	blank := right
	blank.RawNotes, blank.SOAP, blank.Diagnoses = "\uFFFD \uFFFD", pims.SOAP{}, []string{"\uFFFD"}
	_, changed = cases.MergeConsultation(&old, blank, evening)
	require.False(t, changed, "a blank rest erases nothing")

	newer := damaged
	newer.RawNotes, newer.SOAP.Subjective = "S: \uFFFDbel, erbricht", "\uFFFDbel, erbricht"
	after, _ = cases.MergeConsultation(&old, newer, evening)
	require.Equal(t, "bel, erbricht", after.SOAP.Subjective, "a newer note is stored without the lost characters")
}

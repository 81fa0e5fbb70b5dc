package cases_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// told makes the events of a history: field, before, after; an empty document is null.
func told(actor string, triples ...string) (events []cases.Event) {
	document := func(text string) []byte {
		if text == "" {
			return nil
		}
		return []byte(text)
	}
	for i := 0; i < len(triples); i += 3 {
		events = append(events, cases.Event{
			Actor: actor, Action: "changed", Field: "metadata." + triples[i], Before: document(triples[i+1]), After: document(triples[i+2]),
		})
	}
	return events
}

func TestForeignNotesAreFoundByStoredIDsAndByHistory(t *testing.T) { // R7
	t.Parallel()
	notes := func(id, patient, text string) string {
		return fmt.Sprintf(`{"id": %q, "patientId": %q, "soapNotes": {"plan": %q}}`, id, patient, text)
	}
	patient := func(id string) string { return fmt.Sprintf(`{"patientId": %q}`, id) }
	const gone, back = `{"softDeleted": true}`, ""
	for name, tc := range map[string]struct {
		appointment  cases.Appointment
		consultation [2]string // id and patient
		events       []cases.Event
		want         []cases.SuspicionReason
		unjudged     bool
	}{
		"its own": {
			cases.Appointment{PatientID: "1", ConsultationID: "51"},
			[2]string{"51", "1"},
			told("sync:a", "consultation", "", notes("51", "1", "rest")), nil, false,
		},
		"stored for another patient": {
			cases.Appointment{PatientID: "2"}, [2]string{"51", "1"}, nil, []cases.SuspicionReason{"another_patient"}, false,
		},
		"another consultation than the appointment's": {
			cases.Appointment{PatientID: "1", ConsultationID: "52"}, [2]string{"51", ""}, nil, []cases.SuspicionReason{"another_consultation"}, false,
		},
		"an appointment's earlier id decides nothing": {
			cases.Appointment{PatientID: "1", ConsultationID: "52", Earlier: true},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest")), nil, false,
		},
		"read before the patient became another one": {
			cases.Appointment{PatientID: "2"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "appointment", patient("1"), patient("2")),
			[]cases.SuspicionReason{"another_patient"},
			false,
		},
		"read again for the other patient": {
			cases.Appointment{PatientID: "2"},
			[2]string{"52", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "appointment", patient("1"), patient("2"), "consultation", notes("51", "", "rest"), notes("52", "", "water")),
			nil, false,
		},
		"carried over to another consultation": {
			cases.Appointment{PatientID: "1"},
			[2]string{"52", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "consultation", notes("51", "", "rest"), notes("52", "", "rest")),
			[]cases.SuspicionReason{"another_consultation"},
			false,
		},
		"a patient that became known": {
			cases.Appointment{PatientID: "1"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "appointment", patient(""), patient("1")), nil, false,
		},
		"back after a soft delete as another patient's": {
			cases.Appointment{PatientID: "2"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "reconciliation", "", gone, "appointment", patient("1"), patient("2"), "reconciliation", gone, back),
			[]cases.SuspicionReason{"another_patient", "returned_unproved"},
			false,
		},
		"back after a soft delete, and nobody is named": {
			cases.Appointment{},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "reconciliation", "", gone, "reconciliation", gone, back),
			[]cases.SuspicionReason{"returned_unproved"},
			false,
		},
		"back after a soft delete, the same": {
			cases.Appointment{PatientID: "1"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "reconciliation", "", gone, "reconciliation", gone, back), nil, false,
		},
		"an unknown patient that became another client's": {
			cases.Appointment{PatientID: "2", ClientID: "c9"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "appointment", `{"clientId": "c1"}`, `{"patientId": "2", "clientId": "c9"}`),
			[]cases.SuspicionReason{"another_patient"},
			false,
		},
		"an unknown patient of one client that became known": {
			cases.Appointment{PatientID: "2", ClientID: "c1"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "appointment", `{"clientId": "c1"}`, `{"patientId": "2", "clientId": "c1"}`), nil, false,
		},
		"back from another patient, after another consultation": {
			cases.Appointment{PatientID: "2"},
			[2]string{"51", ""},
			told("sync:a", "consultation", "", notes("51", "", "rest"), "appointment", patient("1"), patient("2"), "consultation", notes("51", "", "rest"), "",
				"consultation", "", notes("52", "2", "water"), "consultation", notes("52", "2", "water"), notes("51", "", "rest")),
			[]cases.SuspicionReason{"another_patient"},
			false,
		},
		"restored by a person": {
			cases.Appointment{},
			[2]string{"51", ""},
			told("key:a", "consultation", "", notes("51", "", "rest"), "reconciliation", "", gone, "reconciliation", gone, back), nil, false,
		},
		"hidden and read anew": {
			cases.Appointment{PatientID: "2"},
			[2]string{"51", "2"},
			told("sync:a", "consultation", "", notes("51", "1", "rest"), "appointment", patient("1"), patient("2"), "consultation", notes("51", "1", "rest"), "", "consultation", "", notes("51", "2", "rest")),
			nil, false,
		},
		"a history that is too short": {
			cases.Appointment{PatientID: "1"}, [2]string{"51", ""}, nil, nil, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cases.Case{
				Appointment:  tc.appointment,
				Consultation: &cases.Consultation{Consultation: pims.Consultation{ID: tc.consultation[0], PatientID: tc.consultation[1]}},
			}
			reasons, judged := cases.Suspect(&c, tc.events, false)
			require.Equal(t, tc.want, reasons)
			require.Equal(t, tc.unjudged, !judged)
		})
	}
	reasons, judged := cases.Suspect(&cases.Case{}, nil, false)
	require.Empty(t, reasons)
	require.True(t, judged)
}

func TestForeignNotesThatAClearingHidAndItsUndoingPutBackAreAsSuspectAsBefore(t *testing.T) { // R7
	t.Parallel()
	const notes, carried, anew = `{"id": "51", "notes": "rest"}`, `{"id": "52", "notes": "rest"}`, `{"id": "52", "notes": "water"}`
	const gone = `{"softDeleted": true}`
	for name, tc := range map[string]struct {
		patient string
		events  []cases.Event
		last    string // the consultation that is stored at the end of the events
		id      string
		want    []cases.SuspicionReason
	}{
		"of another patient": {
			"2", told("sync:a", "consultation", "", notes, "appointment", `{"patientId": "1"}`, `{"patientId": "2"}`), notes, "51",
			[]cases.SuspicionReason{cases.SuspectPatient},
		},
		"of another consultation": {
			"1", told("sync:a", "consultation", "", notes, "consultation", notes, carried), carried, "52",
			[]cases.SuspicionReason{cases.SuspectConsultation},
		},
		"from before a soft delete": {
			"", told("sync:a", "consultation", "", notes, "reconciliation", "", gone, "reconciliation", gone, ""), notes, "51",
			[]cases.SuspicionReason{cases.SuspectReturned},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cases.Case{
				Appointment:  cases.Appointment{PatientID: tc.patient},
				Consultation: &cases.Consultation{Consultation: pims.Consultation{ID: tc.id}},
			}
			events := tc.events
			for range 3 {
				reasons, judged := cases.Suspect(&c, events, false)
				require.True(t, judged)
				require.Equal(t, tc.want, reasons)
				events = append(events, told("clearing:z", "consultation", tc.last, "")...)
				events = append(events, told("undo-clearing:z", "consultation", "", tc.last)...)
			}
			events = append(events, told("clearing:y", "consultation", tc.last, "")...)
			events = append(events, told("sync:b", "consultation", "", anew)...)
			c.Consultation.ID = "52"
			reasons, _ := cases.Suspect(&c, events, false)
			require.Empty(t, reasons, "what a sync read after the clearing is the case's own")
		})
	}
}

func TestForeignNotesAreNotTakenForThoseThatAreEqualByChance(t *testing.T) { // R7
	t.Parallel()
	document := func(id, rest string) string { return fmt.Sprintf(`{"id": %q, %s}`, id, rest) }
	const (
		carried = `"soapNotes": {"plan": "rest"}, "vitals": {"pulse": 90}, "diagnoses": ["Otitis"]`
		anew    = `"status": "final", "soapNotes": {"plan": "water"}, "vitals": {"pulse": 90}, "diagnoses": ["Otitis"]`
		alone   = `"status": "final", "diagnoses": ["Otitis"]`
		again   = `"status": "final", "soapNotes": {"plan": "rest"}, "vitals": {"pulse": 70}`
	)
	for name, tc := range map[string]struct {
		patient string
		id      string
		events  []cases.Event
		want    []cases.SuspicionReason
	}{
		"nothing but the id changed": {
			"1", "52", told("sync:a", "consultation", document("51", carried), document("52", carried)),
			[]cases.SuspicionReason{cases.SuspectConsultation},
		},
		"vitals and diagnoses beside a text of its own": {
			"1", "52", told("sync:a", "consultation", document("51", carried), document("52", anew)), nil,
		},
		"the same for another patient": {
			"2", "52",
			told("sync:a", "consultation", "", document("51", carried), "appointment", `{"patientId": "1"}`, `{"patientId": "2"}`, "consultation", document("51", carried), document("52", anew)),
			[]cases.SuspicionReason{cases.SuspectEqual},
		},
		"diagnoses and no text": {
			"1", "52", told("sync:a", "consultation", document("51", carried), document("52", alone)),
			[]cases.SuspicionReason{cases.SuspectEqual},
		},
		"the text": {
			"1", "52", told("sync:a", "consultation", document("51", carried), document("52", again)),
			[]cases.SuspicionReason{cases.SuspectEqual},
		},
		"the text once more, and then its own": {
			"1", "53",
			told("sync:a", "consultation", document("51", carried), document("52", again), "consultation", document("52", again), document("53", anew)), nil,
		},
		"the text at two more": {
			"1", "53",
			told("sync:a", "consultation", document("51", carried), document("52", again), "consultation", document("52", again), document("53", again+`, "reason": "ear"`)),
			[]cases.SuspicionReason{cases.SuspectEqual},
		},
		"of the consultation that it was first": {
			"1", "51",
			told("sync:a", "consultation", document("51", carried), document("52", again), "consultation", document("52", again), document("51", `"soapNotes": {"plan": "rest"}, "vitals": {"pulse": 60}`)),
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cases.Case{
				Appointment:  cases.Appointment{PatientID: tc.patient},
				Consultation: &cases.Consultation{Consultation: pims.Consultation{ID: tc.id}},
			}
			reasons, judged := cases.Suspect(&c, tc.events, false)
			require.True(t, judged)
			require.Equal(t, tc.want, reasons)
		})
	}
}

func TestForeignNotesAreFoundByWhatElseTheConsultationBelongsTo(t *testing.T) { // R7
	t.Parallel()
	c := cases.Case{PIMSID: "7", Consultation: &cases.Consultation{Consultation: pims.Consultation{ID: "51", AppointmentID: "8"}}}
	reasons, judged := cases.Suspect(&c, nil, true)
	require.True(t, judged)
	require.Equal(t, []cases.SuspicionReason{cases.SuspectAppointment, cases.SuspectShared}, reasons)
	c.Consultation.AppointmentID = "7"
	reasons, _ = cases.Suspect(&c, nil, false)
	require.Empty(t, reasons)
}

package idexxneo

import (
	"maps"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/names"
	"github.com/pims-sync/pims-sync/internal/pims/notes"
)

// wireWords returns the words of Neo's answers that are not personal (R52): the names of
// fields, and every word by which this package decides.
func wireWords() pims.Wire {
	w := pims.Wire{
		Fields: []string{
			"id appointment_id appointmentId appointment consultation_id consultationId consultation patient_id patientId PatientID patient",
			"client_id clientId client start end current_status status_label status is_block is_roster className",
			"patient_name patientName first_name last_name clientName phone_number clientPhone email title reason provider providerName",
			"resourceId type_description appointmentType calendar data appointments events items results consultations page perPage total name",
			"date_start date_end order consultedAt date time clinicalNotes consultationNotes notes vitals diagnoses discharge",
			"dischargeInstructions dischargeSummary temperature temperatureUnit weight weightUnit pulse respiration includeInactive users providers",
			"getCalendarEventData getAppointment search view page-data schedule getScheduleConfigs message",
		},
		Words: []string{
			"scheduled confirmed checked in checkedin progress inprogress ready to pay readytopay finalized completed discharged cancelled canceled no show noshow",
			"block roster true asc desc",
		},
		Measures: []string{"temperature weight pulse respiration vitals page perPage total status"},
		Tags:     notes.Markup(),
	}
	for _, words := range []map[string]bool{saysSucceeded, saysFailed, saysCode, saysWhy, saysWhere} {
		w.Fields = append(w.Fields, slices.Sorted(maps.Keys(words))...)
	}
	w.Measures = append(w.Measures, slices.Sorted(maps.Keys(saysCode))...)
	for _, words := range [][]string{denials, negations, failures, fillers, causes, faults, refusals, unsuccessful, strings.Fields(strings.Join(refusing, " ")), notes.Words(), names.Words()} {
		w.Words = append(w.Words, words...)
	}
	for _, row := range types {
		w.Words = append(w.Words, row.words...)
	}
	for _, units := range [][]unit{temperatureUnits, weightUnits, beatsPerMinute, breathsPerMinute} {
		for _, u := range units {
			w.Words = append(w.Words, u.part)
			w.Words = append(w.Words, u.spellings...)
		}
	}
	return w
}

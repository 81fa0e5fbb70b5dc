package idexxneo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// spellings are the ways in which an answer may name the id of another record.
func spellings(of string, id any) map[string]string {
	return map[string]string{
		"snake":  fmt.Sprintf(`"%s_id":%v`, of, id),
		"camel":  fmt.Sprintf(`"%sId":%v`, of, id),
		"nested": fmt.Sprintf(`%q:{"name":"Bella","id":%v}`, of, id),
	}
}

// nothings are what leaves an id as it was read before.
func nothings(of string) []string {
	all := []string{fmt.Sprintf(`%q:null`, of), fmt.Sprintf(`%q:"Bella"`, of), fmt.Sprintf(`%q:{}`, of), fmt.Sprintf(`%q:[{"id":9}]`, of)}
	for _, blank := range []string{`null`, `""`, `" "`, `0`, `"0"`, `{}`, `[9]`, `true`, `1.5`} {
		all = append(all, slices.Collect(maps.Values(spellings(of, blank)))...)
	}
	return all
}

// calendarOf reads a calendar of one row with further fields.
func calendarOf(t *testing.T, fields ...string) pims.Snapshot {
	t.Helper()
	body := `[{"id":7001,"start":"2026-01-17 09:00","patient_name":"Bella","is_block":false,` + strings.Join(fields, ",") + `}]`
	snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
	require.NoError(t, err, body)
	return snapshot
}

// lookupsOf looks an appointment up, whose fields stand bare, below a name, and around it.
func lookupsOf(t *testing.T, fields ...string) (found []pims.Appointment, errs []error) {
	t.Helper()
	row, more := `"id":7001,"start":"2026-01-17 09:00","patient_name":"Bella"`, strings.Join(fields, ",")
	for _, body := range []string{
		`{` + row + `,` + more + `}`, `{` + more + `,` + row + `}`, `{"data":{` + row + `,` + more + `}}`,
		`{"data":{` + row + `},` + more + `}`, `{` + more + `,"data":{` + row + `}}`,
	} {
		a, err := dial(t, wire{lookupPath: says(body)}).FindAppointment(t.Context(), "7001")
		found, errs = append(found, a), append(errs, err)
	}
	return found, errs
}

// viewsOf reads a consultation, whose fields stand bare, below a name, and around it.
func viewsOf(t *testing.T, fields ...string) (read []pims.Consultation, errs []error) {
	t.Helper()
	more := strings.Join(fields, ",")
	for _, body := range []string{
		`{"id":5001,` + more + `}`, `{` + more + `,"id":5001}`, `{"data":{"id":5001,` + more + `}}`,
		`{"consultation":{"id":5001},` + more + `}`, `{` + more + `,"consultation":{"id":5001}}`,
	} {
		c, err := dial(t, wire{viewPath: says(body)}).Consultation(t.Context(), "5001")
		read, errs = append(read, c), append(errs, err)
	}
	return read, errs
}

func TestAConsultationNamesItsPatientInFurtherSpellings(t *testing.T) { // R7
	t.Parallel()
	for _, field := range []string{`"PatientID":31`, `"patient":{"patientId":31}`, `"patient":{"patient_id":"31","id":null}`} {
		read, errs := viewsOf(t, field)
		for i := range read {
			require.NoError(t, errs[i], field)
			require.Equal(t, "31", read[i].PatientID, field)
		}
		_, errs = viewsOf(t, field, `"patientId":32`)
		for _, err := range errs {
			require.ErrorContains(t, err, "contradict", field)
		}
	}
}

func entriesOf(t *testing.T, fields ...string) []pims.ConsultationEntry {
	t.Helper()
	body := `{"data":[{` + strings.Join(fields, ",") + `}],"total":1,"page":1,"perPage":20}`
	entries, err := dial(t, wire{searchPath: says(body)}).SearchConsultations(t.Context(), january(t, 17, 17))
	require.NoError(t, err, body)
	return entries
}

func TestAnIDIsReadInEverySpellingAndNoBlankErasesIt(t *testing.T) { // R7
	t.Parallel()
	for of, at := range map[string]func(*pims.Appointment) string{
		"patient":      func(a *pims.Appointment) string { return a.PatientID },
		"client":       func(a *pims.Appointment) string { return a.ClientID },
		"consultation": func(a *pims.Appointment) string { return a.ConsultationID },
		"appointment":  func(a *pims.Appointment) string { return a.ID },
	} {
		for spelling, field := range spellings(of, 31) {
			t.Run(of+" in "+spelling, func(t *testing.T) {
				t.Parallel()
				for _, nothing := range append(nothings(of), field) {
					for _, fields := range [][]string{{field, nothing}, {nothing, field}} {
						a := calendarOf(t, fields...).Appointments[0]
						require.Equal(t, "31", at(&a), fields)
						require.False(t, a.NoConsultation, fields)
						if of == "appointment" {
							continue
						}
						found, errs := lookupsOf(t, fields...)
						for i := range found {
							require.NoError(t, errs[i], fields)
							require.Equal(t, "31", at(&found[i]), fields)
						}
					}
				}
			})
		}
	}
	for of, at := range map[string]func(*pims.Consultation) string{
		"patient":     func(c *pims.Consultation) string { return c.PatientID },
		"client":      func(c *pims.Consultation) string { return c.ClientID },
		"appointment": func(c *pims.Consultation) string { return c.AppointmentID },
	} {
		for spelling, field := range spellings(of, 31) {
			t.Run("of a consultation, "+of+" in "+spelling, func(t *testing.T) {
				t.Parallel()
				for _, nothing := range append(nothings(of), field) {
					for _, fields := range [][]string{{field, nothing}, {nothing, field}} {
						read, errs := viewsOf(t, fields...)
						for i := range read {
							require.NoError(t, errs[i], fields)
							require.Equal(t, "31", at(&read[i]), fields)
						}
						if of == "appointment" {
							require.Equal(t, "31", entriesOf(t, append(fields, `"id":5001`)...)[0].AppointmentID, fields)
						}
					}
				}
			})
		}
	}
	for _, name := range []string{"id", "consultation_id", "consultationId"} {
		require.Equal(t, "5001", entriesOf(t, fmt.Sprintf(`%q:5001`, name))[0].ID)
		c, err := dial(t, wire{viewPath: says(fmt.Sprintf(`{%q:5001,"id":null}`, name))}).Consultation(t.Context(), "5001")
		if name != "id" {
			require.NoError(t, err)
			require.Equal(t, "5001", c.ID)
		}
	}
	require.True(t, calendarOf(t, `"consultationId":null`).Appointments[0].NoConsultation)
	require.True(t, calendarOf(t, `"consultation":{"id":null}`).Appointments[0].NoConsultation)
	require.False(t, calendarOf(t, `"consultation":null`).Appointments[0].NoConsultation, "it names no field of an id")
}

func TestARecordWhoseIDsContradictEachOtherIsNotUsed(t *testing.T) { // R6, R7
	t.Parallel()
	const why = "has two ids that contradict each other"
	contradictions := func(of string) (all [][]string) {
		for one, field := range spellings(of, 31) {
			for other, second := range spellings(of, 32) {
				all = append(all, []string{field, second})
				if one != other {
					all = append(all, []string{field, spellings(of, `null`)[one], second})
				}
			}
		}
		return all
	}
	for _, of := range []string{"patient", "client", "consultation"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			for _, fields := range contradictions(of) {
				body := `[{"id":7001,"start":"2026-01-17 09:00","is_block":false,` + strings.Join(fields, ",") + `},{"id":7002,"start":"2026-01-17 10:00","is_block":false}]`
				snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
				require.NoError(t, err)
				require.Len(t, snapshot.Appointments, 1)
				require.Equal(t, []pims.RecordError{{ID: "7001", Field: of, Reason: why}}, snapshot.Unusable, "it is present and not used")
				alone, _, _ := strings.Cut(body, "},{")
				_, err = dial(t, wire{calendarPath: says(alone + "}]")}).Appointments(t.Context(), january(t, 17, 17))
				requireDrift(t, err) // not one row is usable
				_, errs := lookupsOf(t, fields...)
				for _, err := range errs {
					requireDrift(t, err) // which confirms nothing, and ends nothing (R20)
				}
			}
		})
	}
	for _, fields := range contradictions("appointment") {
		body := `[{"id":7001,"start":"2026-01-17 09:00","is_block":false,` + strings.Join(fields, ",") + `},{"id":7002,"start":"2026-01-17 10:00","is_block":false}]`
		snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		require.Equal(t, []int{1, 1}, []int{snapshot.Unidentified, len(snapshot.Appointments)}, "its id cannot be told")
		_, errs := lookupsOf(t, fields[0], fields[len(fields)-1])
		for _, err := range errs {
			requireDrift(t, err)
		}
		require.Empty(t, entriesOf(t, append(fields, `"id":5001`)...)[0].AppointmentID)
	}
	for _, of := range []string{"patient", "appointment"} {
		for _, fields := range contradictions(of) {
			_, errs := viewsOf(t, fields...)
			for _, err := range errs {
				var record *pims.RecordError
				require.ErrorAs(t, err, &record, fields)
				require.Equal(t, pims.RecordError{ID: "5001", Field: of, Reason: why}, *record)
			}
		}
	}
	torn := `{"data":[{"id":5001,"consultation_id":5002},{"id":5003}],"total":2,"page":1,"perPage":20}`
	entries, err := dial(t, wire{searchPath: says(torn)}).SearchConsultations(t.Context(), january(t, 17, 17))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	_, err = dial(t, wire{viewPath: says(`{"id":5001,"consultation_id":5002}`)}).Consultation(t.Context(), "5001")
	requireDrift(t, err)
}

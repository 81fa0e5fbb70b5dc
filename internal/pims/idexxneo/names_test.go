package idexxneo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheCamelCaseGenerationNamesPeopleInTitles(t *testing.T) { // R7, NEO.md §Calendar
	t.Parallel()
	for row, want := range map[string][2]string{
		`"title":"Pip; Fern, Ada","status":"Confirmed"`:                                                        {"Pip", "Ada Fern"},
		`"title":"Pip; Oakhollow Farms, LLC","status":"Confirmed"`:                                             {"Pip", "Oakhollow Farms, LLC"},
		`"title":"Pip; Thistle, Jr.","status":"Confirmed"`:                                                     {"Pip", "Thistle, Jr."},
		`"title":"Pip; Fern, Ada","patientName":"Zoë","clientName":""`:                                         {"Zoë", "Ada Fern"},
		`"title":"Pip; Fern, Ada","patientName":null,"clientName":"Oakhollow Farms, LLC","status":"Confirmed"`: {"Pip", "Oakhollow Farms, LLC"},
		`"title":"Pip; Fern, Ada","patientName":"Pip","clientName":"Reed, Tom"`:                                {"Pip", "Tom Reed"},
		`"title":"fasted; bring records","status":"Confirmed"`:                                                 {"", ""},
		`"title":"Pip; Fern, Ada, DVM","status":"Confirmed"`:                                                   {"Pip", "Fern, Ada, DVM"},
		`"title":"Pip; Fern, Ada, RN","patientName":"Pip"`:                                                     {"Pip", "Fern, Ada, RN"},
		`"title":"Pip; FERN, JR., ADA","status":"Confirmed"`:                                                   {"Pip", "FERN, JR., ADA"},
		`"title":"Pip; Thistle GmbH, Berlin","status":"Confirmed"`:                                             {"Pip", "Thistle GmbH, Berlin"},
		`"title":"fasted; bring records, food, and the cage","status":"Confirmed"`:                             {"", ""},
		`"title":"Pip; Fern, Ada","patient_name":null,"current_status":"Confirmed"`:                            {"", ""},
		`"title":"Pip; Fern, Ada","patient_name":"Pip","last_name":"Oakhollow Farms, LLC"`:                     {"Pip", "Oakhollow Farms, LLC"},
	} {
		body := `[{"id":1,"start":"2026-01-17T09:00:00",` + row + `}]`
		snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		require.Len(t, snapshot.Appointments, 1, row)
		require.Equal(t, want, [2]string{snapshot.Appointments[0].PatientName, snapshot.Appointments[0].ClientName}, row)
	}
}

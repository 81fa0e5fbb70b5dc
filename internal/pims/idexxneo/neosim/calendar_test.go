package neosim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// luna is an appointment with everything.
var luna = neosim.Appointment{
	ID: "101", EventID: "9101", ConsultationID: "501", Start: noon, End: noon.Add(20 * time.Minute),
	PatientID: "61", Patient: "Luna", ClientID: "41", FirstName: "Ada", LastName: "O'Brien", Email: "ada@example.com",
	Phone: "555-0101", Provider: "Dr. Birchwood", Resource: "R2", Type: "Exam", Reason: "Limping", Status: "Checked In",
}

const lunaSnake = `{"id":9101,"appointment_id":101,"consultation_id":501,"start":"2026-01-21 12:00:00","end":"2026-01-21 12:20:00",
	"patient_id":61,"patient_name":"Luna","client_id":41,"first_name":"Ada","last_name":"O'Brien","email":"ada@example.com",
	"phone_number":"555-0101","provider":"Dr. Birchwood","resourceId":"R2","title":"Luna; O'Brien, Ada","type_description":"Exam",
	"reason":"Limping","current_status":"Checked In","status_label":"Checked In","is_block":false,"is_roster":false}`

const lunaCamel = `{"id":101,"title":"Luna; O'Brien, Ada","start":"2026-01-21T12:00:00","end":"2026-01-21T12:20:00","resourceId":"R2",
	"className":"fc-appointment","patientName":"Luna","clientName":"Ada O'Brien","clientPhone":"555-0101",
	"providerName":"Dr. Birchwood","appointmentType":"Exam","status":"Checked In"}`

func TestTheCalendarHasBothShapesAndAllEnvelopes(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(luna)
	for shape, row := range map[neosim.Shape]string{neosim.Snake: lunaSnake, neosim.Camel: lunaCamel} {
		for envelope, want := range map[neosim.Envelope]string{
			neosim.EnvelopeArray:        "[" + row + "]",
			neosim.EnvelopeAppointments: `{"appointments":[` + row + "]}",
			neosim.EnvelopeData:         `{"data":[` + row + "]}",
			neosim.EnvelopeEvents:       `{"events":[` + row + "]}",
		} {
			sim.Configure(func(o *neosim.Options) { o.Shape, o.Envelope = shape, envelope })
			status, text := b.get(calendarPath(noon, noon))
			require.Equal(t, http.StatusOK, status)
			require.JSONEq(t, want, text)
		}
	}
}

func TestIdentifiersAndBooleansComeInEveryStyle(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(luna, neosim.Appointment{ID: "A-7", Start: noon, Block: true})
	for ids, id := range map[neosim.IDStyle]any{neosim.NumberIDs: 101.0, neosim.StringIDs: "101"} {
		for bools, pair := range map[neosim.BoolStyle][2]any{
			neosim.WordBools: {false, true}, neosim.NumberBools: {0.0, 1.0}, neosim.StringBools: {"0", "1"},
		} {
			sim.Configure(func(o *neosim.Options) { o.IDs, o.Bools = ids, bools })
			rows := b.rows(noon, noon)
			require.Equal(t, id, rows[0]["appointment_id"])
			require.Equal(t, pair[0], rows[0]["is_block"])
			require.Equal(t, pair[1], rows[1]["is_block"])
			require.Equal(t, "A-7", rows[1]["id"], "letters are always a string")
			require.Nil(t, rows[1]["appointment_id"])
		}
	}
}

func TestTheCalendarSelectsWhatOverlapsTheWindow(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	midnight := time.Date(2026, 1, 21, 0, 0, 0, 0, time.UTC)
	row := func(id string, start, end time.Time) neosim.Appointment {
		return neosim.Appointment{ID: id, Start: start, End: end, Patient: "Luna", Status: "Scheduled"}
	}
	sim.SetAppointments(
		row("1", midnight.Add(-2*time.Hour), midnight),                               // ends as the window begins
		row("2", midnight.Add(-2*time.Hour), midnight.Add(time.Second)),              // stays over night
		row("3", midnight, midnight),                                                 // has no length
		row("4", midnight.Add(24*time.Hour-time.Minute), midnight.Add(26*time.Hour)), // stays into the next night
		row("5", midnight.AddDate(0, 0, 1), midnight.Add(25*time.Hour)),              // begins as the window ends
	)
	ids := func(start, end string) (found []any) {
		status, text := b.get("/appointments/getCalendarEventData?" + url.Values{"start": {start}, "end": {end}}.Encode())
		require.Equal(t, http.StatusOK, status, text)
		for _, row := range decode[[]map[string]any](t, text) {
			found = append(found, row["appointment_id"])
		}
		return found
	}
	require.Equal(t, []any{2.0, 3.0, 4.0}, ids("2026-01-21 00:00:00", "2026-01-21 23:59:59"))
	require.Equal(t, []any{2.0, 3.0, 4.0}, ids("2026-01-21 00:00:00", "2026-01-22 00:00:00"))
	require.Equal(t, []any{4.0, 5.0}, ids("2026-01-22 00:00:00", "2026-01-23 00:00:00"))
}

func TestAWindowThatIsNoWallClockIsRefused(t *testing.T) {
	t.Parallel()
	_, b := loggedIn(t, neosim.Options{})
	for _, query := range []string{"", "start=2026-01-21&end=2026-01-22", "start=2026-01-21T00:00:00Z&end=2026-01-22T00:00:00Z"} {
		status, _ := b.get("/appointments/getCalendarEventData?" + query)
		require.Equal(t, http.StatusUnprocessableEntity, status, query)
	}
}

func TestWallClockTimesGoOutAsTheyAreSet(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	sim, b := loggedIn(t, neosim.Options{Location: berlin})
	gap := time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC) // does not exist in Berlin
	sim.SetAppointments(
		neosim.Appointment{ID: "1", Start: gap, Patient: "Luna"},
		neosim.Appointment{ID: "2", Start: time.Date(2026, 3, 29, 9, 0, 0, 0, berlin), Patient: "Milo"},
	)
	rows := b.rows(gap, gap)
	require.Equal(t, "2026-03-29 02:30:00", rows[0]["start"])
	require.Equal(t, "2026-03-29 03:00:00", rows[0]["end"], "half an hour where nothing else is said")
	require.Equal(t, "2026-03-29 09:00:00", rows[1]["start"])
}

func TestBlocksAndRostersAreToldApartInBothShapes(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	var rows []neosim.Appointment
	for _, id := range []string{"1", "2", "3", "4"} {
		rows = append(rows, neosim.Appointment{ID: id, Start: noon, Title: "Lunch", Block: true})
	}
	sim.SetAppointments(append(rows, neosim.Appointment{ID: "5", Start: noon, Roster: true})...)
	snake := b.rows(noon, noon)
	require.Equal(t, []any{true, false}, []any{snake[0]["is_block"], snake[0]["is_roster"]})
	require.Equal(t, []any{false, true}, []any{snake[4]["is_block"], snake[4]["is_roster"]})

	sim.Configure(func(o *neosim.Options) { o.Shape = neosim.Camel })
	camel := b.rows(noon, noon)
	var byClass, byAbsence int
	for _, row := range camel[:4] {
		require.Nil(t, row["patientName"])
		require.Nil(t, row["status"])
		if row["className"] == "block" {
			byClass++
		} else {
			byAbsence++
		}
	}
	require.Equal(t, [2]int{2, 2}, [2]int{byClass, byAbsence})
	require.Equal(t, "roster", camel[4]["className"])
}

func TestBlankFieldsComeAsNullEmptyOrNotAtAll(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	var rows []neosim.Appointment
	for range 30 {
		rows = append(rows, neosim.Appointment{Start: noon, Patient: "Luna"})
	}
	sim.SetAppointments(rows...)
	seen := map[string]bool{}
	for _, row := range b.rows(noon, noon) {
		switch phone, there := row["phone_number"]; {
		case !there:
			seen["absent"] = true
		case phone == nil:
			seen["null"] = true
		default:
			require.Empty(t, phone)
			seen["empty"] = true
		}
	}
	require.Len(t, seen, 3)
}

func TestRawFieldsReplaceAddAndRemove(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	odd := luna
	odd.Raw = map[string]any{
		"id": neosim.Omit, "appointment_id": neosim.Omit, "start": nil, "phone_number": 5550101,
		"patient_name": json.RawMessage(`"Lu\ud83dna\u0000"`), "zebra": []int{1}, "aardvark": true,
	}
	sim.SetAppointments(odd, neosim.Appointment{ID: "2", Start: noon, Verbatim: json.RawMessage(`"no row"`)})
	_, text := b.get(calendarPath(noon, noon))
	require.Contains(t, text, `"patient_name":"Lu\ud83dna\u0000"`, "byte by byte")
	require.Contains(t, text, `"is_roster":false,"aardvark":true,"zebra":[1]}`)
	rows := decode[[]any](t, text)
	row, _ := rows[0].(map[string]any)
	require.NotContains(t, row, "id")
	require.NotContains(t, row, "appointment_id")
	require.Contains(t, row, "start")
	require.Nil(t, row["start"])
	require.Equal(t, 5550101.0, row["phone_number"])
	require.Equal(t, "no row", rows[1])
}

func TestTextGoesOutUnchanged(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	awkward := "  \"Zoë\" \\ <b>&amp;</b>\t\r\n🐾 شمس e\u0301 \u0001\u2028 "
	sim.SetAppointments(neosim.Appointment{ID: "1", Start: noon, Patient: awkward})
	require.Equal(t, awkward, b.rows(noon, noon)[0]["patient_name"])
}

func TestCancelledAndHiddenAppointmentsMayBeMissingFromTheCalendar(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{HideCancelled: true})
	hidden := luna
	hidden.ID, hidden.Hidden = "102", true
	sim.SetAppointments(luna, hidden)
	require.NoError(t, sim.Cancel("101"))
	require.Empty(t, b.rows(noon, noon))
	for _, id := range []string{"101", "102"} {
		status, _ := b.get("/appointments/getAppointment?id=" + id)
		require.Equal(t, http.StatusOK, status)
	}
	sim.Configure(func(o *neosim.Options) { o.HideCancelled = false })
	require.Equal(t, "Cancelled", b.rows(noon, noon)[0]["current_status"])
}

func TestThePointLookupTellsMovedFromGone(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(luna)
	require.NoError(t, sim.Move("101", noon.AddDate(0, 0, 30)))
	status, text := b.get("/appointments/getAppointment?id=101")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "2026-02-20 12:00:00", decode[map[string]any](t, text)["start"])

	require.NoError(t, sim.Delete("101"))
	status, _ = b.get("/appointments/getAppointment?id=101")
	require.Equal(t, http.StatusNotFound, status)

	require.NoError(t, sim.Restore("101"))
	for lookup, want := range map[neosim.Lookup]int{
		neosim.LookupWorks: http.StatusOK, neosim.LookupMissing: http.StatusNotFound, neosim.LookupBroken: http.StatusInternalServerError,
	} {
		sim.Configure(func(o *neosim.Options) { o.Lookup = lookup })
		status, _ = b.get("/appointments/getAppointment?id=101")
		require.Equal(t, want, status)
	}
}

func TestAShiftMovesWhatIsShownAndWhatIsSelected(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(luna)
	sim.Shift(13 * time.Hour)
	require.Empty(t, b.rows(noon, noon))
	require.Equal(t, "2026-01-22 01:00:00", b.rows(noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 1))[0]["start"])
	sim.Shift(0)
	require.Equal(t, "2026-01-21 12:00:00", b.rows(noon, noon)[0]["start"])
}

func TestOneIdMayStandTwiceInTheCalendar(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	again := luna
	again.Patient = "Milo"
	sim.SetAppointments(luna, again)
	rows := b.rows(noon, noon)
	require.Len(t, rows, 2)
	require.Equal(t, []any{"Luna", "Milo"}, []any{rows[0]["patient_name"], rows[1]["patient_name"]})
	require.NoError(t, sim.Delete("101"))
	require.Empty(t, b.rows(noon, noon))
}

package idexxneo

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestBothGenerationsInAllEnvelopesSayTheSame(t *testing.T) {
	t.Parallel()
	location := berlin(t)
	clock := func(day, hour, minute int) time.Time {
		return time.Date(2026, time.January, day, hour, minute, 0, 0, location)
	}
	snake := []pims.Appointment{
		{
			ID: "7001", NoConsultation: true, Start: clock(17, 9, 0), End: clock(17, 9, 30),
			StartText: "2026-01-17T09:00:00", EndText: "2026-01-17T09:30:00",
			PatientID: "31", PatientName: "Mäxchen", ClientID: "41", ClientName: "Zoë O'Hara-Quill",
			ClientPhone: "+1 (555) 010-0001", ClientEmail: "zoe@example.com",
			Veterinarian: "Dr. Ada Fern", Room: "3", Title: "MÄXCHEN; O'HARA-QUILL, ZOË",
			TypeText: "Well Visit", Reason: "Booster & check", Status: pims.StatusCheckedIn, StatusText: "Checked In",
		},
		{
			ID: "7002", ConsultationID: "5002", Start: clock(17, 22, 0), End: clock(18, 7, 0),
			StartText: "2026-01-17T22:00:00", EndText: "2026-01-18T07:00:00",
			PatientID: "32", PatientName: "Bella \U0001F415", ClientID: "42", ClientName: "Tom", ClientPhone: "5550100002",
			Room: "4", Type: pims.TypeSurgery, TypeText: "Surgery", Status: pims.StatusInProgress, StatusText: "IN_PROGRESS",
		},
	}
	camel := []pims.Appointment{
		{
			ID: "7001", Start: clock(17, 9, 0), End: clock(17, 9, 30),
			StartText: "2026-01-17T09:00:00", EndText: "2026-01-17T09:30:00",
			PatientName: "Mäxchen", ClientName: "Zoë O'Hara-Quill", ClientPhone: "+1 (555) 010-0001",
			Veterinarian: "Dr. Ada Fern", Room: "3", Title: "MÄXCHEN; O'HARA-QUILL, ZOË",
			TypeText: "Well Visit", Status: pims.StatusCheckedIn, StatusText: "checked-in",
		},
		{
			ID: "7002", Start: clock(17, 22, 0), End: clock(18, 7, 0),
			StartText: "2026-01-17T22:00:00", EndText: "2026-01-18T07:00:00",
			PatientName: "Bella \U0001F415", ClientName: "Tom", ClientPhone: "5550100002",
			Room: "4", Title: "Bella \U0001F415; Tom",
			Type: pims.TypeSurgery, TypeText: "Surgery", Status: pims.StatusInProgress, StatusText: "IN_PROGRESS",
		},
	}
	for name, body := range fixtures(t, "calendar") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := camel
			if strings.HasPrefix(name, "snake") {
				want = snake
			}
			if name == "camel-events-titled" {
				want = []pims.Appointment{camel[0], camel[1]}
				want[0].Title = "Mäxchen; O'Hara-Quill, Zoë"
			}
			s := dial(t, wire{calendarPath: says(body)})
			snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, snapshot.Appointments))
			require.True(t, snapshot.Complete())
			require.Empty(t, snapshot.Unusable)
			require.Zero(t, snapshot.Duplicates)
			require.Equal(t, january(t, 17, 17), snapshot.Window)
			require.Equal(t, time.Unix(1_768_000_000, 0), snapshot.FetchedAt)
		})
	}
}

func TestACalendarInAnyOtherFormIsRefused(t *testing.T) { // R5
	t.Parallel()
	for name, body := range fixtures(t, "calendar-refused") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dial(t, wire{calendarPath: says(body)})
			snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
			requireDrift(t, err)
			require.Zero(t, snapshot.Found())
		})
	}
}

func TestARowsFieldsAreReadTolerantly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row  string // without id and times, which are 1 and 17 January
		want func(*pims.Appointment)
	}{
		"a label counts where there is no status": {
			`"current_status":null,"status_label":"No-Show"`,
			func(a *pims.Appointment) { a.Status, a.StatusText = pims.StatusNoShow, "No-Show" },
		},
		"an unknown status wins over a known label": {
			`"current_status":"On Hold","status_label":"Scheduled"`,
			func(a *pims.Appointment) { a.StatusText = "On Hold" },
		},
		"one name is enough": {
			`"first_name":null,"last_name":" Quill "`,
			func(a *pims.Appointment) { a.ClientName = "Quill" },
		},
		"a name that stands alone is kept as given": { // R7
			`"first_name":"","last_name":"Quill, Zoë"`,
			func(a *pims.Appointment) { a.ClientName = "Quill, Zoë" },
		},
		"a company stands in one field": {
			`"first_name":null,"last_name":"Oakhollow Farms, LLC"`,
			func(a *pims.Appointment) { a.ClientName = "Oakhollow Farms, LLC" },
		},
		"a suffix stays behind a name": {
			`"last_name":"Thistle, Jr."`,
			func(a *pims.Appointment) { a.ClientName = "Thistle, Jr." },
		},
		"a full name in the field of the first one": {
			`"first_name":"Quill, Zoë","last_name":" "`,
			func(a *pims.Appointment) { a.ClientName = "Quill, Zoë" },
		},
		"both names are joined whatever stands in them": {
			`"first_name":"Ada","last_name":"Thistle, Jr."`,
			func(a *pims.Appointment) { a.ClientName = "Ada Thistle, Jr." },
		},
		"the title of the snake-case generation names nobody": {
			`"patient_name":null,"title":"PIP; FERN, ADA"`,
			func(a *pims.Appointment) { a.Title, a.PatientName = "PIP; FERN, ADA", "" },
		},
		"more than one comma is no LAST, FIRST": {
			`"clientName":"Quill, Zoë, Dr."`,
			func(a *pims.Appointment) { a.ClientName = "Quill, Zoë, Dr." },
		},
		"a title that is no name is none": {
			`"title":"fasted; bring records"`,
			func(a *pims.Appointment) { a.Title = "fasted; bring records" },
		},
		"a null is nothing": {
			`"email":null,"phone_number":null,"reason":null,"resourceId":null,"title":null`,
			func(*pims.Appointment) {},
		},
		"a null consultation is none":  {`"consultation_id":null`, func(a *pims.Appointment) { a.NoConsultation = true }}, // R7
		"a blank consultation is none": {`"consultation_id":" "`, func(a *pims.Appointment) { a.NoConsultation = true }},
		"consultation zero is none":    {`"consultation_id":0`, func(a *pims.Appointment) { a.NoConsultation = true }},
		"an object where a text should be is nothing": {
			`"email":{"a":1},"provider":["x"],"patient_id":{},"client_id":[1]`,
			func(*pims.Appointment) {},
		},
		"a number may be a text": {
			`"phone_number":15550100001,"reason":1.50,"resourceId":"12","provider":7`,
			func(a *pims.Appointment) {
				a.ClientPhone, a.Reason, a.Room, a.Veterinarian = "15550100001", "1.50", "12", "7"
			},
		},
		"a large id loses no digit": {
			`"consultation_id":9007199254740993,"patient_id":"900719925474099312345","client_id":12.0`,
			func(a *pims.Appointment) {
				a.ConsultationID, a.PatientID, a.ClientID = "9007199254740993", "900719925474099312345", "12"
			},
		},
		"what is no id is none": {
			`"consultation_id":true,"patient_id":1.5,"client_id":1e3`,
			func(*pims.Appointment) {},
		},
		"NUL and lone surrogates are cleaned, nothing else": { // R7
			`"reason":"a\u0000b\ud83d c\ud83d\udc15 \u202e \ufffd","email":" spaced "`,
			func(a *pims.Appointment) { a.Reason, a.ClientEmail = "ab\uFFFD c\U0001F415 \u202E \uFFFD", " spaced " },
		},
		"the last of two fields with one name counts": {
			`"reason":"first","reason":"second"`,
			func(a *pims.Appointment) { a.Reason = "second" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `[{"id":1,"start":"2026-01-17 09:00","end":"2026-01-17 08:00","patient_name":"Bella","is_block":false,` + c.row + `}]`
			want := pims.Appointment{
				ID: "1", PatientName: "Bella", StartText: "2026-01-17T09:00:00", EndText: "2026-01-17T08:00:00",
				Start: time.Date(2026, time.January, 17, 9, 0, 0, 0, berlin(t)),
			}
			c.want(&want)
			s := dial(t, wire{calendarPath: says(body)})
			snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
			require.NoError(t, err)
			require.Len(t, snapshot.Appointments, 1)
			require.Empty(t, cmp.Diff(want, snapshot.Appointments[0]))
		})
	}
}

func TestBlocksAndRostersAreToldFromVisits(t *testing.T) { // R5
	t.Parallel()
	for row, visit := range map[string]bool{
		`"is_block":true,"patient_name":"Bella","current_status":"Scheduled"`: false,
		`"is_block":1,"patient_name":"Bella"`:                                 false,
		`"is_block":"1","patient_name":"Bella"`:                               false,
		`"is_block":"TRUE","patient_name":"Bella"`:                            false,
		`"is_roster":true,"is_block":false,"patient_name":"Bella"`:            false,
		`"className":"block","patientName":"Bella","status":"Scheduled"`:      false,
		`"className":"fc-event ROSTER x","patientName":"Bella"`:               false,
		`"className":["fc-event","block"],"patientName":"Bella"`:              false,
		`"title":"Lunch"`: false,
		`"title":"Lunch","patientName":"","status":" "`:                          false,
		`"is_block":false,"is_roster":false,"title":"a visit without a patient"`: true,
		`"is_block":0,"patient_name":null,"current_status":null`:                 true,
		`"is_block":"0","is_roster":"0"`:                                         true,
		`"patientName":"Bella"`:                                                  true,
		`"patient_id":31`:                                                        true,
		`"status":"Scheduled"`:                                                   true,
		`"className":"blocked-for-surgery","patientName":"Bella"`:                true,
		`"className":null,"patientName":"Bella"`:                                 true,
	} {
		t.Run(row, func(t *testing.T) {
			t.Parallel()
			body := `[{"id":1,"start":"2026-01-17 09:00:00",` + row + `}]`
			s := dial(t, wire{calendarPath: says(body)})
			snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
			require.NoError(t, err)
			require.Equal(t, visit, snapshot.Found() == 1)
			require.True(t, snapshot.Complete())
			present, err := snapshot.Present()
			require.NoError(t, err)
			require.Contains(t, present, "1", "it stands in the calendar")
			if !visit {
				require.Equal(t, []pims.Block{{ID: "1", Marked: !strings.Contains(row, "Lunch")}}, snapshot.Blocks)
			}
		})
	}
}

func TestARowThatIsAVisitToIsNoBlock(t *testing.T) { // R5
	t.Parallel()
	s := dial(t, wire{calendarPath: says(`[{"id":1,"start":"2026-01-17 09:00"},{"id":1,"start":"2026-01-17 10:00","patientName":"Bella"},` +
		`{"id":2,"start":"2026-01-17 11:00"},{"id":2,"start":"2026-01-17 12:00","className":"block"},{"id":3,"patientName":"Milo"},{"id":3,"className":"block","start":"x"}]`)})
	snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
	require.NoError(t, err)
	require.Equal(t, 2, snapshot.Found())
	require.Equal(t, []pims.Block{{ID: "2", Marked: true}}, snapshot.Blocks)
	require.Len(t, snapshot.Within(january(t, 17, 17)).Blocks, 1)
}

func TestABlockNeedsNoIdAndNoDay(t *testing.T) { // R5: dropped first
	t.Parallel()
	s := dial(t, wire{calendarPath: says(`[{"is_block":true},{"is_block":true,"id":1,"start":"1999-01-01 00:00:00"}]`)})
	snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
	require.NoError(t, err)
	require.True(t, snapshot.Complete())
	require.Zero(t, snapshot.Found())
}

func TestARowIsUnusableWithoutAStartThatCanBeRead(t *testing.T) { // R6
	t.Parallel()
	for start, reason := range map[string]string{
		`null`:                        "is missing",
		`""`:                          "is missing",
		`{}`:                          "is missing",
		`"tomorrow"`:                  "is no time",
		`"0000-00-00 00:00:00"`:       "is no time",
		`"2026-02-30 09:00:00"`:       "is no time",
		`"2026-01-17 24:00:00"`:       "is no time",
		`"17.01.2026 09:00:00"`:       "is no time",
		`"2026-01-17T09:00:00Z"`:      "is no time",
		`"2026-01-17T09:00:00+01:00"`: "is no time",
		`1768636800`:                  "is no time",
	} {
		t.Run(start, func(t *testing.T) {
			t.Parallel()
			body := `[{"id":7,"patient_name":"Bella","start":` + start + `},{"id":8,"patient_name":"Bella","start":"2026-01-17 09:00:00"}]`
			s := dial(t, wire{calendarPath: says(body)})
			snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
			require.NoError(t, err)
			require.Len(t, snapshot.Appointments, 1)
			require.Len(t, snapshot.Unusable, 1)
			require.Equal(t, "7", snapshot.Unusable[0].ID)
			require.Equal(t, "start", snapshot.Unusable[0].Field)
			require.Contains(t, snapshot.Unusable[0].Reason, reason)
			require.Equal(t, 2, snapshot.Found())
			require.True(t, snapshot.Complete())
		})
	}
}

func TestOfRowsWithOneIDTheFirstInTheOrderOfStartAndPatientCounts(t *testing.T) { // R6
	t.Parallel()
	for name, rows := range map[string][]string{ // the first counts
		"the earlier":                       {`"start":"2026-01-17 09:00","patient_id":9`, `"start":"2026-01-17 10:00","patient_id":1`},
		"of one start, the smaller patient": {`"start":"2026-01-17 09:00","patient_id":9`, `"start":"2026-01-17 09:00:00","patient_id":"10"`},
		"of texts, the first":               {`"start":"2026-01-17 09:00","patient_id":"a9"`, `"start":"2026-01-17 09:00","patient_id":"b1"`},
		"one with a patient":                {`"start":"2026-01-17 09:00","patient_id":9`, `"start":"2026-01-17 09:00"`},
		"one that has a start":              {`"start":"2026-01-17 09:00","patient_id":9`, `"patient_id":1`, `"start":"soon","patient_id":1`},
		"of one patient, any, but the same": {`"start":"2026-01-17 09:00","patient_id":9,"reason":"a"`, `"start":"2026-01-17 09:00","patient_id":9,"reason":"b"`},
		"three of them":                     {`"start":"2026-01-17 08:00"`, `"start":"2026-01-17 09:00"`, `"start":"2026-01-17 10:00"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first *pims.Appointment
			permute(rows, func(rows []string) {
				body := `[{"id":8,"patient_name":"Milo","start":"2026-01-17 07:00"}`
				for _, row := range rows {
					body += `,{"id":7,"patient_name":"Bella",` + row + `}`
				}
				body += "]"
				snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
				require.NoError(t, err)
				require.Len(t, snapshot.Appointments, 2, body)
				require.Empty(t, snapshot.Unusable, body)
				require.Equal(t, len(rows)-1, snapshot.Duplicates, body)
				found := snapshot.Appointments[slices.IndexFunc(snapshot.Appointments, func(a pims.Appointment) bool { return a.ID == "7" })]
				if first == nil {
					first = &found
				}
				require.Equal(t, *first, found, body)
			})
			require.Contains(t, rows[0], first.Start.Format("2006-01-02 15:04"))
			if first.PatientID != "" {
				require.Contains(t, rows[0], first.PatientID)
			}
		})
	}
}

// permute calls with every order of the rows, the given one first.
func permute(rows []string, with func([]string)) {
	if len(rows) < 2 {
		with(rows)
		return
	}
	for i := range rows {
		others := slices.Concat(rows[:i], rows[i+1:])
		permute(others, func(behind []string) { with(append([]string{rows[i]}, behind...)) })
	}
}

func TestOfUnusableRowsWithOneIDTheOrderDoesNotMatter(t *testing.T) { // R6
	t.Parallel()
	rows := []string{`{"id":7,"is_block":false}`, `{"id":7,"start":"soon","is_block":false}`, `{"id":8,"start":"2026-01-17 09:00","is_block":false}`}
	var first *pims.Snapshot
	permute(rows, func(rows []string) {
		snapshot, err := dial(t, wire{calendarPath: says("[" + strings.Join(rows, ",") + "]")}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		if first == nil {
			first = &snapshot
		}
		require.Equal(t, *first, snapshot)
	})
	require.Len(t, first.Unusable, 1)
	require.Equal(t, 1, first.Duplicates)
}

func TestAnIDOfZeroIsNone(t *testing.T) { // R6
	t.Parallel()
	const good = `{"id":8,"patient_name":"Milo","start":"2026-01-17 07:00"},`
	for _, zero := range []string{`0`, `"0"`, `"00"`, `0.0`, `-0`, `" 0 "`, `""`, `null`, `"null"`, `"Undefined"`, `"NaN"`, `"00000000-0000-0000-0000-000000000000"`} {
		body := `[` + good + `{"id":` + zero + `,"appointment_id":` + zero + `,"patient_name":"Bella","start":"2026-01-17 09:00"}]`
		snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		require.Len(t, snapshot.Appointments, 1, zero)
		require.Equal(t, 1, snapshot.Unidentified, zero)

		body = `[{"id":7,"appointment_id":` + zero + `,"consultation_id":` + zero + `,"patient_id":` + zero + `,"client_id":` + zero +
			`,"patient_name":"Bella","start":"2026-01-17 09:00"}]`
		snapshot, err = dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		a := snapshot.Appointments[0]
		require.Equal(t, []string{"7", "", "", ""}, []string{a.ID, a.ConsultationID, a.PatientID, a.ClientID}, zero)
	}
	for _, id := range []string{`10`, `"10"`, `100.0`, `"x0"`, `"-7"`, `" 7 "`, `"nulls"`, `"00000000-0000-0000-0000-000000000001"`, `99999999999999999999999999`} {
		body := `[{"id":` + id + `,"patient_name":"Bella","start":"2026-01-17 09:00"}]`
		snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		require.Len(t, snapshot.Appointments, 1, id)
	}
}

func TestACalendarOfRowsOfWhichNoneIsUsableIsRefused(t *testing.T) { // R6
	t.Parallel()
	const block = `{"id":5,"is_block":true,"start":"2026-01-17 12:00"}`
	for body, refused := range map[string]bool{
		`[]`:                                    false,
		`[` + block + `]`:                       false,
		`[{"id":5,"start":"2026-01-17 12:00"}]`: false, // a block of the newer generation
		`[{"id":5,"is_block":false}]`:           true,
		`[` + block + `,{"id":6,"is_block":false},{"id":7,"patient_name":"Bella","start":"soon"}]`: true,
		`[{"patient_name":"Bella","start":"2026-01-17 12:00"}]`:                                    true,
		`[{"id":0,"patient_name":"Bella","start":"2026-01-17 12:00"}]`:                             true,
		`[{"renamed_id":5,"renamed_start":"2026-01-17 12:00","renamed_name":"Bella"}]`:             true,
		`[{}]`: true,
		`[{"id":5,"is_block":false,"start":"2026-01-17 12:00"},{"is_block":false},{"id":6,"is_block":false}]`:                     false,
		`[{"id":5,"is_block":false,"start":"2026-01-16 12:00","end":"2026-01-17 00:00"},{"is_block":false,"patient_id":"Bella"}]`: false, // it ended as the days begin
	} {
		snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		if refused {
			requireDrift(t, err)
			require.Zero(t, snapshot, body)
			continue
		}
		require.NoError(t, err, body)
	}
}

func TestAUsableRowOfAnyDayMakesTheCalendarOne(t *testing.T) { // R6
	t.Parallel()
	answer := func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Query().Get("start"), "2026-01-08") {
			says(`[{"id":7,"patient_name":"Bella","start":"2026-01-08 09:00"}]`)(w, r)
			return
		}
		says(`[{"id":7,"patient_name":"Bella"},{"id":8,"patient_name":"Milo"}]`)(w, r)
	}
	snapshot, err := dial(t, wire{calendarPath: answer}).Appointments(t.Context(), january(t, 1, 14))
	require.NoError(t, err)
	require.Len(t, snapshot.Appointments, 1)
	require.Len(t, snapshot.Unusable, 1, "the id that is usable in another slice is not unusable too")
}

func TestARowsPlaceIsComparedWithItsDays(t *testing.T) { // R5
	t.Parallel()
	for name, c := range map[string]struct {
		start, end string
		refused    bool
		found      int
	}{
		"it begins in them":                          {"2026-01-17 00:00:00", "2026-01-17 00:30:00", false, 1},
		"it ends after them":                         {"2026-01-17 23:59:59", "2026-01-19 00:30:00", false, 1},
		"it begins before and ends in them":          {"2026-01-16 23:00:00", "2026-01-17 00:00:01", false, 1},
		"it begins before and ends after them":       {"2026-01-10 23:00:00", "2026-01-27 00:00:01", false, 1},
		"it ends as they begin":                      {"2026-01-16 23:00:00", "2026-01-17 00:00:00", false, 0},
		"it began before and its end is unreadable":  {"2026-01-16 23:00:00", "soon", false, 1},
		"it ended before them":                       {"2026-01-16 23:00:00", "2026-01-16 23:59:59", true, 0},
		"it began before and has no end":             {"2026-01-16 23:59:59", "", true, 0},
		"it begins as they end":                      {"2026-01-18 00:00:00", "2026-01-18 00:30:00", true, 0},
		"it begins after them and ends in the past":  {"2026-01-18 00:00:00", "2026-01-17 00:30:00", true, 0},
		"it begins in them and ends before it began": {"2026-01-17 09:00:00", "2026-01-16 00:30:00", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`[{"id":7,"patient_name":"Bella","start":%q,"end":%q}]`, c.start, c.end)
			s := dial(t, wire{calendarPath: says(body)})
			snapshot, err := s.Appointments(t.Context(), january(t, 17, 17))
			if c.refused {
				requireDrift(t, err)
				return
			}
			require.NoError(t, err)
			require.Len(t, snapshot.Appointments, c.found)
		})
	}
}

func TestAWindowInAnotherZoneIsRefused(t *testing.T) {
	t.Parallel()
	window := january(t, 17, 17)
	window.Location = time.UTC
	_, err := dial(t, wire{calendarPath: says(`[]`)}).Appointments(t.Context(), window)
	require.ErrorContains(t, err, "zone")
}

package check_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

// day returns n appointments of one day, each of another patient, after change has changed it.
func day(n int, change func(i int, a *pims.Appointment)) (visits []pims.Appointment) {
	for i := range n {
		a := visit(fmt.Sprint(i+1), fmt.Sprintf("2026-03-05T%02d:00:00Z", 14+i%8), "Scheduled", "Exam")
		a.Status, a.Type = pims.StatusScheduled, pims.TypeCheckup
		change(i, &a)
		visits = append(visits, a)
	}
	return visits
}

func TestACalendarOfWhichLittleIsReadFailsTheExamination(t *testing.T) {
	t.Parallel()
	bare := func(_ int, a *pims.Appointment) {
		a.PatientName, a.StatusText, a.Status, a.TypeText, a.Type = "", "", "", "", ""
	}
	fake := &pimstest.Fake{}
	fake.SetAppointments(day(12, bare)...)
	r, err := examine(t, `{}`, fake)
	require.ErrorIs(t, err, pims.ErrSchemaDrift)
	require.ErrorContains(t, err, "the patient's name, the status, the type: in none of 12 rows")
	require.Equal(t, []string{"calendar schema_drift", "lookup ok", "search ok"}, outcomes(&r))
	require.Equal(t, []int{12, 0, 0, 0}, []int{r.Calendar.WithPatient, r.Calendar.WithName, r.Calendar.WithWord, r.Calendar.WithType})
	hints := strings.Join(r.Hints([]check.Answer{
		{Step: "login", Fields: []check.Field{{Name: "patient.name", Filled: 1, Kinds: []string{"text"}}}},
		{Step: "calendar", Fields: []check.Field{
			{Name: "animal.callName", Filled: 12, Kinds: []string{"text"}}, {Name: "patient", Filled: 12, Kinds: []string{"object"}}, {Name: "status.label", Filled: 12, Kinds: []string{"text"}},
		}},
	}), "\n")
	require.Contains(t, hints, "the patient's name is in no field that is read; it may stand in animal.callName\n")
	require.Contains(t, hints, "it may stand in status.label\n")
	require.Contains(t, hints, "the type is in no field that is read, and no field that came has a name like it")
	require.Contains(t, hints, "these fields came with values: animal.callName, status.label")

	few := &pimstest.Fake{}
	few.SetAppointments(day(9, bare)...)
	_, err = examine(t, `{}`, few)
	require.NoError(t, err, "nine rows prove nothing")
	some := &pimstest.Fake{}
	some.SetAppointments(day(12, func(i int, a *pims.Appointment) {
		if i > 0 {
			bare(i, a)
		}
	})...)
	r, err = examine(t, `{}`, some)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(r.Remarks), "only 1 of 12 appointments have a status")
	require.Empty(t, r.Hints(nil))
}

func TestAnExaminationSaysThatAFilterKeepsOutEverything(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{}
	fake.SetAppointments(day(3, func(int, *pims.Appointment) {})...)
	r, err := examine(t, `{"filters":{"types":["exam"]}}`, fake)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(r.Remarks), "keep out all 3 appointments")
}

func TestALookupThatThePIMSDoesNotOfferIsNoFault(t *testing.T) { // R22
	t.Parallel()
	fake := &pimstest.Fake{}
	fake.SetAppointments(day(1, func(int, *pims.Appointment) {})...)
	fake.FailAlways(pimstest.OpFind, pims.ErrNotFound)
	r, err := examine(t, `{}`, fake)
	require.NoError(t, err)
	require.Equal(t, []string{"calendar ok", "lookup ok", "search ok"}, outcomes(&r))
	require.Len(t, r.Remarks, 1)
	require.Contains(t, r.Remarks[0], "nothing needs to be done")
}

func TestWordsThatMayNameSomebodyAreWithheld(t *testing.T) { // R40
	t.Parallel()
	statuses := []string{"Call back +1 617 555 0101", "Tel 617-555-01", "ready for Kohlrabi", "In lobby", "Zahn check"}
	types := []string{"Chip 4711", "QUASTENFLOSSERS dog", "wilhelminas visit", "Lump check", "ask waldo99", "Ruprecht", "Op 12"}
	fake := &pimstest.Fake{}
	fake.SetAppointments(day(35, func(i int, a *pims.Appointment) {
		a.Status, a.Type, a.StatusText, a.TypeText = "", "", statuses[i%len(statuses)], types[i%len(types)]
		a.ClientName, a.ClientEmail, a.ClientPhone, a.Veterinarian = "Wilhelmina Quastenflosser", "waldo99@example.org", "+1 617 555 0101", "Dr. Kohlrabi"
		a.Reason = "check, Op 12"
		if i == 5 {
			a.Reason = "ask for Ruprecht"
		}
	})...)
	r, err := examine(t, `{}`, fake)
	require.NoError(t, err)
	var told []string
	for i := range r.Words {
		told = append(told, r.Words[i].Word.Word)
	}
	require.ElementsMatch(t, []string{"In lobby", "Zahn check", "Lump check", "Op 12"}, told)
	require.Equal(t, 8, r.Withheld)
	require.Contains(t, fmt.Sprint(r.Remarks), "12 words are unknown (8 are not listed here")
}

func TestKeysThatNameSomebodyAreNotTold(t *testing.T) { // R40
	t.Parallel()
	people := []string{"Wilhelmina", "Ignatius", "Ottilie", "Balduin"}
	var rows []map[string]any
	for i := range 40 {
		person := people[i%len(people)]
		rows = append(rows, map[string]any{
			"id": i, "patient_name": "Schnurrbart", "Schnurrbart": "x", "zzField": 1, "McDonald": true, "ke\x1b[31my": 1,
			"custom": map[string]any{person: "+1 617", "plan": "a"}, person: map[string]any{"id": 1}, "owner": map[string]any{"lastName": person},
		})
		if i%3 > 0 {
			delete(rows[i], "McDonald")
			rows[i]["Kohlrabi_"+person] = 1
		}
	}
	body, err := json.Marshal(rows)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/Wilhelmina; x=1")
		_, _ = w.Write(body)
	}))
	defer server.Close()
	answers := &check.Answers{Known: pims.Wire{Fields: []string{"quirk"}}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/for%20Wilhelmina/a", http.NoBody)
	require.NoError(t, err)
	response, err := answers.Wrap(http.DefaultTransport).RoundTrip(request)
	require.NoError(t, err)
	_, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	list := answers.List()
	told := fmt.Sprint(list)
	for _, name := range append(people, "Schnurrbart", "McDonald", "Kohlrabi", "\x1b") {
		require.NotContains(t, told, name)
	}
	require.Equal(t, "/{id}/a", list[0].Path)
	require.Equal(t, "{other}", list[0].Content)
	names := make(map[string]int)
	for _, f := range list[0].Fields {
		names[f.Name] = f.Came
	}
	require.Equal(t, 40, names["zzField"], "every row has it, and no value does")
	require.Equal(t, 40, names["custom.{other}"])
	require.Equal(t, 40, names["{other}.id"])
	require.Equal(t, 40, names["owner.lastName"])
}

package check_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// A session is a connection to the scripted PIMS.
type session struct {
	pims.Session
	location *time.Location
}

func (s *session) Location() *time.Location { return s.location }

func (s *session) Finder() (pims.AppointmentFinder, bool) {
	finder, ok := s.Session.(pims.AppointmentFinder)
	return finder, ok
}

var noon = time.Date(2026, time.March, 4, 17, 0, 0, 0, time.UTC) // in New York

func examine(t *testing.T, set string, fake *pimstest.Fake) (check.Report, error) {
	t.Helper()
	location := timetest.Zone(t, "America/New_York")
	fake.Now = func() time.Time { return noon }
	account := pims.Account{Location: location}
	state, err := fake.Login(t.Context(), account)
	require.NoError(t, err)
	opened, err := fake.Open(account, state)
	require.NoError(t, err)
	parsed, err := settings.Parse([]byte(set))
	require.NoError(t, err)
	return check.Run(t.Context(), &session{opened, location}, parsed, noon)
}

func visit(id, start, status, kind string) pims.Appointment {
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		panic(err)
	}
	return pims.Appointment{
		ID: id, Start: at, PatientID: "p" + id, PatientName: "Zzmochi " + id, ClientName: "Zzada Quill", ClientPhone: "Zz555", StatusText: status, TypeText: kind,
		Reason: "Zzlimps", Title: "Zztitle",
	}
}

func outcomes(r *check.Report) (told []string) {
	for _, s := range r.Steps {
		told = append(told, s.Name+" "+pims.Kind(s.Err))
	}
	return told
}

func TestAnExaminationTellsWhatAFirstSyncWouldDoAndNamesNobody(t *testing.T) { // R40
	t.Parallel()
	fake := &pimstest.Fake{}
	known := visit("1", "2026-03-04T20:00:00Z", "Scheduled", "Exam")
	known.Status, known.Type = pims.StatusScheduled, pims.TypeCheckup
	fake.SetAppointments(
		known,
		visit("2", "2026-03-05T15:00:00Z", "In room", "Lump"),
		visit("3", "2026-03-05T16:00:00Z", "Zzmochi waits", "Lunch"),
		visit("4", "2026-03-01T08:00:00Z", "In room", "Lump"), // at 3 in New York, and past
	)
	fake.SetConsultations(pims.Consultation{ID: "c1", At: noon.Add(-24 * time.Hour), SOAP: pims.SOAP{Plan: "Zzrest"}, Status: pims.ConsultationCompleted})
	r, err := examine(t, `{"filters":{"types":["lunch"]}}`, fake)
	require.NoError(t, err)
	require.Equal(t, []string{"calendar ok", "lookup ok", "search ok", "consultation ok"}, outcomes(&r))
	require.Equal(t, check.First{Creates: 2, ByType: map[pims.Type]int{pims.TypeCheckup: 1, pims.TypeUnknown: 1}, Filtered: 1}, r.First)
	require.Equal(t, check.Notes{Found: 1, Read: true, SOAP: true}, r.Notes)
	require.Equal(t, []int{4, 4, 1}, []int{r.Calendar.Appointments, r.Calendar.WithPatient, r.Calendar.WithStatus})
	require.Equal(t, 1, r.Calendar.ByHour[3])
	require.Equal(t, 1, r.Withheld, "a word with a patient's name in it")
	require.Len(t, r.Words, 2)
	require.Contains(t, fmt.Sprint(r.Remarks), "1 of 4 appointments begin between 22:00 and 06:00")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.NotContains(t, string(text), "Zz")
}

func TestAnExaminationGoesOnAsFarAsItCan(t *testing.T) {
	t.Parallel()
	fake := &pimstest.Fake{}
	fake.SetAppointments(visit("1", "2026-03-04T20:00:00Z", "Scheduled", "Exam"))
	r, err := examine(t, `{}`, fake)
	require.NoError(t, err)
	require.Equal(t, []string{"calendar ok", "lookup ok", "search ok"}, outcomes(&r))

	broken := func(op pimstest.Op) *pimstest.Fake {
		fake := &pimstest.Fake{}
		fake.SetAppointments(visit("1", "2026-03-04T20:00:00Z", "Scheduled", "Exam"))
		fake.FailAlways(op, pims.ErrSchemaDrift)
		return fake
	}
	r, err = examine(t, `{}`, broken(pimstest.OpAppointments))
	require.ErrorIs(t, err, pims.ErrSchemaDrift)
	require.Equal(t, []string{"calendar schema_drift"}, outcomes(&r))
	r, err = examine(t, `{}`, broken(pimstest.OpFind))
	require.ErrorIs(t, err, pims.ErrSchemaDrift)
	require.Equal(t, []string{"calendar ok", "lookup schema_drift", "search ok"}, outcomes(&r))
	require.Contains(t, fmt.Sprint(r.Remarks), "cannot be looked up by its id")

	r, err = examine(t, `{}`, &pimstest.Fake{})
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(r.Remarks), "the calendar is empty")
}

func TestAnswersAreToldByTheirFieldsWithoutValues(t *testing.T) { // R40
	t.Parallel()
	bodies := map[string]string{
		"/calendar":    `[{"id":1,"name":"Zzmochi","room":null,"patient":{"id":"7","Zz 12":"Zz"}},{"id":"2","name":" ","flags":[]}]`,
		"/view/123abc": `{"data":[{"plan":"Zzrest","done":true}],"total":1}`,
		"/page":        `<html>Zzpage</html>`,
		"/none":        ``,
		"/word":        `"Zz"`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, bodies[r.URL.Path])
	}))
	defer server.Close()
	answers := &check.Answers{}
	client := &http.Client{Transport: answers.Wrap(http.DefaultTransport)}
	for _, path := range []string{"/calendar", "/calendar", "/view/123abc", "/page", "/none", "/word"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path+"?q=Zz", http.NoBody)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, bodies[path], string(body), "the answer itself is untouched")
		require.NoError(t, response.Body.Close())
	}
	list := answers.List()
	require.NotContains(t, fmt.Sprint(list), "Zz")
	require.Equal(t, check.Answer{
		Step: "login", Path: "/calendar", Status: 200, Content: "application/json", Answers: 2, Form: "list", Rows: 4,
		Fields: []check.Field{
			{Name: "flags", Came: 2, Kinds: []string{"list"}},
			{Name: "id", Came: 4, Filled: 4, Kinds: []string{"number", "text"}, Shapes: []string{"9"}},
			{Name: "name", Came: 4, Filled: 2, Kinds: []string{"text"}},
			{Name: "patient", Came: 2, Filled: 2, Kinds: []string{"object"}},
			{Name: "patient.id", Came: 2, Filled: 2, Kinds: []string{"text"}, Shapes: []string{"9"}},
			{Name: "patient.{other}", Came: 2, Filled: 2, Kinds: []string{"text"}},
			{Name: "room", Came: 2, Kinds: []string{"null"}},
		},
	}, list[0])
	require.Equal(t, "/view/{id}", list[1].Path)
	var forms []string
	for _, a := range list[1:] {
		forms = append(forms, a.Form)
	}
	require.Equal(t, []string{"object with a list under data", "no JSON", "empty", "no list and no object"}, forms)
}

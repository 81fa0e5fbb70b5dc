package idexxneo

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// asks are all requests of a session, each with a right answer in an object, as its
// members.
func asks(t *testing.T) map[string]struct {
	path    string
	members []string
	ask     func(context.Context, *session) (found int, err error)
} {
	t.Helper()
	window := january(t, 17, 17)
	calendar := func(ctx context.Context, s *session) (int, error) {
		snapshot, err := s.Appointments(ctx, window)
		return snapshot.Found(), err
	}
	view := func(ctx context.Context, s *session) (int, error) {
		c, err := s.Consultation(ctx, "5001")
		return len(c.ID), err
	}
	lookup := func(ctx context.Context, s *session) (int, error) {
		a, err := s.FindAppointment(ctx, "7001")
		return len(a.ID), err
	}
	const row = `{"id":7001,"patient_name":"Bella","start":"2026-01-17 09:00:00"}`
	type ask = struct {
		path    string
		members []string
		ask     func(context.Context, *session) (found int, err error)
	}
	return map[string]ask{
		"calendar":               {calendarPath, []string{`"data":[` + row + `]`}, calendar},
		"calendar without rows":  {calendarPath, []string{`"appointments":[]`}, calendar},
		"calendar without lists": {calendarPath, []string{`"data":null`}, calendar},
		"calendar of other days": {calendarPath, []string{`"events":[{"id":1,"patient_name":"Bella","start":"1999-01-17 09:00:00","x":[{}]}]`}, calendar},
		"search": {searchPath, []string{`"data":[{"id":5001}]`, `"total":1`}, func(ctx context.Context, s *session) (int, error) {
			entries, err := s.SearchConsultations(ctx, window)
			return len(entries), err
		}},
		"view":             {"/consultations/view/5001", []string{`"data":{"id":5001,"status":"completed"}`}, view},
		"bare view":        {"/consultations/view/5001", []string{`"id":5001`, `"clinicalNotes":"S: well"`}, view},
		"page data":        {"/consultations/5001/page-data", []string{`"consultation":{"id":5001}`, `"patient":{"id":31,"name":"Bella"}`}, view},
		"lookup":           {lookupPath, []string{`"appointment":` + row}, lookup},
		"bare lookup":      {lookupPath, []string{strings.Trim(row, "{}")}, lookup},
		"providers":        {"/users/providers", []string{`"data":[{"id":1,"name":"Dr. Ada Fern"}]`}, func(ctx context.Context, s *session) (int, error) { return 0, s.Prove(ctx) }},
		"nothing at all":   {calendarPath, nil, calendar},
		"a view of no one": {"/consultations/view/5001", nil, view},
	}
}

func TestAnAnswerThatSaysThatItFailedIsAnErrorOfThePIMS(t *testing.T) { // R5
	t.Parallel()
	for name, a := range asks(t) {
		for _, member := range []string{
			`"success":false`, `"success":0`, `"success":"0"`, `"success":"false"`, `"success":0.0`, `"success":""`, `"success":[]`,
			`"success":"Failed"`, `"Success":false`, `"success":"No"`,
			`"error":"Bella is locked"`, `"error":true`, `"error":1`, `"error":{"code":500,"message":""}`, `"error":["Bella"]`,
			`"errors":["Bella"]`, `"errors":{"start":["Bella is missing"]}`, `"errors":"Bella"`, `"ERROR":"x"`, `"error":[[{"a":"x"}]]`,
			`"success":true,"error":"Bella is locked"`, `"errors":[{"code":12}]`,
			`"ok":false`, `"is_success":0`, `"hasError":true`, `"has_errors":1`, `"exception":"Bella"`, `"errorMessage":"Bella"`, `"failed":true`,
			`"error_msg":"Bella"`, `"errorDescription":"Bella"`, `"err":"Bella"`, `"fault":{"faultstring":"Bella"}`, `"faultCode":"E1"`,
			`"success":-1`, `"success":"n"`, `"ok":"NOK"`, `"success":"nein"`, `"authenticated":false`, `"logged_in":0`, `"isAuthorized":false`,
		} {
			t.Run(name+" with "+member, func(t *testing.T) {
				t.Parallel()
				requireSaysFailed(t, a.path, a.members, member, a.ask)
			})
		}
	}
}

func TestAStatusOfAFailureIsNoRecords(t *testing.T) { // R5
	t.Parallel()
	for name, a := range asks(t) {
		for _, member := range []string{
			`"status":"error"`, `"status":"ERROR"`, `"status":" Failed "`, `"status":"fail"`, `"status":"failure"`, `"status":false`,
			`"status":500`, `"status":"404"`, `"Status":"error"`, `"status":1404`, `"status":"Internal Server Error"`, `"status":"validation_failed"`,
			`"status":"error: locked"`, `"status":"503 Service Unavailable"`, `"status":"Error: not logged in"`,
		} {
			if member == `"status":false` && strings.HasPrefix(name, "bare") { // to a record, false is a null
				continue
			}
			t.Run(name+" with "+member, func(t *testing.T) {
				t.Parallel()
				requireSaysFailed(t, a.path, a.members, member, a.ask)
			})
		}
	}
}

func TestACodeFromFourHundredSaysThatAnAnswerFailed(t *testing.T) { // R5
	t.Parallel()
	for name, a := range asks(t) {
		for _, member := range []string{`"code":500`, `"code":"401"`, `"status_code":404`, `"httpStatus":503`, `"httpStatus":500,"code":"E17"`} {
			if strings.HasPrefix(name, "bare") {
				found, err := a.ask(t.Context(), dial(t, wire{a.path: says("{" + strings.Join(append([]string{member}, a.members...), ",") + "}")}))
				require.NoError(t, err, "a record may have a code of its own")
				require.Positive(t, found)
				continue
			}
			requireSaysFailed(t, a.path, a.members, member, a.ask)
		}
	}
}

func TestAMessageOfARefusalWithNothingElseSaysThatAnAnswerFailed(t *testing.T) { // R5
	t.Parallel()
	for _, name := range []string{"calendar without rows", "calendar without lists", "nothing at all", "a view of no one"} {
		a := asks(t)[name]
		for _, message := range []string{"Unauthenticated.", "Server Error", "Access denied", "Your session has expired", "FORBIDDEN", "error", "Unauthenticated. You are not logged in.", "Error: no permission"} {
			requireSaysFailed(t, a.path, a.members, `"Message":"`+message+`"`, a.ask)
		}
		for _, member := range []string{
			`"message":"Please log in"`, `"message":"Login required"`, `"message":"Whoops, looks like something went wrong."`, `"msg":"Invalid token"`,
			`"message":"CSRF token mismatch."`, `"detail":"Too many requests"`, `"message":"The session timed out"`, `"message":"You are not authorized"`,
			`"message":"Not allowed"`, `"messages":["Unauthenticated."]`, `"message":{"start":["is invalid"]}`, `"messages":{"error":["Bella"]}`,
			`"result":"error"`, `"state":"failed"`, `"status":"unauthorized"`, `"status":"expired"`, `"status":"nok"`, `"code":"UNAUTHORIZED"`,
			`"response":{"success":false}`, `"response":{"status":500}`, `"redirect":"/login?to=Bella"`, `"redirect_url":"/users/sign-in"`,
			`"status":{"message":"Access denied"}`,
		} {
			requireSaysFailed(t, a.path, a.members, member, a.ask)
		}
	}
	for _, name := range []string{"calendar", "calendar without rows", "search", "view"} {
		a := asks(t)[name]
		for _, member := range []string{`"status":{"code":500}`, `"status":{"code":"503","message":"Bella"}`, `"status":{"success":false}`} {
			requireSaysFailed(t, a.path, a.members, member, a.ask)
		}
	}
	full := asks(t)["calendar"]
	_, err := full.ask(t.Context(), dial(t, wire{full.path: says(`{"message":"Access denied to 2 rooms",` + full.members[0] + `}`)}))
	require.NoError(t, err, "rows came")
	for _, message := range []string{"No appointments found", "0 errors", "ok", "completed without error", "0 validation errors", "No errors or exceptions", "errors: none", "not been denied", "Nothing was logged on that day"} {
		a := asks(t)["calendar without rows"]
		_, err := a.ask(t.Context(), dial(t, wire{a.path: says(`{"message":"` + message + `",` + a.members[0] + `}`)}))
		require.NoError(t, err, message)
	}
}

// requireSaysFailed puts the member that says so at every place among the others.
func requireSaysFailed(t *testing.T, path string, members []string, member string, ask func(context.Context, *session) (int, error)) {
	for at := range len(members) + 1 {
		all := append(append(append([]string{}, members[:at]...), member, `"about":"Bella was not found"`), members[at:]...)
		body := "{" + strings.Join(all, ",") + "}"
		found, err := ask(t.Context(), dial(t, wire{path: says(body)}))
		require.ErrorIs(t, err, pims.ErrRemote, body)
		require.NotContains(t, err.Error(), "Bella", "R40")
		require.Zero(t, found, body)
	}
}

func TestAnAnswerThatSaysThatItSucceededIsBelieved(t *testing.T) { // R5
	t.Parallel()
	for name, a := range asks(t) {
		if name == "providers" || strings.Contains(name, "out lists") || strings.Contains(name, "other days") || len(a.members) == 0 {
			continue
		}
		for _, member := range []string{
			`"success":true`, `"success":1`, `"success":"1"`, `"success":"TRUE"`, `"success":null`, `"success":"2 rows were found"`,
			`"error":null`, `"error":""`, `"error":false`, `"error":0`, `"error":"0"`, `"error":" "`, `"error":{}`, `"error":"none"`,
			`"errors":[]`, `"errors":{}`, `"errors":{"start":[]}`, `"errors":[null,""]`, `"error":{"code":0,"message":null}`,
			`"status":"success"`, `"status":"ok"`, `"status":200`, `"status":null`, `"status":{"code":1}`, `"message":"2 rows"`,
			`"ok":true`, `"hasError":false`, `"exception":null`, `"failed":0`, `"status":"no error"`, `"status":"open"`, `"status":3`, `"code":200`, `"code":"A7"`,
			`"authenticated":true`, `"err":null`, `"fault":""`, `"state":"open"`, `"result":"ok"`, `"redirect":null`,
			`"messages":[]`, `"detail":"2 rows"`,
		} {
			t.Run(name+" with "+member, func(t *testing.T) {
				t.Parallel()
				for _, all := range [][]string{append([]string{member}, a.members...), append(append([]string{}, a.members...), member)} {
					body := "{" + strings.Join(all, ",") + "}"
					found, err := a.ask(t.Context(), dial(t, wire{a.path: says(body)}))
					require.NoError(t, err, body)
					require.Equal(t, name != "calendar without rows", found > 0, body)
				}
			})
		}
	}
}

func TestTheStatusOfARecordIsTheRecords(t *testing.T) { // R5
	t.Parallel()
	for _, status := range []string{"in_progress", "Terror watch", "399", "failing", "Payment failed", "Failed to attend", "entered-in-error", "No error", "2026-01-17 again"} {
		view := wire{"/consultations/view/5001": says(`{"status":"` + status + `","id":5001}`)}
		c, err := dial(t, view).Consultation(t.Context(), "5001")
		require.NoError(t, err)
		require.Equal(t, status, c.StatusText)

		lookup := wire{lookupPath: says(`{"status":"` + status + `","id":7001,"patientName":"Bella","start":"2026-01-17 09:00"}`)}
		a, err := dial(t, lookup).FindAppointment(t.Context(), "7001")
		require.NoError(t, err)
		require.Equal(t, status, a.StatusText)
	}
	for _, status := range []string{`"error"`, `"failed"`, `500`, `"500"`} {
		for path, body := range map[string]string{
			"/consultations/view/5001": `{"data":{"status":` + status + `,"id":5001,"clinicalNotes":"S: An internal error occurred"}}`,
			"/consultations/view/5002": `{"status":` + status + `,"id":5002,"message":"x"}`,
		} {
			_, err := dial(t, wire{path: says(body)}).Consultation(t.Context(), path[len(path)-4:])
			require.ErrorIs(t, err, pims.ErrRemote, body)
		}
		_, err := dial(t, wire{lookupPath: says(`{"appointment":{"status":` + status + `,"id":7001,"patientName":"Bella","start":"2026-01-17 09:00"}}`)}).FindAppointment(t.Context(), "7001")
		require.ErrorIs(t, err, pims.ErrRemote, status)
	}
	around := wire{lookupPath: says(`{"data":{"id":7001,"patientName":"Bella","start":"2026-01-17 09:00"},"status":"ok"}`)}
	a, err := dial(t, around).FindAppointment(t.Context(), "7001")
	require.NoError(t, err)
	require.Empty(t, a.StatusText, "the status of the envelope is not the appointment's")
}

package pimstest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

// mulberrySim is Mulberry in memory, and a pimstest.Remote. It writes its own wire
// format, so that a mistake of the provider cannot cancel itself out.
type mulberrySim struct {
	server   *httptest.Server
	provider pims.Provider
	location *time.Location

	mu       sync.Mutex
	sessions map[string]bool // by the token
	logins   int
	visits   []pimstest.Visit
	records  []pimstest.Record
	page     pimstest.LoginPage
	always   map[pimstest.Op]pimstest.Fault
	once     map[pimstest.Op]pimstest.Fault
}

const (
	mulberryUser     = "front-desk@mulberry.example"
	mulberryPassword = "open-sesame-4711"
)

func startMulberry(t testing.TB, setup pimstest.Setup) *mulberrySim {
	t.Helper()
	sim := &mulberrySim{location: setup.Location, sessions: map[string]bool{}}
	sim.Heal()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/token", sim.token)
	mux.HandleFunc("GET /api/me", sim.answers(pimstest.OpProve, func(*http.Request) any {
		return object{"practice": object{"id": "p-1", "name": "Mulberry Lane Veterinary"}}
	}))
	mux.HandleFunc("GET /api/visits", sim.answers(pimstest.OpAppointments, sim.calendar))
	mux.HandleFunc("GET /api/notes", sim.answers(pimstest.OpSearch, sim.search))
	mux.HandleFunc("GET /api/notes/{id}", sim.answers(pimstest.OpConsultation, sim.note))
	sim.server = httptest.NewServer(mux)
	t.Cleanup(sim.server.Close)
	sim.provider = newMulberry(pims.Environment{
		Hosts:   pims.HostPolicy{Named: []string{strings.TrimPrefix(sim.server.URL, "http://")}},
		Timeout: setup.Timeout,
		Backoff: setup.Backoff,
		Observe: setup.Observe,
	})
	return sim
}

type object map[string]any

func (sim *mulberrySim) Provider() pims.Provider { return sim.provider }

func (sim *mulberrySim) Account() pims.Account {
	return pims.Account{
		Credentials: pims.Credentials{pims.FieldBaseURL: sim.server.URL, pims.FieldUsername: mulberryUser, pims.FieldPassword: mulberryPassword},
		Location:    sim.location,
	}
}

func (sim *mulberrySim) change(f func()) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	f()
}

func (sim *mulberrySim) SetVisits(v ...pimstest.Visit)    { sim.change(func() { sim.visits = v }) }
func (sim *mulberrySim) SetRecords(r ...pimstest.Record)  { sim.change(func() { sim.records = r }) }
func (sim *mulberrySim) SetLogin(page pimstest.LoginPage) { sim.change(func() { sim.page = page }) }
func (sim *mulberrySim) ExpireSessions()                  { sim.change(func() { clear(sim.sessions) }) }

func (sim *mulberrySim) Fail(op pimstest.Op, fault pimstest.Fault) {
	sim.change(func() { sim.always[op] = fault })
}

func (sim *mulberrySim) FailOnce(op pimstest.Op, fault pimstest.Fault) {
	sim.change(func() { sim.once[op] = fault })
}

func (sim *mulberrySim) Heal() {
	sim.change(func() {
		sim.always, sim.once = map[pimstest.Op]pimstest.Fault{}, map[pimstest.Op]pimstest.Fault{}
	})
}

// token is the login: a form in, a token out.
func (sim *mulberrySim) token(w http.ResponseWriter, r *http.Request) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	refuse := func(why string) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"why":%q}`, why)
	}
	switch {
	case sim.page == pimstest.LoginChallenges:
		refuse("second_factor")
	case sim.page == pimstest.LoginChanged:
		fmt.Fprint(w, `{"ticket":"4711"}`)
	case r.PostFormValue("user") != mulberryUser || r.PostFormValue("secret") != mulberryPassword:
		refuse("unknown_user")
	default:
		sim.logins++
		token := "token-" + strconv.Itoa(sim.logins)
		sim.sessions[token] = true
		fmt.Fprintf(w, `{"token":%q,"expiresIn":36000}`, token)
	}
}

// answers is the handler of an operation: first the session, then the fault that
// was asked for, then the answer. nil is a 404.
func (sim *mulberrySim) answers(op pimstest.Op, answer func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fault, body, status := sim.decide(op, r, answer)
		if fault != "" {
			fail(w, r, fault, body)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

func (sim *mulberrySim) decide(op pimstest.Op, r *http.Request, answer func(*http.Request) any) (pimstest.Fault, []byte, int) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	session := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !sim.sessions[session] {
		return "", nil, http.StatusUnauthorized
	}
	fault, ok := sim.once[op]
	delete(sim.once, op)
	if !ok {
		fault = sim.always[op]
	}
	if fault == pimstest.FaultSessionDies {
		delete(sim.sessions, session)
	}
	if fault == pimstest.FaultSessionDies || fault == pimstest.FaultLoggedOut {
		return "", nil, http.StatusUnauthorized
	}
	found := answer(r)
	if found == nil {
		return fault, nil, http.StatusNotFound
	}
	body, err := json.Marshal(found)
	if err != nil {
		return fault, nil, http.StatusInternalServerError
	}
	return fault, body, http.StatusOK
}

// fail answers in one of the suite's ways to fail.
func fail(w http.ResponseWriter, r *http.Request, fault pimstest.Fault, body []byte) {
	switch fault {
	case pimstest.FaultHTML:
		fmt.Fprint(w, "<!doctype html><title>Mulberry</title>")
	case pimstest.FaultMaintenance:
		fmt.Fprint(w, "<!doctype html><title>Down for maintenance</title>")
	case pimstest.FaultNull:
		fmt.Fprint(w, "null")
	case pimstest.FaultEmptyObject:
		fmt.Fprint(w, "{}")
	case pimstest.FaultRenamed:
		fmt.Fprintf(w, `{"renamed":%s}`, body)
	case pimstest.FaultTruncated:
		_, _ = w.Write(body[:len(body)/2])
	case pimstest.FaultCut:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	case pimstest.FaultCharset:
		_, _ = w.Write(bytes.Replace(body, []byte{'"'}, []byte("\"\xeb"), 1))
	case pimstest.FaultLongText:
		fmt.Fprintf(w, `{"visits":[{"animal":"%s"}]}`, strings.Repeat("a", 8<<20))
	case pimstest.FaultDeep:
		fmt.Fprint(w, strings.Repeat("[", 100_000))
	case pimstest.FaultSaysFailed:
		fmt.Fprintf(w, `%s,"error":"Zzpatient cannot be shown"}`, body[:len(body)-1])
	case pimstest.FaultHang:
		<-r.Context().Done()
	case pimstest.FaultServerError:
		w.WriteHeader(http.StatusInternalServerError)
	case pimstest.FaultBusy:
		w.WriteHeader(http.StatusServiceUnavailable)
	case pimstest.FaultRateLimit:
		w.WriteHeader(http.StatusTooManyRequests)
	case pimstest.FaultForbidden:
		w.WriteHeader(http.StatusForbidden)
	default:
		panic("Mulberry does not know the fault: " + string(fault))
	}
}

// asked are the days of a request, as readings of the wall clock.
func asked(r *http.Request) (from, until time.Time) {
	from, errFrom := time.Parse(time.DateOnly, r.FormValue("from"))
	to, errTo := time.Parse(time.DateOnly, r.FormValue("to"))
	if errFrom != nil || errTo != nil {
		return time.Time{}, time.Time{}
	}
	return from, to.AddDate(0, 0, 1)
}

func (sim *mulberrySim) calendar(r *http.Request) any {
	from, until := asked(r)
	rows := []object{}
	for _, v := range sim.visits {
		overlaps := v.Start.Before(until) && (!v.Start.Before(from) || v.End.After(from))
		if overlaps || v.Start.IsZero() {
			rows = append(rows, visitRow(v))
		}
	}
	return object{"visits": rows}
}

func visitRow(v pimstest.Visit) object {
	row := object{
		"animal": v.Patient, "chip": v.PatientID, "owner": object{"first": v.FirstName, "last": v.LastName, "phone": v.Phone},
		"kind": v.Type, "state": stateWords[v.Status], "closed": v.Block, "note": v.ConsultationID,
	}
	if v.ID != "" {
		row["id"] = v.ID
	}
	if !v.Start.IsZero() {
		row["begins"] = v.Start.Format("2006-01-02T15:04")
	}
	if !v.End.IsZero() {
		row["ends"] = v.End.Format("2006-01-02T15:04")
	}
	return row
}

var stateWords = map[pims.Status]string{
	pims.StatusScheduled: "booked", pims.StatusCheckedIn: "arrived", pims.StatusInProgress: "with vet",
	pims.StatusCompleted: "done", pims.StatusCancelled: "called off", pims.StatusNoShow: "missed",
}

func (sim *mulberrySim) search(r *http.Request) any {
	from, until := asked(r)
	rows := []object{}
	for _, c := range sim.records {
		if !c.At.Before(from) && c.At.Before(until) {
			rows = append(rows, noteRow(c))
		}
	}
	return object{"notes": rows}
}

func (sim *mulberrySim) note(r *http.Request) any {
	for _, c := range sim.records {
		if c.ID == r.PathValue("id") {
			return noteRow(c)
		}
	}
	return nil
}

func noteRow(c pimstest.Record) object {
	row := object{
		"id": c.ID, "visit": c.AppointmentID, "chip": c.PatientID, "at": c.At.Format("2006-01-02T15:04"),
		"signed": c.Status == pims.ConsultationCompleted, "text": c.Notes,
		"findings": c.Diagnoses, "advice": c.Discharge,
	}
	for line := range strings.SplitSeq(c.Notes, "\n") {
		for head, field := range map[string]string{"S: ": "subjective", "O: ": "objective", "A: ": "assessment", "P: ": "plan"} {
			if text, ok := strings.CutPrefix(line, head); ok {
				row[field] = text
			}
		}
	}
	if c.Fahrenheit != 0 {
		row["tempF"] = c.Fahrenheit
	}
	return row
}

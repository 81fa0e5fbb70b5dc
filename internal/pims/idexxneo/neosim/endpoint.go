package neosim

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// controlText lists the control endpoint for people.
//
//go:embed control.txt
var controlText string

// control adds the control endpoint, for other processes and for people with curl. It has no access control: it belongs
// on a loopback address.
func (s *Sim) control(mux *http.ServeMux) {
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"GET /_sim/appointments":               s.getAppointments,
		"POST /_sim/appointments":              s.postAppointment,
		"POST /_sim/appointments/{id}/move":    s.postMove,
		"POST /_sim/appointments/{id}/status":  s.postStatus,
		"POST /_sim/appointments/{id}/notes":   s.postNotes,
		"POST /_sim/appointments/{id}/start":   s.postVisit(s.StartVisit),
		"POST /_sim/appointments/{id}/finish":  s.postVisit(s.FinishVisit),
		"POST /_sim/appointments/{id}/cancel":  s.postAction(s.Cancel),
		"POST /_sim/appointments/{id}/delete":  s.postAction(s.Delete),
		"POST /_sim/appointments/{id}/restore": s.postAction(s.Restore),
		"POST /_sim/appointments/{id}/patient": s.postPatient,
		"POST /_sim/appointments/{id}/discard": s.postAction(s.DiscardConsultation),
		"POST /_sim/appointments/{id}/forget":  s.postAction(s.ForgetConsultation),
		"POST /_sim/appointments/{id}/replace": s.postVisit(s.ReplaceConsultation),
		"POST /_sim/appointments/{id}/swap":    s.postSwap,
		"POST /_sim/patients/{id}/merge":       s.postMerge,
		"POST /_sim/consultations/{id}/visits": s.postVisits,
		"POST /_sim/appointments/{id}/reuse":   s.postReuse,
		"POST /_sim/change-day":                func(*http.Request) (any, error) { return s.ChangeDay() },
		"POST /_sim/shift":                     s.postShift,
		"POST /_sim/sessions/expire":           func(*http.Request) (any, error) { s.ExpireSessions(); return done200, nil },
		"POST /_sim/password":                  s.postPassword,
		"POST /_sim/faults":                    s.postFault,
		"DELETE /_sim/faults":                  s.deleteFaults,
		"POST /_sim/options":                   s.postOptions,
		"GET /_sim/stats":                      func(*http.Request) (any, error) { return s.stats(), nil },
		"DELETE /_sim/stats":                   func(*http.Request) (any, error) { s.ResetRequests(); return done200, nil },
	} {
		mux.HandleFunc(pattern, controlled(h))
	}
	mux.HandleFunc("GET /_sim/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, controlText) //nolint:errcheck // nobody is left to be told
	})
}

// done200 is the answer of what has nothing to tell.
var done200 = map[string]bool{"done": true}

// controlled returns JSON: 200, or 400 with an error that says what was wrong with the request.
func controlled(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		answer, err := h(r)
		if err != nil {
			status, answer = http.StatusBadRequest, map[string]string{"error": err.Error()}
		}
		text, err := json.Marshal(answer)
		if err != nil {
			status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
		}
		writeJSON(w, status, string(text))
	}
}

// body decodes the request's JSON; unknown fields are mistakes, no body is {}.
func body(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("the body is not understood: %w", err)
	}
	return nil
}

// appointmentJSON is an appointment on the control endpoint; times are YYYY-MM-DD HH:MM:SS of the practice's wall clock.
type appointmentJSON struct {
	ID             string          `json:"id,omitempty"`
	ConsultationID string          `json:"consultationId,omitempty"`
	Start          string          `json:"start"`
	End            string          `json:"end,omitempty"`
	PatientID      string          `json:"patientId,omitempty"`
	Patient        string          `json:"patient,omitempty"`
	ClientID       string          `json:"clientId,omitempty"`
	FirstName      string          `json:"firstName,omitempty"`
	LastName       string          `json:"lastName,omitempty"`
	Email          string          `json:"email,omitempty"`
	Phone          string          `json:"phone,omitempty"`
	Provider       string          `json:"provider,omitempty"`
	Type           string          `json:"type,omitempty"`
	Reason         string          `json:"reason,omitempty"`
	Title          string          `json:"title,omitempty"`
	Status         string          `json:"status,omitempty"`
	Block          bool            `json:"block,omitempty"`
	Roster         bool            `json:"roster,omitempty"`
	Raw            map[string]any  `json:"raw,omitempty"`
	Verbatim       json.RawMessage `json:"verbatim,omitempty"`
}

func shown(a Appointment) appointmentJSON {
	return appointmentJSON{
		ID: a.ID, ConsultationID: a.ConsultationID, Start: a.Start.Format(spaceLayout), End: a.End.Format(spaceLayout),
		PatientID: a.PatientID, Patient: a.Patient, ClientID: a.ClientID, FirstName: a.FirstName, LastName: a.LastName,
		Email: a.Email, Phone: a.Phone, Provider: a.Provider, Type: a.Type, Reason: a.Reason, Title: a.Title, Status: a.Status,
		Block: a.Block, Roster: a.Roster,
	}
}

func (j appointmentJSON) appointment() (Appointment, error) {
	start, err := wallClock("start", j.Start)
	if err != nil {
		return Appointment{}, err
	}
	var end time.Time
	if j.End != "" {
		if end, err = wallClock("end", j.End); err != nil {
			return Appointment{}, err
		}
	}
	return Appointment{
		ID: j.ID, ConsultationID: j.ConsultationID, Start: start, End: end,
		PatientID: j.PatientID, Patient: j.Patient, ClientID: j.ClientID, FirstName: j.FirstName, LastName: j.LastName,
		Email: j.Email, Phone: j.Phone, Provider: j.Provider, Type: j.Type, Reason: j.Reason, Title: j.Title, Status: j.Status,
		Block: j.Block, Roster: j.Roster, Raw: j.Raw, Verbatim: j.Verbatim,
	}, nil
}

func wallClock(field, text string) (time.Time, error) {
	t, err := time.Parse(spaceLayout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s must be YYYY-MM-DD HH:MM:SS", field)
	}
	return t, nil
}

// getAppointments lists ?from=YYYY-MM-DD&to=YYYY-MM-DD (the last day included); today without them.
func (s *Sim) getAppointments(r *http.Request) (any, error) {
	from, to := s.Today(), s.Today()
	for name, day := range map[string]*time.Time{"from": &from, "to": &to} {
		if text := r.URL.Query().Get(name); text != "" {
			parsed, err := time.Parse(time.DateOnly, text)
			if err != nil {
				return nil, fmt.Errorf("%s must be YYYY-MM-DD", name)
			}
			*day = parsed
		}
	}
	rows := []appointmentJSON{}
	for _, a := range s.Appointments(from, to.AddDate(0, 0, 1)) {
		rows = append(rows, shown(a))
	}
	return map[string]any{"appointments": rows}, nil
}

func (s *Sim) postAppointment(r *http.Request) (any, error) {
	var sent appointmentJSON
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	a, err := sent.appointment()
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": s.AddAppointment(a)}, nil
}

func (s *Sim) postMove(r *http.Request) (any, error) {
	var sent struct {
		Start string `json:"start"`
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	start, err := wallClock("start", sent.Start)
	if err != nil {
		return nil, err
	}
	return done200, s.Move(r.PathValue("id"), start)
}

func (s *Sim) postStatus(r *http.Request) (any, error) {
	var sent struct {
		Status string `json:"status"`
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	return done200, s.SetStatus(r.PathValue("id"), sent.Status)
}

func (s *Sim) postNotes(r *http.Request) (any, error) {
	var sent struct {
		Notes string `json:"notes"`
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	c, ok := s.ConsultationOf(r.PathValue("id"))
	if !ok {
		return nil, fmt.Errorf("appointment %s has no consultation", r.PathValue("id"))
	}
	return done200, s.EditNotes(c.ID, sent.Notes)
}

func (s *Sim) postVisit(act func(string) (string, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		id, err := act(r.PathValue("id"))
		return map[string]string{"consultationId": id}, err
	}
}

func (s *Sim) postPatient(r *http.Request) (any, error) {
	var p Patient
	if err := body(r, &p); err != nil {
		return nil, err
	}
	return done200, s.CorrectPatient(r.PathValue("id"), p)
}

func (s *Sim) postSwap(r *http.Request) (any, error) {
	var sent struct {
		With string `json:"with"`
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	return done200, s.SwapConsultations(r.PathValue("id"), sent.With)
}

func (s *Sim) postVisits(r *http.Request) (any, error) {
	var sent struct {
		Calendar, Search, View, Patient *string
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	return done200, s.NameVisits(r.PathValue("id"), Naming(sent))
}

func (s *Sim) postMerge(r *http.Request) (any, error) {
	var into Patient
	if err := body(r, &into); err != nil {
		return nil, err
	}
	return done200, s.MergePatients(r.PathValue("id"), into)
}

func (s *Sim) postReuse(r *http.Request) (any, error) {
	var j appointmentJSON
	if err := body(r, &j); err != nil {
		return nil, err
	}
	a, err := j.appointment()
	if err != nil {
		return nil, err
	}
	return done200, s.ReuseID(r.PathValue("id"), a)
}

func (s *Sim) postAction(act func(string) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return done200, act(r.PathValue("id")) }
}

func (s *Sim) postPassword(r *http.Request) (any, error) {
	var sent struct {
		Password string `json:"password"`
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	if sent.Password == "" {
		return nil, errors.New("password must not be blank")
	}
	s.SetPassword(sent.Password)
	return done200, nil
}

func (s *Sim) postShift(r *http.Request) (any, error) {
	var sent struct {
		Offset span `json:"offset"`
	}
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	s.Shift(time.Duration(sent.Offset))
	return done200, nil
}

// span is a duration written as Go does: 90s, 1h30m.
type span time.Duration

// UnmarshalText reads "90s".
func (d *span) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = span(parsed)
	return err
}

// faultJSON is a fault on the control endpoint; count -1 is until cleared.
type faultJSON struct {
	Op             Op     `json:"op"`
	Kind           Kind   `json:"kind"`
	Count          int    `json:"count"`
	Skip           int    `json:"skip"`
	Code           int    `json:"code"`
	RetryAfter     span   `json:"retryAfter"`
	RetryAfterDate bool   `json:"retryAfterDate"`
	Body           string `json:"body"`
	Delay          span   `json:"delay"`
}

func (s *Sim) postFault(r *http.Request) (any, error) {
	var f faultJSON
	if err := body(r, &f); err != nil {
		return nil, err
	}
	if err := oneOf("kind", f.Kind, faultKinds...); err != nil {
		return nil, err
	}
	if f.Op != "" && !slices.Contains(knownOps, f.Op) {
		return nil, fmt.Errorf("op: %q is none of %v", f.Op, knownOps)
	}
	s.Fail(Fault{
		Op: f.Op, Kind: f.Kind, Count: f.Count, Skip: f.Skip, Code: f.Code, RetryAfter: time.Duration(f.RetryAfter),
		RetryAfterDate: f.RetryAfterDate, Body: f.Body, Delay: time.Duration(f.Delay),
	})
	return done200, nil
}

// deleteFaults clears ?op=…, repeatable; all without.
func (s *Sim) deleteFaults(r *http.Request) (any, error) {
	var ops []Op
	for _, op := range r.URL.Query()["op"] {
		ops = append(ops, Op(op))
	}
	s.ClearFaults(ops...)
	return done200, nil
}

// optionsJSON changes what it names and leaves the rest.
type optionsJSON struct {
	Shape         *Shape      `json:"shape"`
	Envelope      *Envelope   `json:"envelope"`
	IDs           *IDStyle    `json:"ids"`
	Bools         *BoolStyle  `json:"bools"`
	Charset       *Charset    `json:"charset"`
	Times         *TimeStyle  `json:"times"`
	Notes         *NoteStyle  `json:"notes"`
	Names         *NameStyle  `json:"names"`
	OddParts      *bool       `json:"oddParts"`
	MeasuredTexts *bool       `json:"measuredTexts"`
	Expired       *Expired    `json:"expired"`
	Lookup        *Lookup     `json:"lookup"`
	Views         *Views      `json:"views"`
	HideCancelled *bool       `json:"hideCancelled"`
	CompanyID     *string     `json:"companyId"`
	Login         *Login      `json:"login"`
	Latency       *span       `json:"latency"`
	LoginLatency  *span       `json:"loginLatency"`
	Latencies     map[Op]span `json:"latencies"`
}

func (s *Sim) postOptions(r *http.Request) (any, error) {
	var sent optionsJSON
	if err := body(r, &sent); err != nil {
		return nil, err
	}
	return done200, s.configure(sent.apply)
}

func (j optionsJSON) apply(o *Options) error {
	assign(&o.Shape, j.Shape)
	assign(&o.Envelope, j.Envelope)
	assign(&o.IDs, j.IDs)
	assign(&o.Bools, j.Bools)
	assign(&o.Charset, j.Charset)
	assign(&o.Times, j.Times)
	assign(&o.Notes, j.Notes)
	assign(&o.Names, j.Names)
	assign(&o.OddParts, j.OddParts)
	assign(&o.MeasuredTexts, j.MeasuredTexts)
	assign(&o.Expired, j.Expired)
	assign(&o.Lookup, j.Lookup)
	assign(&o.Views, j.Views)
	assign(&o.HideCancelled, j.HideCancelled)
	assign(&o.CompanyID, j.CompanyID)
	assign(&o.Login, j.Login)
	assign(&o.Latency, (*time.Duration)(j.Latency))
	assign(&o.LoginLatency, (*time.Duration)(j.LoginLatency))
	if j.Latencies != nil {
		o.Latencies = map[Op]time.Duration{}
	}
	for op, d := range j.Latencies {
		o.Latencies[op] = time.Duration(d)
	}
	return o.check()
}

func assign[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// statsJSON is what the instrumentation has seen.
type statsJSON struct {
	Logins   Logins     `json:"logins"`
	Requests map[Op]int `json:"requests"`
	Peaks    map[Op]int `json:"peaks"`
}

func (s *Sim) stats() statsJSON {
	stats := statsJSON{Logins: s.Logins(), Requests: map[Op]int{}, Peaks: map[Op]int{}}
	for _, op := range knownOps {
		stats.Requests[op], stats.Peaks[op] = s.Count(op), s.Peak(op)
	}
	return stats
}

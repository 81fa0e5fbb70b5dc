package idexxneo_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

// remote is a simulated Neo behind a provider, in the words of pimstest.
type remote struct {
	sim      *neosim.Sim
	provider pims.Provider
	account  pims.Account
}

// options change what a remote starts from.
type options struct {
	sim         neosim.Options
	environment pims.Environment // its Browser: nil is a formBrowser
}

// newRemote starts an empty Neo.
func newRemote(t testing.TB, o options) *remote {
	t.Helper()
	r := startRemote(t, o)
	r.sim.SetAppointments()
	return r
}

// startRemote starts a Neo with the practice of its options.
func startRemote(t testing.TB, o options) *remote {
	t.Helper()
	if o.sim.Now == nil { // the same practice on each day (R59)
		o.sim.Now = func() time.Time { return time.Date(2026, 3, 18, 15, 0, 0, 0, time.UTC) }
	}
	sim := neosim.New(o.sim)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(func() { sim.ClearFaults() })
	address, err := url.Parse(server.URL)
	require.NoError(t, err)

	environment := o.environment
	environment.Hosts.Named = append(environment.Hosts.Named, address.Host)
	if environment.Browser == nil {
		environment.Browser = formBrowser{}
	}
	return &remote{
		sim:      sim,
		provider: idexxneo.New(environment),
		account: pims.Account{
			Credentials: pims.Credentials{
				pims.FieldBaseURL:    server.URL,
				pims.FieldUsername:   neosim.DefaultUsername,
				pims.FieldPassword:   neosim.DefaultPassword,
				pims.FieldPracticeID: o.sim.CompanyID,
			},
			Location: sim.Options().Location,
		},
	}
}

// open logs in.
func (r *remote) open(t testing.TB) pims.Session {
	t.Helper()
	state, err := r.provider.Login(t.Context(), r.account)
	require.NoError(t, err)
	session, err := r.provider.Open(r.account, state)
	require.NoError(t, err)
	return session
}

func (r *remote) Provider() pims.Provider { return r.provider }

func (r *remote) Account() pims.Account { return r.account }

func (r *remote) ExpireSessions() { r.sim.ExpireSessions() }

func (r *remote) SetVisits(visits ...pimstest.Visit) {
	rows := make([]neosim.Appointment, 0, len(visits))
	for _, v := range visits {
		rows = append(rows, rowOf(v))
	}
	r.sim.SetAppointments(rows...)
}

// words are Neo's for each state.
var words = map[pims.Status]string{
	pims.StatusScheduled:  "Scheduled",
	pims.StatusCheckedIn:  "Checked In",
	pims.StatusInProgress: "In Progress",
	pims.StatusCompleted:  "Completed",
	pims.StatusCancelled:  "Cancelled",
	pims.StatusNoShow:     "No Show",
}

func rowOf(v pimstest.Visit) neosim.Appointment {
	row := neosim.Appointment{
		ID: v.ID, ConsultationID: v.ConsultationID, Start: v.Start, End: v.End,
		PatientID: v.PatientID, Patient: v.Patient, FirstName: v.FirstName, LastName: v.LastName, Phone: v.Phone,
		Type: v.Type, Status: words[v.Status], Block: v.Block,
		Raw: map[string]any{},
	}
	if v.ID == "0" {
		row.Raw["id"], row.Raw["appointment_id"] = 0, "0"
	}
	if v.ID == "" {
		row.ID = "without"
		row.Raw["id"], row.Raw["appointment_id"] = nil, nil
	}
	if v.Start.IsZero() { // somewhere where the answer will hold it
		row.Start = time.Date(2026, time.January, 13, 12, 0, 0, 0, time.UTC)
		row.Raw["start"], row.Raw["end"] = nil, nil
	}
	return row
}

func (r *remote) SetRecords(records ...pimstest.Record) {
	rows := r.sim.Appointments(time.Time{}, time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC))
	r.sim.SetAppointments(rows...) // which ends the consultations that there were
	for _, c := range records {
		note := neosim.Consultation{
			ID: c.ID, AppointmentID: c.AppointmentID, PatientID: c.PatientID, At: c.At, Status: string(c.Status),
			Notes: c.Notes, Diagnoses: c.Diagnoses, Discharge: c.Discharge,
		}
		if c.Fahrenheit != 0 {
			note.Vitals = neosim.Vitals{Temperature: c.Fahrenheit, TemperatureUnit: "F"}
		}
		r.sim.AddConsultation(note)
	}
}

func (r *remote) SetLogin(page pimstest.LoginPage) {
	r.sim.Configure(func(o *neosim.Options) {
		o.Login.Captcha = page == pimstest.LoginChallenges
		o.Login.Changed = page == pimstest.LoginChanged
	})
}

func (r *remote) Fail(op pimstest.Op, fault pimstest.Fault) { r.fail(op, fault, neosim.Forever) }

func (r *remote) FailOnce(op pimstest.Op, fault pimstest.Fault) { r.fail(op, fault, 1) }

func (r *remote) Heal() { r.sim.ClearFaults() }

var operations = map[pimstest.Op]neosim.Op{
	pimstest.OpProve:        neosim.OpProviders,
	pimstest.OpAppointments: neosim.OpCalendar,
	pimstest.OpSearch:       neosim.OpSearch,
	pimstest.OpConsultation: neosim.OpView,
	pimstest.OpFind:         neosim.OpAppointment,
}

var faults = map[pimstest.Fault]neosim.Fault{
	pimstest.FaultHTML:        {Kind: neosim.FaultHTML},
	pimstest.FaultMaintenance: {Kind: neosim.FaultMaintenance},
	pimstest.FaultNull:        {Kind: neosim.FaultBody, Body: "null"},
	pimstest.FaultEmptyObject: {Kind: neosim.FaultBody, Body: "{}"},
	pimstest.FaultRenamed:     {Kind: neosim.FaultBody, Body: `{"renamed":[{"id":101,"start":"2026-01-13 09:00:00"}],"total":1}`},
	pimstest.FaultTruncated:   {Kind: neosim.FaultTruncated},
	pimstest.FaultCut:         {Kind: neosim.FaultDisconnect},
	pimstest.FaultHang:        {Kind: neosim.FaultHang},
	pimstest.FaultServerError: {Kind: neosim.FaultStatus, Code: http.StatusInternalServerError},
	pimstest.FaultBusy:        {Kind: neosim.FaultStatus, Code: http.StatusServiceUnavailable},
	pimstest.FaultRateLimit:   {Kind: neosim.FaultStatus, Code: http.StatusTooManyRequests},
	pimstest.FaultForbidden:   {Kind: neosim.FaultStatus, Code: http.StatusForbidden},
	pimstest.FaultSessionDies: {Kind: neosim.FaultSessionDies},
	pimstest.FaultCharset:     {Kind: neosim.FaultCharset},
	pimstest.FaultLoggedOut:   {Kind: neosim.FaultLoggedOut},
	pimstest.FaultLongText:    {Kind: neosim.FaultLongText},
	pimstest.FaultDeep:        {Kind: neosim.FaultDeep},
	pimstest.FaultSaysFailed:  {Kind: neosim.FaultSaysFailed, Body: `"success":false,"message":"Zzpatient cannot be shown"`},
}

func (r *remote) fail(op pimstest.Op, fault pimstest.Fault, count int) {
	f := faults[fault]
	f.Op, f.Count = operations[op], count
	r.sim.Fail(f)
}

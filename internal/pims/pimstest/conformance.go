package pimstest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Harness makes remote systems for the conformance suite: one for each test,
// running, empty, and with a provider that talks to it.
type Harness struct {
	// New starts a remote system and arranges its end with t.Cleanup.
	New func(t testing.TB, setup Setup) Remote
}

// A Setup is what a test asks of its remote system and its provider.
type Setup struct {
	Location *time.Location // in which the remote system's wall clock runs
	Timeout  time.Duration  // for pims.Environment
	Backoff  time.Duration  // for pims.Environment
	Observe  pims.Observer  // for pims.Environment; nil: nobody looks
}

// A Remote is a remote system, told what to hold and how to fail in words that
// fit every PIMS.
type Remote interface {
	Provider() pims.Provider

	// Account is one that the remote system lets in. Its texts are unmistakable,
	// so that the suite can look for them where they must not be.
	Account() pims.Account

	// SetVisits replaces the calendar, its rows in this order.
	SetVisits(...Visit)

	// SetRecords replaces the consultations.
	SetRecords(...Record)

	// ExpireSessions ends every session.
	ExpireSessions()

	// SetLogin says how the login page behaves from now on.
	SetLogin(LoginPage)

	// Fail makes requests fail from now on, until Heal.
	Fail(Op, Fault)
	Heal()

	// FailOnce makes the next request fail, and no other.
	FailOnce(Op, Fault)
}

// A Visit is a row of the remote calendar. Its times are wall-clock readings,
// whose zone is ignored.
type Visit struct {
	ID             string // empty: the row has none
	ConsultationID string
	Start, End     time.Time // zero: the row has none
	Patient        string
	PatientID      string // empty: the row does not name it
	FirstName      string // the client's
	LastName       string
	Phone          string
	Type           string
	Status         pims.Status
	Block          bool // it occupies the calendar and is no visit
}

// A Record is a consultation of the remote system.
type Record struct {
	ID            string
	AppointmentID string
	PatientID     string    // empty: it does not say whose it is
	At            time.Time // a wall-clock reading
	Status        pims.ConsultationStatus
	Notes         string
	Fahrenheit    float64  // 0: not measured
	Diagnoses     []string // an empty one has no name
	Discharge     string
}

// A LoginPage is how a remote system's login behaves.
type LoginPage string

// The ways of a login page.
const (
	LoginWorks      LoginPage = "works"
	LoginChallenges LoginPage = "challenges" // shows a captcha
	LoginChanged    LoginPage = "changed"    // shows a form that nobody knows
)

// A Fault is a way in which a request fails.
type Fault string

// The faults.
const (
	FaultHTML        Fault = "an HTML page instead of JSON"
	FaultMaintenance Fault = "an HTML page, with status 200, that says that it is closed for maintenance"
	FaultNull        Fault = "null"
	FaultEmptyObject Fault = "an empty object"
	FaultRenamed     Fault = "an unknown envelope"
	FaultTruncated   Fault = "half of the answer as if it were all"
	FaultCut         Fault = "a connection cut in the middle"
	FaultHang        Fault = "no answer"
	FaultServerError Fault = "an error of the server"
	FaultBusy        Fault = "a temporary error of the server"
	FaultRateLimit   Fault = "too many requests"
	FaultForbidden   Fault = "a refusal"
	FaultSessionDies Fault = "a session that ends with the request"
	FaultCharset     Fault = "a text that is none in the charset of the answer"
	FaultLoggedOut   Fault = "the answer to a dead session, while the session lives"
	FaultLongText    Fault = "a text that is longer than a row may be"
	FaultDeep        Fault = "lists in one another, a hundred thousand deep"
	FaultSaysFailed  Fault = "the right answer, with words that it failed, and status 200" // its message names patients
)

// Run proves that a provider keeps the contract of internal/pims. Every provider
// runs it; docs/adding-a-provider.md tells how.
func Run(t *testing.T, h Harness) {
	t.Helper()
	t.Run("credentials", func(t *testing.T) { t.Parallel(); runCredentials(t, h) })
	t.Run("login", func(t *testing.T) { t.Parallel(); RunLogin(t, h) })
	t.Run("session", func(t *testing.T) { t.Parallel(); runSession(t, h) })
	t.Run("calendar", func(t *testing.T) { t.Parallel(); runCalendar(t, h) })
	t.Run("time", func(t *testing.T) { t.Parallel(); runTime(t, h) })
	t.Run("consultations", func(t *testing.T) { t.Parallel(); runConsultations(t, h) })
	t.Run("faults", func(t *testing.T) { t.Parallel(); runFaults(t, h) })
}

// bench is one test's remote system.
type bench struct {
	Remote
	t        *testing.T
	location *time.Location
}

func newBench(t *testing.T, h Harness, zone string) *bench {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	setup := Setup{Location: location, Timeout: time.Minute, Backoff: time.Millisecond}
	return &bench{Remote: h.New(t, setup), t: t, location: location}
}

// newWatchedBench has a provider whose requests are watched.
func newWatchedBench(t *testing.T, h Harness, observe pims.Observer) *bench {
	t.Helper()
	watched := Harness{New: func(t testing.TB, setup Setup) Remote {
		setup.Observe = observe
		return h.New(t, setup)
	}}
	return newBench(t, watched, berlin)
}

// newHastyBench has a provider that soon gives up on a request.
func newHastyBench(t *testing.T, h Harness) *bench {
	t.Helper()
	hasty := Harness{New: func(t testing.TB, setup Setup) Remote {
		setup.Timeout = 200 * time.Millisecond
		return h.New(t, setup)
	}}
	return newBench(t, hasty, berlin)
}

// berlin is the zone of the tests that are not about zones.
const berlin = "Europe/Berlin"

// login makes a live session.
func (b *bench) login() pims.Session {
	b.t.Helper()
	state, err := b.Provider().Login(b.t.Context(), b.Account())
	require.NoError(b.t, err, "log in")
	return b.open(state)
}

func (b *bench) open(state pims.State) pims.Session {
	b.t.Helper()
	session, err := b.Provider().Open(b.Account(), state)
	require.NoError(b.t, err, "open")
	return session
}

// window is days of January 2026, in the clinic's zone.
func (b *bench) window(first, last int) pims.Window {
	b.t.Helper()
	day := func(n int) pims.Date { return pims.Date{Year: 2026, Month: time.January, Day: n} }
	window, err := pims.NewWindow(day(first), day(last), b.location)
	require.NoError(b.t, err)
	return window
}

// at is a wall-clock reading of January 2026.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, time.January, day, hour, minute, 0, 0, time.UTC)
}

// visit is an ordinary one that begins then and takes half an hour. All of its
// texts are unmistakable.
func visit(id string, start time.Time) Visit {
	return Visit{
		ID: id, Start: start, End: start.Add(30 * time.Minute),
		Patient: "Zzpatient", FirstName: "Zzfirst", LastName: "Zzlast", Phone: "+1 555 0100 999",
		Type: "Exam", Status: pims.StatusScheduled,
	}
}

func record(id string, appointmentID string, at time.Time) Record {
	return Record{
		ID: id, AppointmentID: appointmentID, At: at, Status: pims.ConsultationCompleted,
		Notes:      "S: Zzsubjective\nO: Zzobjective\nA: Zzassessment\nP: Zzplan",
		Fahrenheit: 101.5,
		Diagnoses:  []string{"Zzdiagnosis"},
		Discharge:  "Zzdischarge",
	}
}

// requireKind demands an error of a kind that tells no secret (R40).
func (b *bench) requireKind(err, kind error) {
	b.t.Helper()
	require.ErrorIs(b.t, err, kind)
	b.requireDiscreet(err)
}

// requireDiscreet demands that an error tells neither credentials nor content.
func (b *bench) requireDiscreet(err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	for _, secret := range append(b.secrets(), "Zz", "555 0100", "?") {
		require.NotContains(b.t, err.Error(), secret, "R40")
	}
}

// secrets are the user name and the secret fields of the account.
func (b *bench) secrets() (values []string) {
	account := b.Account()
	for _, f := range b.Provider().Declaration().Fields {
		if value := account.Credentials[f.Name]; value != "" && (f.Secret || f.Name == pims.FieldUsername) {
			values = append(values, value)
		}
	}
	return values
}

// A call is one method of a session, reduced to its error.
type call struct {
	op  Op
	run func(context.Context, pims.Session) error
}

// calls are all methods that make requests. A session that is no finder has one
// fewer. Every answer that comes with an error must be empty.
func (b *bench) calls() []call {
	window := b.window(12, 18)
	return []call{
		{OpProve, func(ctx context.Context, s pims.Session) error { return s.Prove(ctx) }},
		{OpAppointments, func(ctx context.Context, s pims.Session) error {
			snapshot, err := s.Appointments(ctx, window)
			return wholeOrError(snapshot.Found() == 0, err)
		}},
		{OpSearch, func(ctx context.Context, s pims.Session) error {
			entries, err := s.SearchConsultations(ctx, window)
			return wholeOrError(len(entries) == 0, err)
		}},
		{OpConsultation, func(ctx context.Context, s pims.Session) error {
			consultation, err := s.Consultation(ctx, "501")
			return wholeOrError(consultation.ID == "", err)
		}},
		{OpFind, func(ctx context.Context, s pims.Session) error {
			finder, ok := s.(pims.AppointmentFinder)
			if !ok {
				return nil
			}
			appointment, err := finder.FindAppointment(ctx, "101")
			return wholeOrError(appointment.ID == "", err)
		}},
	}
}

var errPartial = errors.New("a part of an answer came with an error")

func wholeOrError(empty bool, err error) error {
	if err != nil && !empty {
		return errPartial
	}
	return err
}

// fill gives the remote system what calls asks for.
func (b *bench) fill() {
	b.SetVisits(visit("101", at(13, 9, 0)), visit("102", at(14, 10, 0)))
	b.SetRecords(record("501", "101", at(13, 9, 0)), record("502", "102", at(14, 10, 0)))
}

// isFinder reports whether the provider's sessions can look up appointments.
func isFinder(s pims.Session) bool {
	_, ok := s.(pims.AppointmentFinder)
	return ok
}

// sentence makes a test's name of words.
func sentence(words ...string) string { return strings.Join(words, " ") }

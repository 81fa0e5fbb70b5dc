package neosim

import (
	"net/http"
	"slices"
	"time"
)

// Op names an operation of the remote system, as it is counted, delayed and made to fail.
type Op string

// The operations.
const (
	OpLoginPage   Op = "login-page"  // GET /login
	OpMFA         Op = "mfa"         // GET /mfa, the page that asks for a one-time code
	OpInUse       Op = "in-use"      // GET /in-use, the page that asks whether to end another session
	OpStep        Op = "welcome"     // GET /welcome/{n}, a page before the dashboard
	OpLogin       Op = "login"       // POST /login, sent by the page's script
	OpDashboard   Op = "dashboard"   // GET /dashboard
	OpRedirect    Op = "redirect"    // GET /sso, a hop of the redirect chain
	OpLogout      Op = "logout"      // GET or POST /logout
	OpProviders   Op = "providers"   // GET /users/providers
	OpSchedule    Op = "schedule"    // GET /schedule/getScheduleConfigs
	OpCalendar    Op = "calendar"    // GET /appointments/getCalendarEventData
	OpAppointment Op = "appointment" // GET /appointments/getAppointment
	OpSearch      Op = "search"      // GET /consultations/search
	OpView        Op = "view"        // GET /consultations/view/{id}
	OpPageData    Op = "page-data"   // GET /consultations/{id}/page-data
	OpUnknown     Op = "unknown"     // anything else
)

// knownOps are all operations.
var knownOps = []Op{
	OpLoginPage, OpMFA, OpInUse, OpStep, OpLogin, OpDashboard, OpRedirect, OpLogout, OpProviders, OpSchedule, OpCalendar, OpAppointment, OpSearch,
	OpView, OpPageData, OpUnknown,
}

// Kind is the way in which a request fails.
type Kind string

// The kinds of faults.
const (
	FaultStatus        Kind = "status"         // responds with Fault.Code, and RetryAfter where that is set
	FaultHTML          Kind = "html"           // an HTML page with status 200
	FaultMaintenance   Kind = "maintenance"    // an HTML page with status 200 that says that Neo is closed for maintenance
	FaultBody          Kind = "body"           // Fault.Body as JSON with status 200: null, {}, []
	FaultEmpty         Kind = "empty"          // the usual envelope, without rows
	FaultRenamed       Kind = "renamed"        // the rows under a name that nobody knows
	FaultTruncated     Kind = "truncated"      // half of the JSON, as if that were all
	FaultDisconnect    Kind = "disconnect"     // half of the JSON, then the connection is cut
	FaultHang          Kind = "hang"           // nothing, until the client gives up or the fault is cleared: then the right answer
	FaultSlow          Kind = "slow"           // the right answer, after Fault.Delay
	FaultHalf          Kind = "half"           // every second appointment or consultation, always the same ones
	FaultOtherPractice Kind = "other-practice" // the data of Fault.Other, or of a practice with the next seed
	FaultSessionDies   Kind = "session-dies"   // the session ends with this request
	FaultCharset       Kind = "charset"        // the right answer, with a letter of its first text in Latin-1, which it does not declare
	FaultLoggedOut     Kind = "logged-out"     // what a dead session is answered, while the session lives
	FaultLongText      Kind = "long-text"      // a list with a text of 8 MiB
	FaultDeep          Kind = "deep"           // lists in one another, 100,000 deep
	FaultSaysFailed    Kind = "says-failed"    // the right answer, in an envelope whose members (Fault.Body) say that it failed
)

// faultKinds are all of them, for checking what comes over the control endpoint.
var faultKinds = []Kind{
	FaultStatus, FaultHTML, FaultMaintenance, FaultBody, FaultEmpty, FaultRenamed, FaultTruncated, FaultDisconnect, FaultHang, FaultSlow,
	FaultHalf, FaultOtherPractice, FaultSessionDies, FaultLoggedOut, FaultSaysFailed, FaultCharset,
	FaultLongText, FaultDeep,
}

// Forever as Count keeps a fault until it is cleared.
const Forever = -1

// Fault makes requests fail. Faults wait in the order in which they were added; a request takes the first that fits.
// API requests take one only where their session lives, so that each counted fault is really seen.
type Fault struct {
	// Op is the operation that fails; "" means every API operation.
	Op   Op
	Kind Kind
	// Count is for how many requests; 0 means one, Forever until it is cleared.
	Count int
	// Skip lets that many fitting requests pass first.
	Skip int
	// Code is the status of FaultStatus; 0 means 500.
	Code int
	// RetryAfter is announced with FaultStatus: in seconds, or as a date where RetryAfterDate is set.
	RetryAfter     time.Duration
	RetryAfterDate bool
	// Body is what FaultBody says, "" means null; or the members of FaultSaysFailed, "" means success, false.
	Body string
	// Delay passes before the answer, for every kind.
	Delay time.Duration
	// Other is the Sim whose data FaultOtherPractice shows.
	Other *Sim
	// Match narrows the fault to some requests; it must not call the Sim.
	Match func(*http.Request) bool

	cleared chan struct{}
}

func (f *Fault) fits(op Op, r *http.Request) bool {
	if f.Op == "" && !op.isAPI() || f.Op != "" && f.Op != op {
		return false
	}
	return f.Match == nil || f.Match(r)
}

// isAPI tells the operations that need a session and answer JSON.
func (op Op) isAPI() bool {
	switch op {
	case OpProviders, OpSchedule, OpCalendar, OpAppointment, OpSearch, OpView, OpPageData:
		return true
	default:
		return false
	}
}

// Fail adds a fault.
func (s *Sim) Fail(f Fault) {
	if f.Count == 0 {
		f.Count = 1
	}
	f.cleared = make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all faults, or those of the operations named, and what hangs because of them.
func (s *Sim) ClearFaults(ops ...Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []*Fault
	for _, f := range s.faults {
		if len(ops) > 0 && !slices.Contains(ops, f.Op) {
			kept = append(kept, f)
			continue
		}
		close(f.cleared)
	}
	s.faults = kept
}

// takeFault finds the fault for a request; the zero Fault where none fits.
func (s *Sim) takeFault(op Op, r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Count == 0 || !f.fits(op, r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Count > 0 {
			f.Count--
		}
		return *f
	}
	return Fault{}
}

// Package pims defines the types of a practice information management system (PIMS): what
// all remote systems have in common, in our terms. The sync rules use only these types. A
// provider package (idexxneo is the first) translates its own wire format into them.
//
// The package knows no vendor, no database and no browser. It imports no other package of
// ours.
package pims

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// A Provider is one kind of PIMS. It knows how to log in and how to talk to the PIMS
// afterwards. A Provider holds no state of any clinic and is safe for concurrent use.
type Provider interface {
	// Declaration returns what the program needs to know of the provider, always the same.
	Declaration() Declaration

	// Login logs in and proves the new session with one API request. Where the credentials
	// do not pass the Declaration's Check, it returns that *FieldError before any request
	// (R37).
	// Errors: ErrAuthRejected, ErrAuthChallenge, ErrLoginFormChanged,
	// ErrBrowserUnavailable, ErrUnreachable, ErrRemote.
	// W2, R36.
	Login(ctx context.Context, account Account) (State, error)

	// Open makes a Session of a state that Login returned. It makes no request;
	// Session.Prove tells whether the state is still valid.
	Open(account Account, state State) (Session, error)
}

// A Constructor makes a Provider. The program maps names to constructors in one place, so
// that a further PIMS is one package and one line.
type Constructor func(Environment) Provider

// Environment is what the program gives to a provider.
type Environment struct {
	Browser Browser           // logs in; required by providers that need one
	Hosts   HostPolicy        // which hosts may be contacted
	Limiter Limiter           // nil: no limit
	Logger  *slog.Logger      // never gets a name, note, password or cookie (R40)
	Now     func() time.Time  // nil: time.Now
	Observe Observer          // nil: no observer
	Base    http.RoundTripper // nil: a transport of its own; tests set it

	// Wrap returns what sends the provider's requests in place of the given transport, such
	// as one that records the answers. A request's context is the caller's. Nil: the given
	// one.
	Wrap func(http.RoundTripper) http.RoundTripper

	Timeout time.Duration // of one try of one request; 0: 30 s
	Backoff time.Duration // at most this long before the second try; 0: 1 s
}

// An Observer is called for every request to a PIMS, for each of its tries, and for every
// login, right after it and in its context. Calls may be concurrent. A slow Observer delays
// the caller of the request.
type Observer func(context.Context, Observation)

// An Observation describes one request to a PIMS, or one login.
type Observation struct {
	Operation string        // closed set: see Operations
	Outcome   string        // closed set: see Kinds
	Status    int           // HTTP's; 0: no answer came, or it was a login
	Duration  time.Duration // without waiting for the Limiter
}

// The operations of an Observation. A provider may add others, as long as they are a small
// closed set of words.
const (
	OpLogin        = "login"
	OpProve        = "prove"
	OpCalendar     = "calendar"
	OpAppointment  = "appointment"
	OpSearch       = "search"
	OpConsultation = "consultation"
)

// Operations lists the operations that every provider may have.
func Operations() []string {
	return []string{OpLogin, OpProve, OpCalendar, OpAppointment, OpSearch, OpConsultation}
}

// A Limiter spaces requests (R32).
type Limiter interface {
	// Wait returns when the caller may send one request, or the context's error.
	Wait(ctx context.Context, charge Charge) error
}

// A Charge is what one request takes of the limits of a host, and of a part of it.
type Charge struct {
	Host string
	Limit
	Cost int // how many requests it counts as in its bucket; 0: 1
}

// A Limit is how many requests a part of a PIMS accepts, such as one of its addresses. The
// zero Limit is none: then only the limit of the host holds (PIMS_RATE_LIMIT).
type Limit struct {
	Bucket    string // the part's name, of a small closed set, without spaces
	PerMinute int
}

// A Session is a logged-in state of one practice. It is safe for concurrent use.
//
// Every method may return ErrSessionExpired: the answer was one that a dead session gets.
// For a single record (Consultation, FindAppointment) the record itself may cause that
// answer, so the caller proves the session before a new Login (R20).
//
// A Session retries requests itself (R32). An error that it returns is final for this call.
type Session interface {
	// Prove returns nil only where the PIMS itself confirms that the session is
	// alive (R5).
	Prove(ctx context.Context) error

	// Appointments fetches the calendar of a window, complete and checked (R5): the session
	// was proved before and after, every answer had a known form, every row overlaps the
	// window. A partial fetch is an error, never a short list. A Snapshot may lack only
	// rows without an id, which it counts. The error is ErrSchemaDrift where there are rows
	// and not one has an id and a start (R6). Rows are in the order of their first
	// appearance.
	Appointments(ctx context.Context, window Window) (Snapshot, error)

	// SearchConsultations lists all consultations held in a window.
	SearchConsultations(ctx context.Context, window Window) ([]ConsultationEntry, error)

	// Consultation fetches one consultation with everything it has. The error is
	// ErrNotFound where the PIMS does not know the id in any of its forms, and a
	// *RecordError where the answer has a known form but this record is unusable.
	Consultation(ctx context.Context, id string) (Consultation, error)

	// State returns the session's present state, to be kept for a later Open. It changes
	// when the PIMS renews its cookies.
	State() (State, error)
}

// An AppointmentFinder is a Session that can look up one appointment by its id, whatever
// its date. It is optional. Reconciliation uses it for orphans, and trusts it only after it
// has found, in the same run, an appointment of the calendar (R22).
type AppointmentFinder interface {
	// FindAppointment returns the appointment's present state, or ErrNotFound.
	FindAppointment(ctx context.Context, id string) (Appointment, error)
}

// Credentials are what a clinic gave us to log in with: the values of the fields that the
// provider declares, by their names. They are stored sealed, and never printed as a whole;
// Declaration.Public returns the fields that may be shown.
type Credentials map[string]string

// An Account is what a login needs: the credentials, and the zone of the PIMS's local
// times.
type Account struct {
	Credentials
	Location *time.Location // never nil
}

// State is the state of a login, and how long it lives. It is secret.
type State struct {
	Data  []byte        // in the provider's own encoding
	Until time.Time     // the session is not tried after that; zero: the provider does not know
	Idle  time.Duration // it is not tried after so long without a request; 0: the provider does not know
}

// Worth reports whether a session that was last used then is worth trying (R36).
func (s State) Worth(now, used time.Time) bool {
	return (s.Until.IsZero() || !now.After(s.Until)) && (s.Idle == 0 || now.Sub(used) <= s.Idle)
}

// What is shown in the place of a State and of Credentials (R40).
const (
	shownState       = "[session]"
	shownCredentials = "[credentials]"
)

// LogValue keeps a State out of logs (R40).
func (State) LogValue() slog.Value { return slog.StringValue(shownState) }

// Format keeps a State out of texts made with fmt, whatever the verb (R40).
func (State) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(shownState)) }

// MarshalJSON keeps a State out of JSON (R40). What seals it converts it first.
func (State) MarshalJSON() ([]byte, error) { return []byte(`"` + shownState + `"`), nil }

// LogValue keeps Credentials out of logs (R40).
func (Credentials) LogValue() slog.Value { return slog.StringValue(shownCredentials) }

// Format keeps Credentials out of texts made with fmt, whatever the verb (R40).
func (Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(shownCredentials)) }

// MarshalJSON keeps Credentials out of JSON (R40). What seals them converts them first.
func (Credentials) MarshalJSON() ([]byte, error) {
	return []byte(`"` + shownCredentials + `"`), nil
}

type sessionKey struct{}

// InSession marks the requests of a context as those of a run's session: 1 is the one that
// the run began with, 2 the one that replaced it (R36).
func InSession(ctx context.Context, number int) context.Context {
	return context.WithValue(ctx, sessionKey{}, number)
}

// SessionNumber returns the number that InSession was given. It returns 0 for a request of a
// login.
func SessionNumber(ctx context.Context) int {
	number, _ := ctx.Value(sessionKey{}).(int)
	return number
}

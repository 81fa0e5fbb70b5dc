// Package pims is the vocabulary of a practice information management system
// (PIMS): what every remote system has in common, in our words. The sync rules
// speak only these types; a provider package (idexxneo is the first) translates
// its own wire format into them.
//
// The package knows no vendor, no database and no browser. It imports the
// standard library only.
package pims

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// A Provider is one kind of PIMS: it knows how to log in to it and how to talk
// to it afterwards. A Provider holds no state of any clinic and is safe for
// concurrent use.
type Provider interface {
	// Check reports whether credentials have every field that this PIMS needs.
	// The error is a *FieldError; it names the field and never its value.
	// Check makes no request (R37).
	Check(Credentials) error

	// Login logs in and proves the new session with one API request.
	// Errors: ErrAuthRejected, ErrAuthChallenge, ErrLoginFormChanged,
	// ErrBrowserUnavailable, ErrUnreachable, ErrRemote.
	// W2, R36.
	Login(ctx context.Context, account Account) (State, error)

	// Open makes a Session of a state that Login returned. It makes no request:
	// whether the state is still good is for Session.Prove to say.
	Open(account Account, state State) (Session, error)
}

// A Constructor makes a Provider; the program joins names and constructors in
// one map, so that a further PIMS is one package and one line.
type Constructor func(Environment) Provider

// Environment is what a provider gets from the program it runs in.
type Environment struct {
	Browser Browser           // logs in; required by providers that need one
	Hosts   HostPolicy        // which hosts may be talked to at all
	Limiter Limiter           // nil: no limit
	Logger  *slog.Logger      // never gets a name, note, password or cookie (R40)
	Now     func() time.Time  // nil: time.Now
	Observe Observer          // nil: nobody measures
	Base    http.RoundTripper // nil: a transport of its own; tests set it
	Timeout time.Duration     // of one try of one request; 0: 30 s
	Backoff time.Duration     // at most this long before the second try; 0: 1 s
}

// An Observer is told of every request to a PIMS and each of its tries, and of every
// login, right after it and in the context that it was made for. Many calls come at
// once, and what it takes its time for delays the request's caller.
type Observer func(context.Context, Observation)

// An Observation is what one request to a PIMS, or one login, was like.
type Observation struct {
	Operation string        // closed set: see Operations
	Outcome   string        // closed set: see Kinds
	Status    int           // HTTP's; 0: no answer came, or it was a login
	Duration  time.Duration // without waiting for the Limiter
}

// The operations of an Observation. A provider may have further ones, as long as they
// are a small closed set of words.
const (
	OpLogin        = "login"
	OpProve        = "prove"
	OpCalendar     = "calendar"
	OpAppointment  = "appointment"
	OpSearch       = "search"
	OpConsultation = "consultation"
)

// Operations are the operations that every provider may have.
func Operations() []string {
	return []string{OpLogin, OpProve, OpCalendar, OpAppointment, OpSearch, OpConsultation}
}

// A Limiter spaces requests to one host (R32). Wait returns when the caller may
// send one request, or the context's error.
type Limiter interface {
	Wait(ctx context.Context, host string) error
}

// A Session is a logged-in state of one practice. It is safe for concurrent
// use. Every method may answer ErrSessionExpired: the answer is one that a dead
// session gets. Of a single record (Consultation, FindAppointment) it may be the
// record's own: whoever uses the session proves it before a new Login (R20). Requests are retried inside (R32); an error that
// comes out is final for this call.
type Session interface {
	// Prove returns nil only where the PIMS itself confirms that the session is
	// alive (R5).
	Prove(ctx context.Context) error

	// Appointments fetches the calendar of a window, whole and proved (R5): the
	// session was proved before and after, every answer was recognised, every row
	// overlaps the window. A partial fetch is an error, never a short list; the
	// one thing a Snapshot may lack are rows without an id, which it counts. Rows of
	// which not one has an id and a start are ErrSchemaDrift (R6).
	// Rows are in the order of their first appearance.
	Appointments(ctx context.Context, window Window) (Snapshot, error)

	// SearchConsultations lists the consultations held in a window, whole.
	SearchConsultations(ctx context.Context, window Window) ([]ConsultationEntry, error)

	// Consultation fetches one consultation with everything it has.
	// ErrNotFound where the PIMS does not know the id in any of its shapes;
	// *RecordError where the answer is recognised but this record is unusable.
	Consultation(ctx context.Context, id string) (Consultation, error)

	// State is the session's present state, to be kept for a later Open. It
	// changes when the PIMS renews its cookies.
	State() (State, error)
}

// An AppointmentFinder is a Session that can look up one appointment by its id
// wherever it stands now. It is optional; reconciliation asks it about orphans
// and trusts it only after it has found, in the same run, an appointment that
// the calendar holds (R22).
type AppointmentFinder interface {
	// FindAppointment returns the appointment's present state, or ErrNotFound.
	FindAppointment(ctx context.Context, id string) (Appointment, error)
}

// A LateCorrector is a Provider whose PIMS lets the notes of a visit be corrected long
// after it. It is optional; without it nobody looks for late corrections (R19).
type LateCorrector interface {
	// CorrectedFor is for how many days after a visit its notes may still change.
	CorrectedFor() (days int)
}

// Credentials are what a clinic gave us to log in with. They are secret as a
// whole: stored sealed, never printed.
type Credentials struct {
	BaseURL    string // scheme and host of the clinic's PIMS, such as https://us.example.com
	Username   string
	Password   string
	PracticeID string // some systems ask for one; empty otherwise
}

// An Account is a clinic's way into its PIMS: the credentials, and the zone in
// which the PIMS's wall clock runs.
type Account struct {
	Credentials
	Location *time.Location // never nil
}

// State is a logged-in state in the provider's own encoding. It is secret.
type State []byte

// LogValue keeps a State out of logs (R40).
func (State) LogValue() slog.Value { return slog.StringValue("[session]") }

// LogValue keeps Credentials out of logs (R40).
func (Credentials) LogValue() slog.Value { return slog.StringValue("[credentials]") }

// String keeps Credentials out of texts made with fmt (R40).
func (Credentials) String() string { return "[credentials]" }

// GoString keeps Credentials out of texts made with %#v (R40).
func (Credentials) GoString() string { return "pims.Credentials{…}" }

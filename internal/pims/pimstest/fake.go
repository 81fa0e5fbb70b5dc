package pimstest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// An Op is one of the things that a Fake can be asked for.
type Op string

// What a Fake can be asked for: the methods of pims.Provider, pims.Session and
// pims.AppointmentFinder.
const (
	OpLogin        Op = "login"
	OpOpen         Op = "open"
	OpProve        Op = "prove"
	OpAppointments Op = "appointments"
	OpSearch       Op = "search"
	OpConsultation Op = "consultation"
	OpFind         Op = "find"
	OpState        Op = "state"
)

// A Call is one request that a Fake got.
type Call struct {
	Op     Op
	Window pims.Window // of OpAppointments and OpSearch
	ID     string      // of OpConsultation and OpFind
}

// A Fake is a PIMS in memory for tests of the sync rules: it holds what it is
// told to hold, fails when it is told to fail, and counts. It has no wire format
// and so proves nothing about a provider; the conformance suite (Run) does that.
//
// The zero value is an empty practice that accepts every login. A Fake is safe
// for concurrent use, and so are the sessions that it opens.
type Fake struct {
	// Now is the clock of Snapshot.FetchedAt; nil: time.Now. Set it before use.
	Now func() time.Time

	// NoFinder makes sessions that are no pims.AppointmentFinder. Set it before
	// use.
	NoFinder bool

	// MaxAge and MaxIdle are how long sessions live; 0: for ever. Set them before use.
	MaxAge, MaxIdle time.Duration

	// Corrections is for how many days after a visit its notes may change. Set it before
	// use.
	Corrections int

	mu            sync.Mutex
	password      string
	required      []string // of the credentials
	generation    int      // of the sessions that are alive
	appointments  []pims.Appointment
	hidden        map[string]bool
	unusable      []pims.RecordError
	blocks        []pims.Block
	unidentified  int
	duplicates    int
	consultations []pims.Consultation
	listed        map[string]string
	next          map[Op][]error
	always        map[Op]error
	records       map[string]error
	onCall        func(context.Context, Call) error
	calls         []Call
	running       map[Op]int
	highWater     map[Op]int
}

var _ pims.Provider = (*Fake)(nil)

// SetAppointments replaces the calendar.
func (f *Fake) SetAppointments(appointments ...pims.Appointment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appointments = slices.Clone(appointments)
}

// Hide keeps appointments out of every Snapshot, though FindAppointment still
// finds them: the calendar is unsound (R22). Without ids nothing is hidden.
func (f *Fake) Hide(ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden = make(map[string]bool, len(ids))
	for _, id := range ids {
		f.hidden[id] = true
	}
}

// SetFlaws says what every Snapshot reports beside its appointments: rows that
// cannot be used, rows without an id, rows that came twice (R6).
func (f *Fake) SetFlaws(unusable []pims.RecordError, unidentified, duplicates int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unusable, f.unidentified, f.duplicates = slices.Clone(unusable), unidentified, duplicates
}

// SetBlocks says which rows every Snapshot has that are no visits (R5).
func (f *Fake) SetBlocks(blocks ...pims.Block) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blocks = slices.Clone(blocks)
}

// SetConsultations replaces the consultations. A search lists those whose At
// lies in its window.
func (f *Fake) SetConsultations(consultations ...pims.Consultation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.consultations = slices.Clone(consultations)
}

// ListFor makes every search list a consultation for an appointment, whatever the
// consultation itself names; without an id for none.
func (f *Fake) ListFor(consultationID, appointmentID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listed == nil {
		f.listed = make(map[string]string)
	}
	f.listed[consultationID] = appointmentID
}

// SetPassword makes every login with another password fail with
// pims.ErrAuthRejected. Empty, as at first, accepts all.
func (f *Fake) SetPassword(password string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.password = password
}

// ExpireSessions kills every open session; only a new Login makes live ones.
func (f *Fake) ExpireSessions() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
}

// FailNext makes the next calls of op fail, one per error, in this order; a nil
// among them lets its call pass.
func (f *Fake) FailNext(op Op, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = make(map[Op][]error)
	}
	f.next[op] = append(f.next[op], errs...)
}

// FailAlways makes every call of op fail until it is called with nil. FailNext
// goes before it.
func (f *Fake) FailAlways(op Op, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.always == nil {
		f.always = make(map[Op]error)
	}
	f.always[op] = err
}

// FailConsultation makes every view of one consultation fail until it is called
// with nil.
func (f *Fake) FailConsultation(id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.records == nil {
		f.records = make(map[string]error)
	}
	f.records[id] = err
}

// OnCall runs hook at the start of every call, outside the Fake's lock, so that
// it may change the Fake, block, or answer an error that becomes the call's.
func (f *Fake) OnCall(hook func(context.Context, Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onCall = hook
}

// Calls are all calls so far, in order.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Count is how often op was called.
func (f *Fake) Count(op Op) int {
	n := 0
	for _, c := range f.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// HighWater is how many calls of op ran at the same time at most.
func (f *Fake) HighWater(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.highWater[op]
}

// ForgetCalls sets the counts and the high-water marks back to zero.
func (f *Fake) ForgetCalls() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.highWater = nil, nil
}

// Declaration accepts all credentials that have the required fields; see Require.
func (f *Fake) Declaration() pims.Declaration {
	f.mu.Lock()
	defer f.mu.Unlock()
	fields := []pims.Field{
		{Name: pims.FieldBaseURL, Label: "Address"},
		{Name: pims.FieldUsername, Label: "User name"},
		{Name: pims.FieldPassword, Label: "Password", Secret: true},
		{Name: pims.FieldPracticeID, Label: "Practice"},
	}
	for i := range fields {
		fields[i].Required = slices.Contains(f.required, fields[i].Name)
	}
	return pims.Declaration{Name: "some_pims", Title: "Some PIMS", Aliases: []string{"some"}, Fields: fields, CorrectedFor: f.Corrections}
}

// Require replaces the fields without which credentials are refused; at first none
// is required.
func (f *Fake) Require(fields ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.required = fields
}

// Login makes the state of a live session.
func (f *Fake) Login(ctx context.Context, account pims.Account) (pims.State, error) {
	generation, done, err := f.begin(ctx, Call{Op: OpLogin})
	defer done()
	if err != nil {
		return pims.State{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.password != "" && account.Credentials[pims.FieldPassword] != f.password {
		return pims.State{}, fmt.Errorf("log in: %w", pims.ErrAuthRejected)
	}
	state := stateOf(generation)
	if f.MaxAge > 0 {
		state.Until = f.clock().Add(f.MaxAge)
	}
	state.Idle = f.MaxIdle
	return state, nil
}

// Open makes a session of a state of Login.
func (f *Fake) Open(_ pims.Account, state pims.State) (pims.Session, error) {
	_, done, err := f.begin(context.Background(), Call{Op: OpOpen})
	defer done()
	if err != nil {
		return nil, err
	}
	generation, err := strconv.Atoi(strings.TrimPrefix(string(state.Data), statePrefix))
	if err != nil {
		return nil, fmt.Errorf("open: not a state of this provider")
	}
	return f.session(generation, state), nil
}

// Session is a live session, as if logged in just now.
func (f *Fake) Session() pims.Session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.session(f.generation, stateOf(f.generation))
}

func (f *Fake) session(generation int, state pims.State) pims.Session {
	s := &fakeSession{fake: f, generation: generation, state: state}
	if f.NoFinder {
		return struct{ pims.Session }{s}
	}
	return s
}

// begin counts a call and returns the failure that was set for it. The caller
// runs done when the call ends, whatever the error.
func (f *Fake) begin(ctx context.Context, call Call) (generation int, done func(), err error) {
	f.mu.Lock()
	f.calls = append(f.calls, call)
	if f.running == nil {
		f.running = make(map[Op]int)
	}
	if f.highWater == nil {
		f.highWater = make(map[Op]int)
	}
	f.running[call.Op]++
	f.highWater[call.Op] = max(f.highWater[call.Op], f.running[call.Op])
	hook := f.onCall
	f.mu.Unlock()

	done = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running[call.Op]--
	}
	if hook != nil {
		if err := hook(ctx, call); err != nil {
			return 0, done, err
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, done, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.generation, done, f.failure(call)
}

func (f *Fake) failure(call Call) error {
	if queue := f.next[call.Op]; len(queue) > 0 {
		f.next[call.Op] = queue[1:]
		return queue[0]
	}
	if err := f.always[call.Op]; err != nil {
		return err
	}
	if call.Op == OpConsultation {
		return f.records[call.ID]
	}
	return nil
}

// clock is Now, or the time.
func (f *Fake) clock() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

const statePrefix = "fake session "

func stateOf(generation int) pims.State {
	return pims.State{Data: []byte(statePrefix + strconv.Itoa(generation))}
}

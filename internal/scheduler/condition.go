package scheduler

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
)

// A ClinicState says in one word whether a clinic receives what its schedule promises
// (docs/interface.md §Endpoints).
type ClinicState string

// The states of a clinic. Where several apply, the first in the order of ClinicStates is
// shown.
const (
	ClinicOff          ClinicState = "off"                  // a person disabled it
	ClinicLoginRefused ClinicState = "login_refused"        // the PIMS refuses logins until a person acts
	ClinicWaiting      ClinicState = "waiting_for_approval" // a plan is open
	ClinicFailing      ClinicState = "failing"              // the latest sync of a phase failed, or none can run
	ClinicStale        ClinicState = "stale"                // what was due has not succeeded within an hour
	ClinicNeverSynced  ClinicState = "never_synced"         // no sync has completed, and none is overdue
	ClinicOK           ClinicState = "ok"
)

// ClinicStates lists all states by precedence. A state that names what a person must do
// comes before a state that only names the effect:
//   - a disabled clinic is not expected to sync;
//   - suspended credentials make every sync fail;
//   - a refused reconciliation is a failure until its plan is decided;
//   - a failing clinic becomes stale an hour after the next tick.
func ClinicStates() []ClinicState {
	return []ClinicState{
		ClinicOff, ClinicLoginRefused, ClinicWaiting, ClinicFailing, ClinicStale, ClinicNeverSynced, ClinicOK,
	}
}

// A Condition is what is known of a clinic at one moment. Its state depends on nothing
// else.
type Condition struct {
	Clinic      clinic.Clinic
	Provider    string // of its credentials; empty where it has none
	Credentials CredentialCondition
	Plans       PlanCondition
	Phases      []PhaseCondition // inbound, cases, reconciliation
	Schedules   []byte           // as they are stored; nil: none
	Unusual     []volume.Unusual // the runs of the last UnusualFor with unusual counts (R49), the newest first
	Drifted     []ChangedForm    // what changed in the PIMS's answers and was told (R51), as long as it holds, the newest first
	Running     *RunningSync     // nil: none runs. ConditionsOf does not tell it

	until time.Time // when what the schedule expects next changes by itself; zero: not soon
}

// UnusualFor is how long a run with unusual counts is shown with its clinic (R49).
const UnusualFor = 3 * 24 * time.Hour

// DriftedFor is how long people must look at a change of the PIMS's answers (R51).
const DriftedFor = 3 * 24 * time.Hour

// A ChangedForm is a change of what a clinic's PIMS returns (R51).
type ChangedForm struct {
	Type   syncs.Type // of the syncs that show it
	Change string     // drift.Finding.Key
	At     time.Time  // when the latest of its endpoint was told
}

// A RunningSync is the sync that runs for a clinic, at most one (R29).
type RunningSync struct {
	ID     uuid.UUID
	Type   syncs.Type
	DryRun bool
	Since  time.Time // when it began
}

// A CredentialCondition says whether a clinic's credentials can be used.
type CredentialCondition struct {
	Set         bool
	RemovedAt   time.Time // zero: they are set, or never were
	ChangedAt   time.Time // stored, suspended or resumed
	SuspendedAt time.Time // zero: in use
	TestedAt    time.Time // `credentials test`; zero: these never were
	TestOutcome string    // pims.Kind's word
}

// A PlanCondition describes the plans that can be decided now.
type PlanCondition struct {
	Open  int
	Since time.Time  // when the oldest was made
	Code  syncs.Code // the guard that made it
}

// A PhaseCondition describes one phase. It leaves out dry runs and cancelled syncs. A full
// sync counts for each phase that it ran. A full sync that failed before a phase counts as
// a failure of that phase. Only a sync that covered the default days of its type counts as
// a success (Result.CoversDefault): a sync of other days says nothing about today's.
type PhaseCondition struct {
	Type        syncs.Type
	LastSuccess time.Time  // when the latest success had begun; zero: never
	LastAttempt time.Time  // when the latest that completed or failed had begun
	AttemptType syncs.Type // the phase's, or TypeFull
	LastCode    syncs.Code // of that one; empty where it was a success without a code
	EndedAt     time.Time  // when that one ended
	Failing     bool       // one failed after the latest success
	FailedAt    time.Time  // when the latest of these ended
	FailureCode syncs.Code // of that one
	Since       time.Time  // when the first failure after the latest success ended, or the first success after the latest failure

	// What the schedule says.
	Scheduled  bool      // it has the phase
	Due        time.Time // the latest tick that should have succeeded by now; zero: there is none
	StaleSince time.Time // where it is stale
	Next       time.Time // the coming tick; zero: there is none
}

// Stale reports whether a sync that was due has not succeeded.
func (p *PhaseCondition) Stale() bool { return !p.Due.IsZero() && p.LastSuccess.Before(p.Due) }

// A Verdict is the state of a clinic, since when it has it, and the code that says
// why. A state without a code has none.
type Verdict struct {
	State ClinicState
	Since time.Time
	Code  syncs.Code
}

// Verdict decides the clinic's state, see ClinicStates.
func (c *Condition) Verdict() Verdict {
	for _, judge := range []func() (Verdict, bool){c.off, c.loginRefused, c.waiting, c.failing, c.stale, c.neverSynced} {
		if v, holds := judge(); holds {
			return v
		}
	}
	v := Verdict{State: ClinicOK}
	for _, p := range c.counted() {
		v.Since = lastOf(v.Since, p.Since)
	}
	for i := range c.Phases {
		if v.Since.IsZero() { // no phase of the schedule was tried yet; another has succeeded
			v.Since = c.Phases[i].Since
		}
	}
	return v
}

func (c *Condition) off() (Verdict, bool) {
	return Verdict{State: ClinicOff, Since: c.Clinic.DisabledAt}, !c.Clinic.Active
}

// loginRefused applies to suspended credentials. It also applies where the latest known
// login was refused or required a person, and the credentials have not changed since.
func (c *Condition) loginRefused() (Verdict, bool) {
	k := &c.Credentials
	if !k.SuspendedAt.IsZero() {
		return Verdict{ClinicLoginRefused, k.SuspendedAt, syncs.CodeCredentialsSuspended}, true
	}
	latest := c.latest()
	if !k.TestedAt.IsZero() && !k.TestedAt.Before(latest.EndedAt) {
		code, refused := refusedLogins[k.TestOutcome]
		return Verdict{ClinicLoginRefused, k.TestedAt, code}, refused
	}
	refused := latest.LastCode == syncs.CodeAuthRejected || latest.LastCode == syncs.CodeAuthChallenge
	return Verdict{ClinicLoginRefused, lastOf(latest.Since, k.ChangedAt), latest.LastCode}, refused && k.Set && latest.EndedAt.After(k.ChangedAt)
}

// refusedLogins are the outcomes of a credential test that require a person.
var refusedLogins = map[string]syncs.Code{
	pims.Kind(pims.ErrAuthRejected):  syncs.CodeAuthRejected,
	pims.Kind(pims.ErrAuthChallenge): syncs.CodeAuthChallenge,
}

func (c *Condition) waiting() (Verdict, bool) {
	return Verdict{ClinicWaiting, c.Plans.Since, c.Plans.Code}, c.Plans.Open > 0
}

// failing applies where no sync can run, which leaves no audit, and where the latest sync
// of a phase failed.
func (c *Condition) failing() (Verdict, bool) {
	v := Verdict{State: ClinicFailing}
	if _, err := c.Clinic.Location(); err != nil {
		v.Since, v.Code = c.Clinic.UpdatedAt, syncs.CodeTimezoneMissing
		return v, true
	}
	if !c.Credentials.Set && !c.neverSucceeded() {
		v.Since, v.Code = lastOf(c.Clinic.CreatedAt, c.Credentials.RemovedAt), syncs.CodeCredentialsMissing
		return v, true
	}
	var latest time.Time
	for _, p := range c.counted() {
		if !p.Failing {
			continue
		}
		v.Since = firstOf(v.Since, p.Since)
		if latest.IsZero() || p.FailedAt.After(latest) {
			latest, v.Code = p.FailedAt, p.FailureCode
		}
	}
	return v, !latest.IsZero()
}

func (c *Condition) stale() (v Verdict, holds bool) {
	v.State = ClinicStale
	for i := range c.Phases {
		if p := &c.Phases[i]; p.Stale() {
			v.Since, holds = firstOf(v.Since, p.StaleSince), true
		}
	}
	return v, holds
}

func (c *Condition) neverSynced() (Verdict, bool) {
	return Verdict{State: ClinicNeverSynced, Since: c.Clinic.CreatedAt}, c.neverSucceeded()
}

func (c *Condition) neverSucceeded() bool {
	for i := range c.Phases {
		if !c.Phases[i].LastSuccess.IsZero() {
			return false
		}
	}
	return true
}

// counted returns the phases that decide the clinic's state: those of its schedule, or all
// where it has none. A phase that was removed from the schedule no longer counts as
// failing.
func (c *Condition) counted() []*PhaseCondition {
	var all, scheduled []*PhaseCondition
	for i := range c.Phases {
		all = append(all, &c.Phases[i])
		if c.Phases[i].Scheduled {
			scheduled = append(scheduled, &c.Phases[i])
		}
	}
	if len(scheduled) == 0 {
		return all
	}
	return scheduled
}

// latest returns the phase whose latest sync ended last, or zero where no sync has ended.
func (c *Condition) latest() (latest PhaseCondition) {
	for _, p := range c.Phases {
		if p.EndedAt.After(latest.EndedAt) {
			latest = p
		}
	}
	return latest
}

// LastAttempt returns when the clinic's latest completed or failed sync of any days began,
// its type (of a full sync the type of its last phase that ran), and its code.
func (c *Condition) LastAttempt() (at time.Time, kind syncs.Type, code syncs.Code) {
	p := c.latest()
	return p.LastAttempt, p.AttemptType, p.LastCode
}

// DataAsOf returns when the appointments were last read completely: the start of the latest
// completed inbound of the default days; zero means never.
func (c *Condition) DataAsOf() time.Time {
	for i := range c.Phases {
		if c.Phases[i].Type == syncs.TypeInbound {
			return c.Phases[i].LastSuccess
		}
	}
	return time.Time{}
}

// Stale reports whether any phase is stale.
func (c *Condition) Stale() bool {
	_, stale := c.stale()
	return stale
}

// firstOf returns the earlier of two times. A zero time is unknown.
func firstOf(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// lastOf returns the later of two times. A zero time is unknown.
func lastOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

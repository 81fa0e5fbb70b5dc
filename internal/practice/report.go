package practice

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Days is how many days the page looks back, with today.
const Days = 30

// An Outcome is how one sync of a clinic ended.
type Outcome struct {
	At        time.Time // when it began
	Completed bool      // false: it failed
}

// A DayState says how the checks of one day went.
type DayState string

// The states of a day.
const (
	DayGood DayState = "good" // every check worked
	DayPart DayState = "part" // some worked
	DayBad  DayState = "bad"  // none worked
	DayNone DayState = "none" // there was none
)

// A Day is one day of the clinic.
type Day struct {
	Date  pims.Date
	State DayState
}

// A Report is what a practice is told. It has no name of a patient or client, and no number
// of them (R61).
type Report struct {
	ClinicID uuid.UUID
	Clinic   string
	Zone     *time.Location // of the clinic; UTC where it has none that is usable
	State    scheduler.ClinicState
	Headline string // "Your appointments are up to date as of 06:02."
	Detail   string // what happens next, or what to do
	AsOf     time.Time
	Next     time.Time // the next check; zero: none is planned
	Days     []Day     // the oldest first, today last
}

// Describe says how a clinic is.
func Describe(c *scheduler.Condition, outcomes []Outcome, now time.Time) Report {
	zone, err := c.Clinic.Location()
	if err != nil {
		zone = time.UTC
	}
	verdict := c.Verdict()
	r := Report{ClinicID: c.Clinic.ID, Clinic: c.Clinic.Name, Zone: zone, State: verdict.State, AsOf: c.DataAsOf(), Next: next(c)}
	if r.State == scheduler.ClinicOK && r.AsOf.IsZero() { // only notes were read, no appointments
		r.State = scheduler.ClinicNeverSynced
	}
	r.say(verdict.Code, now)
	r.Days = days(outcomes, zone, now)
	return r
}

// next returns when the next check comes; zero: none is planned.
func next(c *scheduler.Condition) (at time.Time) {
	if !c.Clinic.Active {
		return at
	}
	for i := range c.Phases {
		if n := c.Phases[i].Next; !n.IsZero() && (at.IsZero() || n.Before(at)) {
			at = n
		}
	}
	return at
}

// say sets the headline and the detail.
func (r *Report) say(code syncs.Code, now time.Time) {
	asOf, next := "", ""
	if !r.AsOf.IsZero() {
		asOf = "The last complete check was " + r.clock(r.AsOf, now) + "."
	}
	if !r.Next.IsZero() {
		next = "Next check " + r.clock(r.Next, now) + "."
	}
	switch r.State {
	case scheduler.ClinicOK:
		r.Headline, r.Detail = "Your appointments are up to date as of "+r.clock(r.AsOf, now)+".", next
	case scheduler.ClinicNeverSynced:
		r.Headline, r.Detail = "Everything is ready for the first check.", cmp.Or(next, "We start it soon. You need to do nothing.")
	case scheduler.ClinicStale:
		r.Headline, r.Detail = "Your appointments are not up to date.", join(asOf, "A check is overdue, and we look into it. You need to do nothing.", next)
	case scheduler.ClinicWaiting:
		r.Headline = "We need to look at something before we go on."
		r.Detail = join("Your practice system shows much less than before, or something else. Nothing was deleted: we look first, and call you if we must.", asOf, next)
	case scheduler.ClinicLoginRefused:
		r.Headline, r.Detail = "We cannot sign in to your practice system.", join(signInWords(code), asOf)
	case scheduler.ClinicOff:
		r.Headline, r.Detail = "Checks are turned off.", join(asOf, "Tell us if they should go on.")
	case scheduler.ClinicFailing:
		r.Headline, r.Detail = failingWords(code)
		r.Detail = join(r.Detail, asOf, next)
	}
}

// signInWords say what to do where no login is possible.
func signInWords(code syncs.Code) string {
	if code == syncs.CodeAuthChallenge {
		return "It asks for something that only a person can do, such as a code or a new password. Please sign in once yourself, or give us a user without this."
	}
	return "The user name or the password may have changed. Please send us the present ones. Until then, nothing new reaches us."
}

// failingWords say what is wrong where checks fail.
func failingWords(code syncs.Code) (headline, detail string) {
	switch code {
	case syncs.CodeUnreachable, syncs.CodeTimeout, syncs.CodePIMSError, syncs.CodePIMSRateLimited, syncs.CodeAuthExpired:
		return "Your practice system did not respond as it should.", "We try again by ourselves. If you cannot reach it either, ask its maker."
	case syncs.CodeCredentialsMissing, syncs.CodeCredentialsInvalid:
		return "We cannot sign in to your practice system yet.", "Please send us a user name and a password for it."
	case syncs.CodeTimezoneMissing:
		return "Your set-up is not complete.", "We look into it. You need to do nothing."
	default:
		return "The last check did not succeed.", "We look into it. You need to do nothing."
	}
}

func join(sentences ...string) (text string) {
	for _, s := range sentences {
		if s != "" && text != "" {
			text += " "
		}
		text += s
	}
	return text
}

// clock says when something was or comes, in the clinic's zone: "06:02" today, "yesterday at
// 06:02", "Mon 2 Mar at 06:02".
func (r *Report) clock(at, now time.Time) string {
	at = at.In(r.Zone)
	day, today, time := pims.DateOf(at, r.Zone), pims.DateOf(now, r.Zone), at.Format("15:04")
	switch day {
	case today:
		return time
	case today.AddDays(-1):
		return "yesterday at " + time
	case today.AddDays(1):
		return "tomorrow at " + time
	default:
		return fmt.Sprintf("%s at %s", at.Format("Mon 2 Jan"), time)
	}
}

// days returns the last Days days of the clinic, each with how its checks went.
func days(outcomes []Outcome, zone *time.Location, now time.Time) []Day {
	first := pims.DateOf(now, zone).AddDays(1 - Days)
	var done, failed [Days]int
	for _, o := range outcomes {
		at := pims.DateOf(o.At, zone).Sub(first)
		switch {
		case at < 0 || at >= Days:
		case o.Completed:
			done[at]++
		default:
			failed[at]++
		}
	}
	all := make([]Day, Days)
	for i := range all {
		all[i] = Day{first.AddDays(i), stateOf(done[i], failed[i])}
	}
	return all
}

func stateOf(done, failed int) DayState {
	switch {
	case done > 0 && failed == 0:
		return DayGood
	case done > 0:
		return DayPart
	case failed > 0:
		return DayBad
	}
	return DayNone
}

// GoodDays counts the days on which every check worked, and those that had one.
func (r *Report) GoodDays() (good, checked int) {
	for _, d := range r.Days {
		if d.State != DayNone {
			checked++
		}
		if d.State == DayGood {
			good++
		}
	}
	return good, checked
}

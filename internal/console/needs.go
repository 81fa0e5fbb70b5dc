package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A NeedKind groups what people must look at.
type NeedKind string

// The kinds of needs.
const (
	NeedPlan     NeedKind = "plans"
	NeedLogin    NeedKind = "logins"
	NeedFailing  NeedKind = "failing"
	NeedSchedule NeedKind = "schedules"
	NeedStale    NeedKind = "stale"
	NeedVolume   NeedKind = "volume" // R49
)

// A needGroup is a kind in words, and the shape that stands for it.
type needGroup struct {
	Kind NeedKind
	Badge
}

// needGroups are the kinds, the most urgent first.
var needGroups = []needGroup{
	{NeedPlan, Badge{"Waiting plans", "hand", "warn"}},
	{NeedLogin, Badge{"Refused logins", "lock", "bad"}},
	{NeedFailing, Badge{"Failing", "triangle", "bad"}},
	{NeedSchedule, Badge{"Bad schedules", "cross", "bad"}},
	{NeedStale, Badge{"Out of date", "clock", "warn"}},
	{NeedVolume, Badge{"Unusual volume", "trend", "info"}},
}

// A Need is one thing that a person must look at.
type Need struct {
	Kind     NeedKind
	ClinicID uuid.UUID
	Text     string    // what is the matter, in plain words
	Details  []string  // more of it
	Next     string    // what to do
	Since    time.Time // zero: unknown
	Until    time.Time // when it is too late; zero: never
	Address  string    // of the page where one does it
	Action   string    // the words of the link to it
}

// Plans reads plans.
type Plans interface {
	// Plan returns a plan with type and room of its cases. The error has CodeNotFound where
	// the clinic has no such plan.
	Plan(ctx context.Context, clinicID, id uuid.UUID) (syncs.Plan, error)

	// PlansAcross lists plans of several clinics, the newest first; nil: of all.
	PlansAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error)

	// ClinicOf returns the clinic of a plan. The error has CodeNotFound where there is none.
	ClinicOf(ctx context.Context, id uuid.UUID) (uuid.UUID, error)
}

// needsPerPage is how many needs one page shows.
const needsPerPage = 50

type (
	needsView struct {
		Kind   string
		Totals []fleetTotal
		Groups []shownGroup
		Pager  pager
		All    int // needs of every kind
	}

	shownGroup struct {
		needGroup
		Rows []shownNeed
	}

	shownNeed struct {
		Need
		Clinic, ClinicAddress string
		Since, Until          Moment
		Here                  bool // it stands on the clinic's own page
	}
)

// needsPage shows what waits for a person.
func (c *console) needsPage() Page {
	return Page{
		Path: "/needs", Title: "Needs you", Template: "needs", Nav: "bell", Needs: access.Read,
		Show: func(v *Visit) (any, error) { return c.needs(v) },
	}
}

func (c *console) needs(v *Visit) (*needsView, error) {
	all, err := c.seen(v.Context(), v)
	if err != nil {
		return nil, err
	}
	found, err := c.findNeeds(v, all, v.within(nil))
	if err != nil {
		return nil, err
	}
	clinics := make(map[uuid.UUID]*clinic.Clinic, len(all))
	for _, x := range all {
		clinics[x.Clinic.ID] = &x.Clinic
	}
	shown := &needsView{Kind: v.URL.Query().Get("kind"), All: len(found)}
	shown.count(v, found)
	if shown.Kind != "" {
		found = slices.DeleteFunc(found, func(n Need) bool { return string(n.Kind) != shown.Kind })
	}
	shown.Pager = newPager(v, len(found), needsPerPage, "thing")
	for _, n := range found[shown.Pager.from:shown.Pager.to] {
		shown.add(v, clinics[n.ClinicID], n)
	}
	return shown, nil
}

// count counts the needs of each kind.
func (s *needsView) count(v *Visit, found []Need) {
	counts := map[NeedKind]int{}
	for _, n := range found {
		counts[n.Kind]++
	}
	s.Totals = append(s.Totals, fleetTotal{Badge: Badge{Word: "All"}, Count: len(found), Chosen: s.Kind == "", Address: v.Address("kind", "")})
	for _, g := range needGroups {
		if n := counts[g.Kind]; n > 0 || s.Kind == string(g.Kind) {
			s.Totals = append(s.Totals, fleetTotal{g.Badge, string(g.Kind), n, s.Kind == string(g.Kind), v.Address("kind", string(g.Kind))})
		}
	}
}

// add shows a need in its group.
func (s *needsView) add(v *Visit, of *clinic.Clinic, n Need) {
	if last := len(s.Groups) - 1; last < 0 || s.Groups[last].Kind != n.Kind {
		i := slices.IndexFunc(needGroups, func(g needGroup) bool { return g.Kind == n.Kind })
		s.Groups = append(s.Groups, shownGroup{needGroup: needGroups[i]})
	}
	group := &s.Groups[len(s.Groups)-1]
	group.Rows = append(group.Rows, shownNeedOf(v, of, n))
}

func shownNeedOf(v *Visit, of *clinic.Clinic, n Need) shownNeed {
	return shownNeed{
		Need: n, Clinic: of.Name, ClinicAddress: clinicAddress(of.ID), Since: v.Moment(n.Since, zoneOf(of)), Until: v.Moment(n.Until, zoneOf(of)),
	}
}

// findNeeds returns what the caller must look at in the given clinics, whose plans are those
// within: by kind, and within a kind first what ends first, then what began first.
func (c *console) findNeeds(v *Visit, all []*judged, within []uuid.UUID) (found []Need, err error) {
	plans, err := c.openPlans(v, within)
	if err != nil {
		return nil, err
	}
	for i := range plans {
		found = append(found, needOfPlan(&plans[i]))
	}
	for _, x := range all {
		found = append(found, needsOf(x)...)
	}
	visible := make(map[uuid.UUID]bool, len(all))
	for _, x := range all {
		visible[x.Clinic.ID] = true
	}
	place := func(n Need) int {
		return slices.IndexFunc(needGroups, func(g needGroup) bool { return g.Kind == n.Kind })
	}
	found = slices.DeleteFunc(found, func(n Need) bool { return !visible[n.ClinicID] }) // a clinic that was added meanwhile
	slices.SortStableFunc(found, func(a, b Need) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), a.Until.Compare(b.Until), a.Since.Compare(b.Since))
	})
	return found, nil
}

// openPlans reads the plans of clinics that can be decided; nil: of all clinics.
func (c *console) openPlans(v *Visit, within []uuid.UUID) (plans []syncs.Plan, err error) {
	filter := syncs.PlanFilter{Status: syncs.PlanOpen, Page: syncs.Page{Limit: 200}}
	for {
		list, err := c.o.Plans.PlansAcross(v.Context(), within, filter)
		if err != nil {
			return nil, told(err)
		}
		plans = append(plans, list.Items...)
		if filter.Cursor = list.NextCursor; filter.Cursor == "" {
			return plans, nil
		}
	}
}

func needOfPlan(p *syncs.Plan) Need {
	return Need{
		Kind: NeedPlan, ClinicID: p.ClinicID, Text: sentence(heldBack(p)), Details: []string{explain(p.Code), planDays(p)},
		Next:  "Look at what it would do, then approve or reject it.",
		Since: p.CreatedAt, Until: p.ExpiresAt, Address: planAddress(p.ID), Action: "Decide",
	}
}

// needsOf returns what the state of a clinic asks of a person. A waiting plan is not among
// it.
func needsOf(x *judged) (found []Need) {
	id := x.Clinic.ID
	if !x.Clinic.Active {
		return nil
	}
	switch x.State {
	case scheduler.ClinicLoginRefused:
		found = append(found, Need{
			Kind: NeedLogin, ClinicID: id, Text: explain(x.Code), Next: nextStep(x.Code), Since: x.Since,
			Address: clinicAddress(id) + "/login", Action: "Mend the login",
		})
	case scheduler.ClinicFailing:
		n := Need{Kind: NeedFailing, ClinicID: id, Text: explain(x.Code), Next: nextStep(x.Code), Since: x.Since, Address: clinicAddress(id), Action: "Look at it"}
		if part := partOf[x.Code]; part != "" {
			n.Address += "/" + part
		}
		found = append(found, n)
	case scheduler.ClinicStale:
		n := Need{
			Kind: NeedStale, ClinicID: id, Text: "What was due has not been read", Since: x.Since, Address: clinicAddress(id), Action: "Look at it",
			Next: "Look whether a sync runs or waits. If none does, start one.",
		}
		for i := range x.Phases {
			if p := &x.Phases[i]; p.Stale() {
				n.Details = append(n.Details, typeName(p.Type))
			}
		}
		found = append(found, n)
	case scheduler.ClinicOff, scheduler.ClinicWaiting, scheduler.ClinicNeverSynced, scheduler.ClinicOK: // they need nobody; plans are read apart
	}
	if len(x.Unusual) > 0 { // the newest tells it; the page of the clinic has the others
		u := &x.Unusual[0]
		n := Need{
			Kind: NeedVolume, ClinicID: id, Text: "A run had unusual counts: " + typeName(u.Type), Since: u.Began,
			Next: "Look whether the practice explains it. Nothing was held back.", Address: runAddress(u.SyncID), Action: "Look at the run",
		}
		for _, f := range u.Findings {
			n.Details = append(n.Details, fmt.Sprintf("%s: %s, usually %s", fieldName(f.Count), number(f.Value), number(f.Usual)))
		}
		found = append(found, n)
	}
	if x.Schedules == nil {
		return found
	}
	_, problems := clinic.ParseSchedules(x.Schedules, scheduler.CheckEntry)
	for _, p := range problems {
		found = append(found, Need{
			Kind: NeedSchedule, ClinicID: id, Text: "Entry " + fmt.Sprint(p.Index+1) + " of the schedule does not run", Details: []string{p.Reason},
			Next: "Correct the entry. The others go on.", Address: clinicAddress(id) + "/schedule", Action: "Correct it",
		})
		if p.Index < 0 {
			found[len(found)-1].Text = "Nothing of the schedule runs"
		}
	}
	return found
}

// partOf names the part of a clinic's page where what has a code is mended.
var partOf = map[syncs.Code]string{
	syncs.CodeCredentialsMissing: "login", syncs.CodeCredentialsInvalid: "login", syncs.CodeCredentialsSuspended: "login",
	syncs.CodeAuthRejected: "login", syncs.CodeAuthChallenge: "login", syncs.CodeLoginFormChanged: "login",
	syncs.CodeTimezoneMissing: "settings",
}

// nextSteps say what a person does about a code.
var nextSteps = map[syncs.Code]string{
	syncs.CodeCredentialsMissing:   "Store the user name and password of the PIMS.",
	syncs.CodeCredentialsInvalid:   "Store the credentials again.",
	syncs.CodeCredentialsSuspended: "Ask the practice for the present password and store it. If the stored one is right, use it again.",
	syncs.CodeAuthRejected:         "Ask the practice for the present password and store it.",
	syncs.CodeAuthChallenge:        "Log in by hand once, or ask the practice for a user without a second step. Then test the login.",
	syncs.CodeLoginFormChanged:     "Test the login. If it fails again, the provider's part of this program needs an update.",
	syncs.CodeTimezoneMissing:      "Set the clinic's time zone.",
	syncs.CodeUnreachable:          "It is tried again at the next tick. If several clinics fail, look whether the PIMS is down.",
	syncs.CodePIMSError:            "It is tried again at the next tick. If it stays, ask the vendor of the PIMS.",
	syncs.CodePIMSRateLimited:      "Nothing, if it is rare. Otherwise lower PIMS_RATE_LIMIT, or spread the schedules.",
	syncs.CodeAuthExpired:          "It is tried again at the next tick. If it stays, somebody else may use the same login.",
	syncs.CodeSchemaDrift:          "The provider's part of this program needs an update. Nothing wrong was stored.",
	syncs.CodeSnapshotIncomplete:   "Look for appointments without an id in the PIMS. Deletions wait until they are gone.",
	syncs.CodeSnapshotUnsound:      "It is tried again at the next tick. If it stays, compare a few appointments by hand.",
	syncs.CodeBrowserUnavailable:   "Look at the server: the headless browser is missing, or memory is short.",
	syncs.CodeDatabaseUnavailable:  "Look at the database.",
	syncs.CodeTimeout:              "It is tried again at the next tick. If it stays, shorten the window or raise the time limit.",
	syncs.CodeInterrupted:          "It is tried again at the next tick.",
	syncs.CodeInternal:             "Search the log for this sync, and report it.",
}

// nextStep returns what to do about a code.
func nextStep(code syncs.Code) string {
	return cmp.Or(nextSteps[code], "Open the latest run; it says more.")
}

// planDays names the days of a plan.
func planDays(p *syncs.Plan) string {
	if p.Window.Start == p.Window.End {
		return p.Window.Start.String()
	}
	return p.Window.Start.String() + " to " + p.Window.End.String()
}

// heldBack says in a few words what a plan would do.
func heldBack(p *syncs.Plan) string {
	switch p.Code {
	case syncs.CodeShiftGuard:
		return counted(p.Evidence.Moved, "move") + ", most by " + duration(p.Evidence.MovedBy)
	case syncs.CodeWrongPractice:
		return counted(p.Evidence.Found, "appointment") + " of what looks like another practice"
	case syncs.CodeDriftGuard:
		return "deletions, while the PIMS returns another form"
	default:
		return counted(len(p.Cases), "deletion")
	}
}

// duration formats a signed length of time in whole seconds: "1 h", "-30 min", "1 h 30 min".
func duration(d time.Duration) string {
	sign, rest := "", d
	if d < 0 {
		sign, rest = "-", -d
	}
	var words []string
	for _, unit := range []struct {
		length time.Duration
		word   string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := rest / unit.length; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", int(n), unit.word))
			rest %= unit.length
		}
	}
	return sign + strings.Join(words, " ")
}

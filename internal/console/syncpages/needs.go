package syncpages

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
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/feed"
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
	NeedDrift    NeedKind = "drift"  // R51
	NeedVolume   NeedKind = "volume" // R49
)

// A needGroup is a kind in words, and the shape that stands for it.
type needGroup struct {
	Kind NeedKind
	page.Badge
}

// needGroups are the kinds, the most urgent first.
var needGroups = []needGroup{
	{NeedPlan, page.Warn("Waiting plans", "hand")},
	{NeedLogin, page.Bad("Refused logins", "lock")},
	{NeedFailing, page.Bad("Failing", "triangle")},
	{NeedSchedule, page.Bad("Bad schedules", "cross")},
	{NeedStale, page.Warn("Out of date", "clock")},
	{NeedDrift, page.Warn("Form of answers changed", "triangle")},
	{NeedVolume, page.Info("Unusual volume", "trend")},
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
		Totals []page.Total
		Groups []shownGroup
		Pager  page.Pager
		All    int // needs of every kind
	}

	shownGroup struct {
		needGroup
		Rows []NeedRow
	}

	// A NeedRow shows a need.
	NeedRow struct {
		Need
		Clinic, ClinicAddress string
		Since, Until          page.Moment
		Here                  bool // it stands on the clinic's own page
	}
)

// needsPage shows what waits for a person.
func (s *Screens) needsPage() page.Page {
	return page.Page{
		Path: "/needs", Title: "Needs you", Template: "needs", Nav: "bell", Needs: access.Read,
		Show:  func(v *page.Visit) (any, error) { return s.needs(v) },
		Count: s.countNeeds,
	}
}

func (s *Screens) needs(v *page.Visit) (*needsView, error) {
	all, err := s.o.Seen(v)
	if err != nil {
		return nil, err
	}
	found, err := s.FindNeeds(v, all, screen.Within(v, nil))
	if err != nil {
		return nil, err
	}
	clinics := make(map[uuid.UUID]*clinic.Clinic, len(all))
	for _, x := range all {
		clinics[x.Clinic.ID] = &x.Clinic
	}
	kinds := make([]string, len(needGroups))
	for i, g := range needGroups {
		kinds[i] = string(g.Kind)
	}
	shown := &needsView{Kind: v.OneOf("kind", kinds...), All: len(found)}
	shown.count(v, found)
	if shown.Kind != "" {
		found = slices.DeleteFunc(found, func(n Need) bool { return string(n.Kind) != shown.Kind })
	}
	found, shown.Pager = page.Paged(v, found, needsPerPage, "thing")
	for _, n := range found {
		shown.add(v, clinics[n.ClinicID], n)
	}
	return shown, nil
}

// count counts the needs of each kind.
func (s *needsView) count(v *page.Visit, found []Need) {
	counts := map[NeedKind]int{}
	for _, n := range found {
		counts[n.Kind]++
	}
	s.Totals = append(s.Totals, page.Total{Badge: page.Badge{Word: "All"}, Count: len(found), Chosen: s.Kind == "", Address: v.Address("kind", "")})
	for _, g := range needGroups {
		if n := counts[g.Kind]; n > 0 || s.Kind == string(g.Kind) {
			s.Totals = append(s.Totals, page.Total{Badge: g.Badge, Count: n, Chosen: s.Kind == string(g.Kind), Address: v.Address("kind", string(g.Kind))})
		}
	}
}

// add shows a need in its group.
func (s *needsView) add(v *page.Visit, of *clinic.Clinic, n Need) {
	if last := len(s.Groups) - 1; last < 0 || s.Groups[last].Kind != n.Kind {
		i := slices.IndexFunc(needGroups, func(g needGroup) bool { return g.Kind == n.Kind })
		s.Groups = append(s.Groups, shownGroup{needGroup: needGroups[i]})
	}
	group := &s.Groups[len(s.Groups)-1]
	group.Rows = append(group.Rows, NeedRowOf(v, of, n))
}

// NeedRowOf shows a need of a clinic.
func NeedRowOf(v *page.Visit, of *clinic.Clinic, n Need) NeedRow {
	return NeedRow{
		Need: n, Clinic: of.Name, ClinicAddress: screen.ClinicAddress(of.ID), Since: v.Moment(n.Since, screen.ZoneOf(of)), Until: v.Moment(n.Until, screen.ZoneOf(of)),
	}
}

// FindNeeds returns what the caller must look at in the given clinics, whose plans are those
// within: by kind, and within a kind first what ends first, then what began first.
func (s *Screens) FindNeeds(v *page.Visit, all []*screen.Judged, within []uuid.UUID) (found []Need, err error) {
	plans, err := s.openPlans(v, within)
	if err != nil {
		return nil, err
	}
	for i := range plans {
		found = append(found, needOfPlan(&plans[i]))
	}
	problems := make(scheduleProblems)
	for _, x := range all {
		found = append(found, needsOf(x, v.Now, problems)...)
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
func (s *Screens) openPlans(v *page.Visit, within []uuid.UUID) (plans []syncs.Plan, err error) {
	filter := syncs.PlanFilter{Status: syncs.PlanOpen, Page: syncs.Page{Limit: 200}}
	for {
		list, err := s.o.Plans.PlansAcross(v.Context(), within, filter)
		if err != nil {
			return nil, screen.Told(err)
		}
		plans = append(plans, list.Items...)
		if filter.Cursor = list.NextCursor; filter.Cursor == "" {
			return plans, nil
		}
	}
}

func needOfPlan(p *syncs.Plan) Need {
	return Need{
		Kind: NeedPlan, ClinicID: p.ClinicID, Text: page.Sentence(heldBack(p)), Details: []string{screen.Explain(p.Code), planDays(p)},
		Next:  "Look at what it would do, then approve or reject it.",
		Since: p.CreatedAt, Until: p.ExpiresAt, Address: screen.PlanAddress(p.ID), Action: "Decide",
	}
}

// needsOf returns what the state of a clinic asks of a person. A waiting plan is not among
// it.
func needsOf(x *screen.Judged, now time.Time, problems scheduleProblems) (found []Need) {
	id := x.Clinic.ID
	if !x.Clinic.Active {
		return nil
	}
	switch x.State {
	case scheduler.ClinicLoginRefused:
		found = append(found, Need{
			Kind: NeedLogin, ClinicID: id, Text: screen.Explain(x.Code), Next: screen.NextStep(x.Code), Since: x.Since,
			Address: screen.ClinicAddress(id) + "/login", Action: "Mend the login",
		})
	case scheduler.ClinicFailing:
		n := Need{Kind: NeedFailing, ClinicID: id, Text: screen.Explain(x.Code), Next: screen.NextStep(x.Code), Since: x.Since, Address: screen.ClinicAddress(id), Action: "Look at it"}
		if part := screen.PartOf[x.Code]; part != "" {
			n.Address += "/" + part
		}
		found = append(found, n)
	case scheduler.ClinicStale:
		n := Need{
			Kind: NeedStale, ClinicID: id, Text: "What was due has not been read", Since: x.Since, Address: screen.ClinicAddress(id), Action: "Look at it",
			Next: "Look whether a sync runs or waits. If none does, start one.",
		}
		for i := range x.Phases {
			if p := &x.Phases[i]; p.Stale() {
				n.Details = append(n.Details, screen.TypeName(p.Type))
			}
		}
		found = append(found, n)
	case scheduler.ClinicOff, scheduler.ClinicWaiting, scheduler.ClinicNeverSynced, scheduler.ClinicOK: // they need nobody; plans are read apart
	}
	recent := slices.DeleteFunc(slices.Clone(x.Drifted), func(c scheduler.ChangedForm) bool { return now.Sub(c.At) >= scheduler.DriftedFor })
	if len(recent) > 0 {
		found = append(found, needOfDrift(id, recent))
	}
	if len(x.Unusual) > 0 { // the newest tells it; the page of the clinic has the others
		u := &x.Unusual[0]
		n := Need{
			Kind: NeedVolume, ClinicID: id, Text: "A run had unusual counts: " + screen.TypeName(u.Type), Since: u.Began,
			Next: "Look whether the practice explains it. Nothing was held back.", Address: screen.RunAddress(u.SyncID), Action: "Look at the run",
		}
		for _, f := range u.Findings {
			n.Details = append(n.Details, fmt.Sprintf("%s: %s, usually %s", syncs.FieldName(f.Count), page.Number(f.Value), page.Number(f.Usual)))
		}
		found = append(found, n)
	}
	for _, p := range problems.of(x.Schedules) {
		found = append(found, Need{
			Kind: NeedSchedule, ClinicID: id, Text: "Entry " + fmt.Sprint(p.Index+1) + " of the schedule does not run", Details: []string{p.Reason},
			Next: "Correct the entry. The others go on.", Address: screen.ClinicAddress(id) + "/schedule", Action: "Correct it",
		})
		if p.Index < 0 {
			found[len(found)-1].Text = "Nothing of the schedule runs"
		}
	}
	return found
}

// needOfDrift tells which parts of the PIMS's answers changed their form.
func needOfDrift(clinicID uuid.UUID, changed []scheduler.ChangedForm) Need {
	n := Need{
		Kind: NeedDrift, ClinicID: clinicID, Text: "The PIMS returns another form than before", Since: changed[0].At,
		Next:    "Compare a case with the practice's PIMS. Where deletions depend on it, they wait as a plan.",
		Address: screen.EventsOf(clinicID, feed.PIMSDrift), Action: "Look at the changes",
	}
	for _, c := range changed {
		if !slices.Contains(n.Details, c.Change) { // several types of sync see the same
			n.Details = append(n.Details, c.Change)
		}
	}
	return n
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
		return page.Counted(p.Evidence.Moved, "move") + ", most by " + duration(p.Evidence.MovedBy)
	case syncs.CodeWrongPractice:
		return page.Counted(p.Evidence.Found, "appointment") + " of what looks like another practice"
	case syncs.CodeDriftGuard:
		return "deletions, while the PIMS returns another form"
	default:
		return page.Counted(len(p.Cases), "deletion")
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

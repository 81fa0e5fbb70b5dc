package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/chart"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fleetPage shows every clinic that the caller may see.
func (c *console) fleetPage() Page {
	return Page{
		Path: "/", Title: "Fleet", Template: "fleet", Nav: "grid", Needs: access.ReadClinics,
		Show: func(v *Visit) (any, error) { return c.fleet(v) },
		CSV:  c.fleetCSV,
	}
}

// fleetPerPage is how many clinics one page shows.
const fleetPerPage = 40

type (
	fleetView struct {
		Query, State, Sort string
		CSV                string        // the address of the same clinics as a file
		All                int           // clinics that the caller may see
		Actions            []choice      // that the caller may do with several; none: not allowed
		Buttons            []fleetAction // that the caller may do with one clinic
		CanAdd             bool
		Totals             []fleetTotal
		Share              template.HTML // of each state
		Columns            []column
		Rows               []fleetRow
		Pager              pager
	}

	// A fleetTotal counts the clinics in one state, and leads to them.
	fleetTotal struct {
		Badge
		State   string
		Count   int
		Chosen  bool
		Address string
	}

	fleetRow struct {
		ID, Address, Runs    string
		Name, Zone, Provider string
		On                   bool
		State                Badge
		Since                Moment
		Phases               []fleetPhase
		Why                  string // the last code in plain words; empty: the latest sync has none
		When                 Moment // of the latest sync
		Plans                int
		Login                Badge
	}

	fleetPhase struct {
		Name          string
		Last, Next    Moment
		Scheduled     bool
		Stale, Failed bool
	}
)

// fleet makes the page.
func (c *console) fleet(v *Visit) (*fleetView, error) {
	all, err := c.seen(v.Context(), v)
	if err != nil {
		return nil, err
	}
	shown := &fleetView{Query: v.Text("q"), State: v.Text("state"), Sort: v.Text("sort"), All: len(all)}
	found := slices.DeleteFunc(slices.Clone(all), func(x *judged) bool { return !x.matches(shown.Query) })
	shown.count(v, found)
	if shown.State != "" {
		found = slices.DeleteFunc(found, func(x *judged) bool { return string(x.State) != shown.State })
	}
	order(found, shown.Sort)
	shown.Columns = columns(v, shown.Sort, []column{
		{Title: "Clinic", Sort: "name"},
		{Title: "State", Sort: "state"},
		{Title: "Data as of", Sort: "asof"},
		{Title: "Notes"},
		{Title: "Deletions"},
		{Title: "Latest sync"},
		{Title: "Plans", Sort: "plans", Number: true},
		{Title: "Login"},
	})
	c.offer(v, shown)
	shown.CanAdd = v.Caller.Check(access.ChangeClinics, uuid.Nil) == nil
	shown.CSV = v.AddressOf(Root+"/fleet.csv", "page", "")
	shown.Pager = newPager(v, len(found), fleetPerPage, "clinic")
	for _, x := range found[shown.Pager.from:shown.Pager.to] {
		shown.Rows = append(shown.Rows, rowOf(v, x))
	}
	return shown, nil
}

// offer adds the actions that the caller may do.
func (c *console) offer(v *Visit, shown *fleetView) {
	pairs := []string{}
	for _, a := range c.fleetActions() {
		if v.Caller.Check(a.Needs, uuid.Nil) == nil {
			pairs, shown.Buttons = append(pairs, a.Name, a.Title), append(shown.Buttons, a)
		}
	}
	if len(pairs) > 0 {
		shown.Actions = choices("", "", pairs...)[1:]
		shown.Columns[0].Ticks = "many"
		shown.Columns = append(shown.Columns, column{Title: "Actions", Unseen: true})
	}
}

// runsOf returns the address of a clinic's syncs.
func runsOf(id uuid.UUID) string { return Root + "/runs?clinic=" + id.String() }

// A judged clinic is one with its state.
type judged struct {
	scheduler.Condition
	scheduler.Verdict
}

// seen returns the clinics that exist for the caller (R42).
func (c *console) seen(ctx context.Context, v *Visit) ([]*judged, error) {
	all, err := c.o.Fleet.Conditions(ctx)
	if err != nil {
		return nil, err
	}
	seen := make([]*judged, 0, len(all))
	for _, condition := range all {
		if v.Caller.Sees(condition.Clinic.ID) {
			seen = append(seen, &judged{condition, condition.Verdict()})
		}
	}
	return seen, nil
}

// matches reports whether every word of a query is in the clinic's name, zone or id.
func (j *judged) matches(query string) bool {
	text := strings.ToLower(j.Clinic.Name + " " + j.Clinic.Timezone + " " + j.Clinic.ID.String())
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// count counts the states of the clinics that were found.
func (f *fleetView) count(v *Visit, found []*judged) {
	counts := map[scheduler.ClinicState]int{}
	for _, x := range found {
		counts[x.State]++
	}
	var parts []chart.Part
	f.Totals = append(f.Totals, fleetTotal{Badge: Badge{Word: "All"}, Count: len(found), Chosen: f.State == "", Address: v.Address("state", "")})
	for _, state := range fleetStates() {
		badge, n := stateBadges[state], counts[state]
		if n == 0 && f.State != string(state) {
			continue
		}
		f.Totals = append(f.Totals, fleetTotal{badge, string(state), n, f.State == string(state), v.Address("state", string(state))})
		parts = append(parts, chart.Part{Name: fmt.Sprintf("%s: %s", badge.Word, number(n)), Value: float64(n), Tone: badge.Tone})
	}
	f.Share = chart.Stack("The share of each state among "+counted(len(found), "clinic"), parts)
}

// fleetStates lists the states, first what a person must look at.
func fleetStates() []scheduler.ClinicState {
	return []scheduler.ClinicState{
		scheduler.ClinicLoginRefused, scheduler.ClinicFailing, scheduler.ClinicWaiting, scheduler.ClinicStale,
		scheduler.ClinicNeverSynced, scheduler.ClinicOK, scheduler.ClinicOff,
	}
}

// order sorts the clinics: by default first those that a person must look at.
func order(clinics []*judged, by string) {
	by, descending := strings.CutPrefix(by, "-")
	states := fleetStates()
	compare := func(a, b *judged) int {
		switch by {
		case "name":
			return 0 // they come by name
		case "asof":
			return a.DataAsOf().Compare(b.DataAsOf())
		case "plans":
			return cmp.Compare(a.Plans.Open, b.Plans.Open)
		default:
			return cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State))
		}
	}
	if descending {
		slices.Reverse(clinics) // what is equal, too
		slices.SortStableFunc(clinics, func(a, b *judged) int { return compare(b, a) })
		return
	}
	slices.SortStableFunc(clinics, compare)
}

// phaseNames are the headings of the phases. How fresh the data is, inbound decides.
var phaseNames = map[syncs.Type]string{
	syncs.TypeInbound: "Data as of", syncs.TypeCases: "Notes", syncs.TypeReconciliation: "Deletions",
}

func rowOf(v *Visit, x *judged) fleetRow {
	zone := zoneOf(&x.Clinic)
	at, _, code := x.LastAttempt()
	row := fleetRow{
		ID: x.Clinic.ID.String(), Address: clinicAddress(x.Clinic.ID), Runs: runsOf(x.Clinic.ID),
		Name: x.Clinic.Name, Zone: x.Clinic.Timezone, Provider: x.Provider, On: x.Clinic.Active, State: stateBadges[x.State],
		Since: v.Moment(x.Since, zone), When: v.Moment(at, zone),
		Plans: x.Plans.Open, Login: loginBadge(&x.Credentials),
	}
	if code = cmp.Or(x.Code, code); code != "" {
		row.Why = explain(code)
	}
	for i := range x.Phases {
		p := &x.Phases[i]
		row.Phases = append(row.Phases, fleetPhase{
			Name: phaseNames[p.Type], Last: v.Moment(p.LastSuccess, zone), Next: v.Moment(p.Next, zone),
			Scheduled: p.Scheduled, Stale: p.Stale(), Failed: p.Failing,
		})
	}
	return row
}

// loginBadge says in a word whether a clinic's credentials can be used.
func loginBadge(k *scheduler.CredentialCondition) Badge {
	switch {
	case !k.Set:
		return Badge{"Not set", "ring", "idle"}
	case !k.SuspendedAt.IsZero():
		return Badge{"Paused", "lock", "bad"}
	default:
		return Badge{"Set", "key", "quiet"}
	}
}

// fleetCSV returns what the page shows, of all its pages.
func (c *console) fleetCSV(v *Visit) ([][]string, error) {
	all, err := c.seen(v.Context(), v)
	if err != nil {
		return nil, err
	}
	state := v.Text("state")
	found := slices.DeleteFunc(all, func(x *judged) bool {
		return !x.matches(v.Text("q")) || state != "" && string(x.State) != state
	})
	order(found, v.Text("sort"))
	rows := [][]string{{
		"id", "name", "timezone", "provider", "state", "since", "code", "data_as_of",
		"inbound_last_success", "inbound_next", "cases_last_success", "cases_next", "reconciliation_last_success", "reconciliation_next",
		"open_plans", "credentials_set", "credentials_suspended",
	}}
	for _, x := range found {
		row := []string{
			x.Clinic.ID.String(), x.Clinic.Name, x.Clinic.Timezone, x.Provider, string(x.State), instant(x.Since), string(x.Code), instant(x.DataAsOf()),
		}
		for _, p := range x.Phases {
			row = append(row, instant(p.LastSuccess), instant(p.Next))
		}
		rows = append(rows, append(row, fmt.Sprint(x.Plans.Open), fmt.Sprint(x.Credentials.Set), fmt.Sprint(!x.Credentials.SuspendedAt.IsZero())))
	}
	return rows, nil
}

// instant formats a time for a program; empty where it is zero.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

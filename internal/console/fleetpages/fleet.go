package fleetpages

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/chart"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fleetPage shows every clinic that the caller may see.
func (s *screens) fleetPage() page.Page {
	return page.Page{
		Path: "/", Title: "Fleet", Template: "fleet", Nav: "grid", Needs: access.ReadClinics,
		Show: func(v *page.Visit) (any, error) { return s.fleet(v) },
		CSV:  s.fleetCSV,
	}
}

// fleetPerPage is how many clinics one page shows.
const fleetPerPage = 40

type (
	fleetView struct {
		Query, State, Sort string
		CSV                string        // the address of the same clinics as a file
		All                int           // clinics that the caller may see
		Actions            []page.Choice // that the caller may do with several; none: not allowed
		Buttons            []fleetAction // that the caller may do with one clinic
		CanAdd             bool
		Totals             []page.Total
		Share              template.HTML // of each state
		Columns            []page.Column
		Rows               []fleetRow
		Pager              page.Pager
	}

	fleetRow struct {
		ID, Address, Runs    string
		Name, Zone, Provider string
		On                   bool
		State                page.Badge
		Since                page.Moment
		Syncing              fleetSync
		Phases               []fleetPhase
		Why                  string      // the last code in plain words; empty: the latest sync has none
		When                 page.Moment // of the latest sync
		Plans                int
		Login                page.Badge
	}

	// A fleetSync is the sync that runs for a clinic.
	fleetSync struct {
		Address string // empty: none runs
		Type    string
		Since   page.Moment
	}

	fleetPhase struct {
		Name          string
		Last, Next    page.Moment
		Scheduled     bool
		Stale, Failed bool
	}
)

// fleet makes the page.
func (s *screens) fleet(v *page.Visit) (*fleetView, error) {
	all, err := s.o.Seen(v)
	if err != nil {
		return nil, err
	}
	shown := &fleetView{Query: v.Text("q"), State: chosenState(v), Sort: v.OneOf("sort", sorts...), All: len(all)}
	searched, found := filter(v, all)
	shown.count(v, searched)
	order(found, shown.Sort)
	shown.Columns = page.Columns(v, shown.Sort, []page.Column{
		{Title: "Clinic", Sort: "name"},
		{Title: "State", Sort: "state"},
		{Title: "Data as of", Sort: "asof"},
		{Title: "Notes"},
		{Title: "Deletions"},
		{Title: "Latest sync"},
		{Title: "Plans", Sort: "plans", Number: true},
		{Title: "Login"},
	})
	s.offer(v, shown)
	shown.CanAdd = v.Caller.Check(access.ChangeClinics, uuid.Nil) == nil
	shown.CSV = v.AddressOf(page.Root+"/fleet.csv", "page", "")
	found, shown.Pager = page.Paged(v, found, fleetPerPage, "clinic")
	for _, x := range found {
		shown.Rows = append(shown.Rows, rowOf(v, x))
	}
	return shown, nil
}

// offer adds the actions that the caller may do.
func (s *screens) offer(v *page.Visit, shown *fleetView) {
	pairs := []string{}
	for _, a := range s.fleetActions() {
		if v.Caller.Check(a.Needs, uuid.Nil) == nil {
			pairs, shown.Buttons = append(pairs, a.Name, a.Title), append(shown.Buttons, a)
		}
	}
	if len(pairs) > 0 {
		shown.Actions = page.Choices("", "", pairs...)[1:]
		shown.Columns[0].Ticks = "many"
		shown.Columns = append(shown.Columns, page.Column{Title: "Actions", Unseen: true})
	}
}

// count counts the states of the clinics that were found.
func (f *fleetView) count(v *page.Visit, found []*screen.Judged) {
	counts := map[scheduler.ClinicState]int{}
	for _, x := range found {
		counts[x.State]++
	}
	var parts []chart.Part
	f.Totals = append(f.Totals, page.Total{Badge: page.Badge{Word: "All"}, Count: len(found), Chosen: f.State == "", Address: v.Address("state", "")})
	for _, state := range fleetStates() {
		badge, n := screen.StateBadges[state], counts[state]
		if n == 0 && f.State != string(state) {
			continue
		}
		f.Totals = append(f.Totals, page.Total{Badge: badge, Count: n, Chosen: f.State == string(state), Address: v.Address("state", string(state))})
		parts = append(parts, chart.Part{Name: fmt.Sprintf("%s: %s", badge.Word, page.Number(n)), Value: float64(n), Tone: badge.Tone})
	}
	f.Share = chart.Stack("The share of each state among "+page.Counted(len(found), "clinic"), parts)
}

// fleetStates lists the states, first what a person must look at.
func fleetStates() []scheduler.ClinicState {
	return []scheduler.ClinicState{
		scheduler.ClinicLoginRefused, scheduler.ClinicFailing, scheduler.ClinicWaiting, scheduler.ClinicStale,
		scheduler.ClinicNeverSynced, scheduler.ClinicOK, scheduler.ClinicOff,
	}
}

// chosenState returns the state that the address chooses; empty: all.
func chosenState(v *page.Visit) string {
	var words []string
	for _, state := range fleetStates() {
		words = append(words, string(state))
	}
	return v.OneOf("state", words...)
}

// filter returns the clinics that the search of the address finds, and those of them that are
// in the state that it chooses.
func filter(v *page.Visit, all []*screen.Judged) (searched, found []*screen.Judged) {
	query, state := v.Text("q"), chosenState(v)
	for _, x := range all {
		if !x.Matches(query) {
			continue
		}
		searched = append(searched, x)
		if state == "" || string(x.State) == state {
			found = append(found, x)
		}
	}
	return searched, found
}

// sorts are the orders that an address can name.
var sorts = []string{"name", "-name", "state", "-state", "asof", "-asof", "plans", "-plans"}

// order sorts the clinics: by default first those that a person must look at.
func order(clinics []*screen.Judged, by string) {
	by, descending := strings.CutPrefix(by, "-")
	states := fleetStates()
	compare := func(a, b *screen.Judged) int {
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
		slices.SortStableFunc(clinics, func(a, b *screen.Judged) int { return compare(b, a) })
		return
	}
	slices.SortStableFunc(clinics, compare)
}

// phaseNames are the headings of the phases. How fresh the data is, inbound decides.
var phaseNames = map[syncs.Type]string{
	syncs.TypeInbound: "Data as of", syncs.TypeCases: "Notes", syncs.TypeReconciliation: "Deletions",
}

func rowOf(v *page.Visit, x *screen.Judged) fleetRow {
	zone := screen.ZoneOf(&x.Clinic)
	at, _, code := x.LastAttempt()
	row := fleetRow{
		ID: x.Clinic.ID.String(), Address: screen.ClinicAddress(x.Clinic.ID), Runs: screen.RunsOf(x.Clinic.ID),
		Name: x.Clinic.Name, Zone: x.Clinic.Timezone, Provider: x.Provider, On: x.Clinic.Active, State: screen.StateBadges[x.State],
		Since: v.Moment(x.Since, zone), When: v.Moment(at, zone),
		Plans: x.Plans.Open, Login: screen.LoginBadge(&x.Credentials),
	}
	if r := x.Running; r != nil {
		row.Syncing = fleetSync{Address: screen.RunAddress(r.ID), Type: screen.TypeName(r.Type), Since: v.Moment(r.Since, zone)}
		if r.DryRun {
			row.Syncing.Type += ", dry run"
		}
	}
	if code = cmp.Or(x.Code, code); code != "" {
		row.Why = screen.Explain(code)
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

// fleetCSV returns what the page shows, of all its pages.
func (s *screens) fleetCSV(v *page.Visit) ([][]string, error) {
	all, err := s.o.Seen(v)
	if err != nil {
		return nil, err
	}
	_, found := filter(v, all)
	order(found, v.OneOf("sort", sorts...))
	rows := [][]string{{
		"id", "name", "timezone", "provider", "state", "since", "code", "data_as_of",
		"inbound_last_success", "inbound_next", "cases_last_success", "cases_next", "reconciliation_last_success", "reconciliation_next",
		"open_plans", "credentials_set", "credentials_suspended", "syncing", "syncing_since",
	}}
	for _, x := range found {
		row := []string{
			x.Clinic.ID.String(), x.Clinic.Name, x.Clinic.Timezone, x.Provider, string(x.State), instant(x.Since), string(x.Code), instant(x.DataAsOf()),
		}
		for _, p := range x.Phases {
			row = append(row, instant(p.LastSuccess), instant(p.Next))
		}
		row = append(row, fmt.Sprint(x.Plans.Open), fmt.Sprint(x.Credentials.Set), fmt.Sprint(!x.Credentials.SuspendedAt.IsZero()))
		if r := x.Running; r != nil {
			row = append(row, string(r.Type), instant(r.Since))
		} else {
			row = append(row, "", "")
		}
		rows = append(rows, row)
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

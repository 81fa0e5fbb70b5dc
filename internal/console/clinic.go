package console

import (
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type (
	// A clinicHead stands above each page of a clinic.
	clinicHead struct {
		Name, Zone, Address string
		State               Badge
		Since               Moment
		Tabs                []tab
	}

	// A tab leads to one of several pages about the same thing.
	tab struct {
		Title, Address string
		Current        bool
	}

	clinicView struct {
		clinicHead
		Needs       []shownNeed
		Phases      []clinicPhase
		Coming      []comingRun
		Problem     string // why nothing is known of the coming runs; empty: it is
		Login       Badge
		Tested      Moment
		Plans       int
		Running     string // address of a sync that runs or waits; empty: none
		RunningRow  runRow
		Latest      []runRow
		Runs, Cases string // addresses of the clinic's
		CanSync     bool
		History     []typeHistory // of each type that ran lately
		Disabled    bool
		DisabledAt  Moment
	}

	clinicPhase struct {
		Name, Why  string
		Last, Next Moment
		Badge      Badge
	}

	comingRun struct {
		Type string
		At   Moment
	}
)

// clinicAddress returns the address of a clinic's page.
func clinicAddress(id uuid.UUID) string { return Root + "/clinics/" + id.String() }

// clinicTabs are the pages of a clinic: the end of their address, and their title.
var clinicTabs = []struct{ path, title string }{
	{"", "Overview"},
	{"/login", "Login"},
	{"/schedule", "Schedule"},
	{"/settings", "Settings"},
	{"/keys", "Keys"},
	{"/practice", "Practice's page"},
}

// clinicPage shows what a clinic looks like now.
func (c *console) clinicPage() Page {
	return Page{
		Path: "/clinics/{id}", Title: "Clinic", Template: "clinic", Needs: access.Read, Under: "/",
		Show: func(v *Visit) (any, error) { return c.clinic(v) },
		Acts: map[string]Act{
			"sync":    {access.SyncFull, c.syncNow(false)},
			"dry-run": {access.SyncFull, c.syncNow(true)},
		},
	}
}

// theClinic reads the clinic that the address names.
func (c *console) theClinic(v *Visit) (*judged, error) {
	id, err := pathID(v)
	if err != nil {
		return nil, err
	}
	if !v.Caller.Sees(id) {
		return nil, ErrNotFound
	}
	condition, err := c.o.Fleet.Condition(v.Context(), id)
	if err != nil {
		return nil, told(err)
	}
	return &judged{condition, condition.Verdict()}, nil
}

// clinicID returns the clinic that the address names, where the caller may act on it.
func (v *Visit) clinicID(p access.Permission) (uuid.UUID, error) {
	id, err := pathID(v)
	if err != nil || !v.Caller.Sees(id) {
		return id, ErrNotFound
	}
	return id, v.allowed(p, id)
}

func headOf(v *Visit, x *judged) clinicHead {
	address := clinicAddress(x.Clinic.ID)
	head := clinicHead{
		Name: x.Clinic.Name, Zone: x.Clinic.Timezone, Address: address, State: stateBadges[x.State], Since: v.Moment(x.Since, zoneOf(&x.Clinic)),
	}
	for _, t := range clinicTabs {
		head.Tabs = append(head.Tabs, tab{t.title, address + t.path, v.URL.Path == address+t.path})
	}
	if v.Caller.Check(access.ChangeClinics, x.Clinic.ID) == nil {
		head.Tabs = append(head.Tabs, tab{Title: "Log", Address: Root + "/log?clinic=" + x.Clinic.ID.String()})
	}
	return head
}

// clinic makes the page.
func (c *console) clinic(v *Visit) (*clinicView, error) {
	x, err := c.theClinic(v)
	if err != nil {
		return nil, err
	}
	of, zone := &x.Clinic, zoneOf(&x.Clinic)
	shown := &clinicView{
		clinicHead: headOf(v, x), Login: loginBadge(&x.Credentials), Tested: v.Moment(x.Credentials.TestedAt, zone), Plans: x.Plans.Open,
		Runs: runsOf(of.ID), Cases: casesOf(of.ID), Disabled: !of.Active, DisabledAt: v.Moment(of.DisabledAt, zone),
	}
	if err := c.clinicNeeds(v, x, shown); err != nil {
		return nil, err
	}
	for i := range x.Phases {
		shown.Phases = append(shown.Phases, phaseOfClinic(v, of, &x.Phases[i]))
	}
	if err := c.latest(v, of, shown); err != nil {
		return nil, err
	}
	if err := c.coming(v, of, shown); err != nil {
		return nil, err
	}
	if v.Header.Get(background) == "" { // the page's own refresh leaves the charts
		if shown.History, err = c.historyOf(v, of); err != nil {
			return nil, err
		}
	}
	shown.CanSync = of.Active && shown.Running == "" && v.Caller.Check(access.SyncFull, of.ID) == nil
	return shown, nil
}

// clinicNeeds lists what the clinic asks of a person.
func (c *console) clinicNeeds(v *Visit, x *judged, shown *clinicView) error {
	found, err := c.findNeeds(v, []*judged{x}, v.within(&x.Clinic))
	if err != nil {
		return err
	}
	for _, n := range found {
		if n.Address == v.URL.Path {
			n.Action = ""
		}
		need := shownNeedOf(v, &x.Clinic, n)
		need.Here = true
		shown.Needs = append(shown.Needs, need)
	}
	return nil
}

func phaseOfClinic(v *Visit, of *clinic.Clinic, p *scheduler.PhaseCondition) clinicPhase {
	zone := zoneOf(of)
	shown := clinicPhase{Name: typeName(p.Type), Last: v.Moment(p.LastSuccess, zone), Next: v.Moment(p.Next, zone), Badge: Badge{"Up to date", "check", "good"}}
	switch {
	case p.Failing:
		shown.Badge, shown.Why = Badge{"Failed", "triangle", "bad"}, explain(p.FailureCode)
	case p.Stale():
		shown.Badge = Badge{"Late", "clock", "warn"}
	case p.LastSuccess.IsZero():
		shown.Badge = Badge{"Not yet", "ring", "idle"}
	case !p.Scheduled:
		shown.Badge = Badge{"No schedule", "dash", "idle"}
	}
	return shown
}

// latestRuns is how many syncs the page of a clinic lists.
const latestRuns = 8

// latest lists the clinic's last syncs, and finds one that runs.
func (c *console) latest(v *Visit, of *clinic.Clinic, shown *clinicView) error {
	list, err := c.o.Runs.AuditsAcross(v.Context(), []uuid.UUID{of.ID}, syncs.AuditFilter{Page: syncs.Page{Limit: latestRuns}})
	if err != nil {
		return told(err)
	}
	for i := range list.Items {
		row := runRowOf(v, of, &list.Items[i])
		if row.Percent >= 0 {
			shown.Running, shown.RunningRow = row.Address, row
		}
		row.Clinic = "" // the page is the clinic's
		shown.Latest = append(shown.Latest, row)
	}
	return nil
}

// comingRuns is how many coming syncs are listed, and how many days are looked at.
const (
	comingRuns = 10
	comingDays = 14
)

// coming lists what the schedule starts next.
func (c *console) coming(v *Visit, of *clinic.Clinic, shown *clinicView) error {
	if !of.Active {
		shown.Problem = "The clinic is off. Nothing runs by itself."
		return nil
	}
	ticks, err := c.o.Service.Ticks(v.Context(), of.ID, comingDays)
	if err != nil {
		if err = told(err); err == ErrNotFound { //nolint:errorlint // told returns it as it is
			return err
		}
		if problem, ok := err.(Problem); ok { //nolint:errorlint // the same
			shown.Problem = string(problem)
			return nil
		}
		return err
	}
	for _, t := range ticks[:min(len(ticks), comingRuns)] {
		shown.Coming = append(shown.Coming, comingOf(v, t))
	}
	if len(ticks) == 0 {
		shown.Problem = "No sync is scheduled."
	}
	return nil
}

func comingOf(v *Visit, t fleet.Tick) comingRun {
	return comingRun{typeName(t.Type), v.Moment(t.At, t.At.Location())}
}

// syncNow starts a full sync of the clinic.
func (c *console) syncNow(dry bool) func(*Visit) (Notice, error) {
	return func(v *Visit) (Notice, error) {
		id, err := v.clinicID(access.SyncFull)
		if err != nil {
			return Notice{}, err
		}
		started, err := c.start(v, syncs.Request{ClinicID: id, Type: syncs.TypeFull, Options: syncs.Options{DryRun: dry}})
		if err != nil {
			return Notice{}, told(err)
		}
		text := "The sync is on its way."
		if dry {
			text = "The dry run is on its way. It writes nothing."
		}
		return Notice{Text: text, Next: runAddress(started.ID)}, nil
	}
}

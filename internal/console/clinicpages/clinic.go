package clinicpages

import (
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/console/syncpages"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type clinicView struct {
	screen.Head
	Needs       []syncpages.NeedRow
	Phases      []clinicPhase
	Coming      []comingRun
	Problem     string // why nothing is known of the coming runs; empty: it is
	Login       page.Badge
	Tested      page.Moment
	Plans       int
	Running     string // address of a sync that runs or waits; empty: none
	RunningRow  syncpages.RunRow
	Latest      []syncpages.RunRow
	Runs, Cases string // addresses of the clinic's
	CanSync     bool
	History     []typeHistory // of each type that ran lately
	Disabled    bool
	DisabledAt  page.Moment
}

type clinicPhase struct {
	Name, Why  string
	Last, Next page.Moment
	Badge      page.Badge
}

type comingRun struct {
	Type string
	At   page.Moment
}

// clinicPage shows what a clinic looks like now.
func (s *screens) clinicPage() page.Page {
	return page.Page{
		Path: "/clinics/{id}", Title: "Clinic", Template: "clinic", Needs: access.Read, Under: "/",
		Show: func(v *page.Visit) (any, error) { return s.clinic(v) },
		Acts: map[string]page.Act{
			"sync":    {Needs: access.SyncFull, Do: s.syncNow(false)},
			"dry-run": {Needs: access.SyncFull, Do: s.syncNow(true)},
		},
	}
}

// clinic makes the page.
func (s *screens) clinic(v *page.Visit) (*clinicView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	of, zone := &x.Clinic, screen.ZoneOf(&x.Clinic)
	shown := &clinicView{
		Head: screen.HeadOf(v, x), Login: screen.LoginBadge(&x.Credentials), Tested: v.Moment(x.Credentials.TestedAt, zone), Plans: x.Plans.Open,
		Runs: screen.RunsOf(of.ID), Cases: screen.CasesOf(of.ID), Disabled: !of.Active, DisabledAt: v.Moment(of.DisabledAt, zone),
	}
	if err := s.clinicNeeds(v, x, shown); err != nil {
		return nil, err
	}
	for i := range x.Phases {
		shown.Phases = append(shown.Phases, phaseOfClinic(v, of, &x.Phases[i]))
	}
	if err := s.latest(v, of, shown); err != nil {
		return nil, err
	}
	if err := s.coming(v, of, shown); err != nil {
		return nil, err
	}
	if !v.Background() { // the page's own refresh leaves the charts
		if shown.History, err = s.historyOf(v, of); err != nil {
			return nil, err
		}
	}
	shown.CanSync = of.Active && shown.Running == "" && v.Caller.Check(access.SyncFull, of.ID) == nil
	return shown, nil
}

// clinicNeeds lists what the clinic asks of a person.
func (s *screens) clinicNeeds(v *page.Visit, x *screen.Judged, shown *clinicView) error {
	found, err := s.o.Syncs.FindNeeds(v, []*screen.Judged{x}, screen.Within(v, &x.Clinic))
	if err != nil {
		return err
	}
	for _, n := range found {
		if n.Address == v.URL.Path {
			n.Action = ""
		}
		need := syncpages.NeedRowOf(v, &x.Clinic, n)
		need.Here = true
		shown.Needs = append(shown.Needs, need)
	}
	return nil
}

func phaseOfClinic(v *page.Visit, of *clinic.Clinic, p *scheduler.PhaseCondition) clinicPhase {
	zone := screen.ZoneOf(of)
	shown := clinicPhase{Name: screen.TypeName(p.Type), Last: v.Moment(p.LastSuccess, zone), Next: v.Moment(p.Next, zone), Badge: page.Good("Up to date", "check")}
	switch {
	case p.Failing:
		shown.Badge, shown.Why = page.Bad("Failed", "triangle"), screen.Explain(p.FailureCode)
	case p.Stale():
		shown.Badge = page.Warn("Late", "clock")
	case p.LastSuccess.IsZero():
		shown.Badge = page.Idle("Not yet", "ring")
	case !p.Scheduled:
		shown.Badge = page.Idle("No schedule", "dash")
	}
	return shown
}

// latestRuns is how many syncs the page of a clinic lists.
const latestRuns = 8

// latest lists the clinic's last syncs, and finds one that runs.
func (s *screens) latest(v *page.Visit, of *clinic.Clinic, shown *clinicView) error {
	list, err := s.o.Runs.AuditsAcross(v.Context(), []uuid.UUID{of.ID}, syncs.AuditFilter{Page: syncs.Page{Limit: latestRuns}})
	if err != nil {
		return screen.Told(err)
	}
	for i := range list.Items {
		row := syncpages.RunRowOf(v, of, &list.Items[i])
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
func (s *screens) coming(v *page.Visit, of *clinic.Clinic, shown *clinicView) error {
	if !of.Active {
		shown.Problem = "The clinic is off. Nothing runs by itself."
		return nil
	}
	ticks, err := s.o.Service.Ticks(v.Context(), of.ID, comingDays)
	if err != nil {
		if err = screen.Told(err); err == page.ErrNotFound { //nolint:errorlint // Told returns it as it is
			return err
		}
		if problem, ok := err.(page.Problem); ok { //nolint:errorlint // the same
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

func comingOf(v *page.Visit, t fleet.Tick) comingRun {
	return comingRun{screen.TypeName(t.Type), v.Moment(t.At, t.At.Location())}
}

// syncNow starts a full sync of the clinic.
func (s *screens) syncNow(dry bool) func(*page.Visit) (page.Notice, error) {
	return func(v *page.Visit) (page.Notice, error) {
		id, err := screen.ClinicID(v, access.SyncFull)
		if err != nil {
			return page.Notice{}, err
		}
		started, err := s.o.Start(v, syncs.Request{ClinicID: id, Type: syncs.TypeFull, Options: syncs.Options{DryRun: dry}})
		if err != nil {
			return page.Notice{}, screen.Told(err)
		}
		text := "The sync is on its way."
		if dry {
			text = "The dry run is on its way. It writes nothing."
		}
		return page.Notice{Text: text, Next: screen.RunAddress(started.ID)}, nil
	}
}

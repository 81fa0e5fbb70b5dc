package clinicpages

import (
	"cmp"
	"net/http"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/console/syncpages"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type (
	addView struct {
		Waiting []waitingClinic
		CanAdd  bool
	}

	// A waitingClinic was never synced.
	waitingClinic struct {
		Name, Zone, Address string
		Login               page.Badge
		Added               page.Moment
	}

	setupView struct {
		loginForm
		scheduleForm
		keyForm
		Name, Address, ClinicAddress string
		Steps                        []setupStep
		Step                         string
		Here, Following              setupStep
		Login                        page.Badge
		Tested                       page.Moment
		TestFound                    string
		TestWorks, Suspended         bool
		Run                          *syncpages.RunView
		Busy                         bool // another sync of the clinic runs or waits
	}

	// A setupStep is one part of setting up a clinic. What is stored says whether it is done,
	// so that anybody can go on from its address, at any time.
	setupStep struct {
		Name, Title, Address string
		Done, Current        bool
	}
)

// The steps, in their order.
const (
	stepLogin    = "login"
	stepTest     = "test"
	stepDry      = "dry-run"
	stepSync     = "first-sync"
	stepSchedule = "schedule"
	stepKey      = "key"
)

var setupSteps = []setupStep{
	{Name: stepLogin, Title: "Login"},
	{Name: stepTest, Title: "Test"},
	{Name: stepDry, Title: "Dry run"},
	{Name: stepSync, Title: "First sync"},
	{Name: stepSchedule, Title: "Schedule"},
	{Name: stepKey, Title: "Key"},
}

// addPage adds a clinic, and lists those that were never synced.
func (s *screens) addPage() page.Page {
	return page.Page{
		Path: "/setup", Title: "Add clinics", Template: "setup-add", Needs: access.ChangeClinics, Under: "/",
		Show: func(v *page.Visit) (any, error) { return s.adding(v) },
		Acts: map[string]page.Act{"add": {Needs: access.ChangeSystem, Do: s.addClinic}},
	}
}

func (s *screens) adding(v *page.Visit) (*addView, error) {
	all, err := s.o.Seen(v)
	if err != nil {
		return nil, err
	}
	shown := &addView{CanAdd: v.Caller.Check(access.ChangeSystem, uuid.Nil) == nil}
	for _, x := range all {
		if x.Clinic.Active && !synced(x) {
			shown.Waiting = append(shown.Waiting, waitingClinic{
				x.Clinic.Name, x.Clinic.Timezone, screen.SetupAddress(x.Clinic.ID), screen.LoginBadge(&x.Credentials), v.Moment(x.Clinic.CreatedAt, screen.ZoneOf(&x.Clinic)),
			})
		}
	}
	return shown, nil
}

// synced reports whether any phase of the clinic has succeeded.
func synced(x *screen.Judged) bool {
	for i := range x.Phases {
		if !x.Phases[i].LastSuccess.IsZero() {
			return true
		}
	}
	return false
}

// addClinic adds a clinic with its schedule off. A name that exists already is refused, so
// that a form that is sent twice adds one clinic.
func (s *screens) addClinic(v *page.Visit) (page.Notice, error) {
	added, err := s.o.Service.AddHeld(v.Context(), v.By(), clinic.Clinic{Name: v.Text("name"), Timezone: v.Text("timezone")})
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: added.Name + " is added. Nothing runs by itself yet.", Next: screen.SetupAddress(added.ID)}, nil
}

// setupPage leads through the steps of one clinic.
func (s *screens) setupPage() page.Page {
	return page.Page{
		Path: "/setup/{id}", Title: "Set up a clinic", Template: "setup", Needs: access.ChangeClinics, Under: "/",
		Show:     func(v *page.Visit) (any, error) { return s.setup(v) },
		Searches: true, // the schedule's preview
		Lives:    map[string]page.LiveAct{"test": {Needs: access.OperateClinics, Do: s.testLogin}},
		Acts: map[string]page.Act{
			"set":      {Needs: access.ChangeClinics, Do: leadTo(stepTest, s.setLogin)},
			"resume":   {Needs: access.OperateClinics, Do: leadTo(stepTest, s.resumeLogin)},
			"dry-run":  {Needs: access.SyncFull, Do: leadTo(stepDry, s.syncNow(true))},
			"sync":     {Needs: access.SyncFull, Do: leadTo(stepSync, s.syncNow(false))},
			"schedule": {Needs: access.ChangeClinics, Do: leadTo(stepKey, s.setSchedule)},
			"create":   {Needs: access.ChangeClinics, Do: leadTo(stepKey, s.createKey)},
		},
	}
}

// leadTo shows a step after an act.
func leadTo(step string, do func(*page.Visit) (page.Notice, error)) func(*page.Visit) (page.Notice, error) {
	return func(v *page.Visit) (page.Notice, error) {
		notice, err := do(v)
		notice.Next = v.URL.Path + "?step=" + step
		return notice, err
	}
}

// stepOfAct is the step whose form sends an act.
var stepOfAct = map[string]string{"set": stepLogin, "test": stepTest, "resume": stepTest, "dry-run": stepDry, "sync": stepSync, "schedule": stepSchedule, "create": stepKey}

func (s *screens) setup(v *page.Visit) (*setupView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	id, k := x.Clinic.ID, &x.Credentials
	shown := &setupView{
		Name: x.Clinic.Name, Address: screen.SetupAddress(id), ClinicAddress: screen.ClinicAddress(id), Login: screen.LoginBadge(k), Tested: v.Moment(k.TestedAt, screen.ZoneOf(&x.Clinic)),
		TestFound: testWord(k.TestOutcome), TestWorks: k.TestOutcome == "ok", Suspended: !k.SuspendedAt.IsZero(),
	}
	dry, first, err := s.fullRuns(v, id)
	if err != nil {
		return nil, err
	}
	keys, err := s.o.Service.Keys(v.Context(), id)
	if err != nil {
		return nil, err
	}
	shown.follow(v, map[string]bool{
		stepLogin: k.Set, stepTest: shown.TestWorks, stepDry: dry != nil && dry.Status == syncs.StatusCompleted, stepSync: synced(x),
		stepSchedule: hasSchedule(x.Schedules), stepKey: len(keys) > 0,
	})
	return shown, s.fillStep(v, x, shown, dry, first)
}

// follow finds the step that is shown: the one that the address or the form names, else the
// first that is not done.
func (s *setupView) follow(v *page.Visit, done map[string]bool) {
	var names []string
	for _, step := range setupSteps {
		names = append(names, step.Name)
	}
	s.Step = v.OneOf("step", names...)
	if act := v.PostForm.Get("act"); v.Method == http.MethodPost {
		s.Step = cmp.Or(stepOfAct[act], stepSchedule)
	}
	known := false
	for _, step := range setupSteps {
		known = known || step.Name == s.Step
	}
	for _, step := range setupSteps {
		step.Done, step.Address = done[step.Name], s.Address+"?step="+step.Name
		if !known && !step.Done {
			s.Step, known = step.Name, true
		}
		s.Steps = append(s.Steps, step)
	}
	if !known {
		s.Step = stepKey
	}
	for i := range s.Steps {
		if s.Steps[i].Name != s.Step {
			continue
		}
		s.Steps[i].Current = true
		if s.Here = s.Steps[i]; i+1 < len(s.Steps) {
			s.Following = s.Steps[i+1]
		}
	}
}

// fillStep adds what the present step shows.
func (s *screens) fillStep(v *page.Visit, x *screen.Judged, shown *setupView, dry, first *syncs.Audit) (err error) {
	audit := dry
	switch shown.Step {
	case stepLogin:
		shown.loginForm = s.loginForm(v, x)
		return nil
	case stepSchedule:
		shown.scheduleForm, err = s.scheduleForm(v, x)
		if v.Method != http.MethodPost && !hasSchedule(x.Schedules) {
			shown.turnOn(v, x) // held until now: one click stores them so
		}
		return err
	case stepKey:
		shown.keyForm = newKeyForm(v)
		return nil
	case stepTest:
		return nil
	case stepSync:
		audit = first
	}
	shown.Busy = unfinished(dry) || unfinished(first)
	if audit == nil {
		return nil
	}
	whole, err := s.o.Runs.Audit(v.Context(), x.Clinic.ID, audit.ID)
	if err != nil {
		return screen.Told(err)
	}
	shown.Run, err = s.o.Syncs.RunOf(v, x.Clinic, whole)
	return err
}

func unfinished(a *syncs.Audit) bool { return a != nil && !a.Status.Final() }

// fullRuns returns the clinic's latest dry run and its latest other full sync; nil: none.
func (s *screens) fullRuns(v *page.Visit, id uuid.UUID) (dry, first *syncs.Audit, err error) {
	list, err := s.o.Runs.AuditsAcross(v.Context(), []uuid.UUID{id}, syncs.AuditFilter{Type: syncs.TypeFull, Page: syncs.Page{Limit: 20}})
	if err != nil {
		return nil, nil, screen.Told(err)
	}
	for i := range list.Items {
		switch a := &list.Items[i]; {
		case a.Options.DryRun && dry == nil:
			dry = a
		case !a.Options.DryRun && first == nil:
			first = a
		}
	}
	return dry, first, nil
}

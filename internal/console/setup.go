package console

import (
	"cmp"
	"net/http"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const setupRoot = Root + "/setup"

type (
	addView struct {
		Waiting []waitingClinic
		CanAdd  bool
	}

	// A waitingClinic was never synced.
	waitingClinic struct {
		Name, Zone, Address string
		Login               Badge
		Added               Moment
	}

	setupView struct {
		loginForm
		scheduleForm
		keyForm
		Name, Address, ClinicAddress string
		Steps                        []setupStep
		Step                         string
		Here, Following              setupStep
		Login                        Badge
		Tested                       Moment
		TestFound                    string
		TestWorks, Suspended         bool
		Run                          *runView
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
func (c *console) addPage() Page {
	return Page{
		Path: "/setup", Title: "Add clinics", Template: "setup-add", Needs: access.ChangeClinics, Under: "/",
		Show: func(v *Visit) (any, error) { return c.adding(v) },
		Acts: map[string]Act{"add": {access.ChangeSystem, c.addClinic}},
	}
}

func (c *console) adding(v *Visit) (*addView, error) {
	all, err := c.seen(v.Context(), v)
	if err != nil {
		return nil, err
	}
	shown := &addView{CanAdd: v.Caller.Check(access.ChangeSystem, uuid.Nil) == nil}
	for _, x := range all {
		if x.Clinic.Active && !synced(x) {
			shown.Waiting = append(shown.Waiting, waitingClinic{
				x.Clinic.Name, x.Clinic.Timezone, setupAddress(x.Clinic.ID), loginBadge(&x.Credentials), v.Moment(x.Clinic.CreatedAt, zoneOf(&x.Clinic)),
			})
		}
	}
	return shown, nil
}

func setupAddress(id uuid.UUID) string { return setupRoot + "/" + id.String() }

// synced reports whether any phase of the clinic has succeeded.
func synced(x *judged) bool {
	for i := range x.Phases {
		if !x.Phases[i].LastSuccess.IsZero() {
			return true
		}
	}
	return false
}

// addClinic adds a clinic with its schedule off. A name that exists already is refused, so
// that a form that is sent twice adds one clinic.
func (c *console) addClinic(v *Visit) (Notice, error) {
	added, err := c.o.Service.AddHeld(v.Context(), v.By(), clinic.Clinic{Name: v.Text("name"), Timezone: v.Text("timezone")})
	if err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: added.Name + " is added. Nothing runs by itself yet.", Next: setupAddress(added.ID)}, nil
}

// setupPage leads through the steps of one clinic.
func (c *console) setupPage() Page {
	return Page{
		Path: "/setup/{id}", Title: "Set up a clinic", Template: "setup", Needs: access.ChangeClinics, Under: "/",
		Show:     func(v *Visit) (any, error) { return c.setup(v) },
		Searches: true, // the schedule's preview
		Lives:    map[string]LiveAct{"test": {access.OperateClinics, c.testLogin}},
		Acts: map[string]Act{
			"set":      {access.ChangeClinics, leadTo(stepTest, c.setLogin)},
			"resume":   {access.OperateClinics, leadTo(stepTest, c.resumeLogin)},
			"dry-run":  {access.SyncFull, leadTo(stepDry, c.syncNow(true))},
			"sync":     {access.SyncFull, leadTo(stepSync, c.syncNow(false))},
			"schedule": {access.ChangeClinics, leadTo(stepKey, c.setSchedule)},
			"create":   {access.ChangeClinics, leadTo(stepKey, c.createKey)},
		},
	}
}

// leadTo shows a step after an act.
func leadTo(step string, do func(*Visit) (Notice, error)) func(*Visit) (Notice, error) {
	return func(v *Visit) (Notice, error) {
		notice, err := do(v)
		notice.Next = v.URL.Path + "?step=" + step
		return notice, err
	}
}

// stepOfAct is the step whose form sends an act.
var stepOfAct = map[string]string{"set": stepLogin, "test": stepTest, "resume": stepTest, "dry-run": stepDry, "sync": stepSync, "schedule": stepSchedule, "create": stepKey}

func (c *console) setup(v *Visit) (*setupView, error) {
	x, err := c.theClinic(v)
	if err != nil {
		return nil, err
	}
	id, k := x.Clinic.ID, &x.Credentials
	shown := &setupView{
		Name: x.Clinic.Name, Address: setupAddress(id), ClinicAddress: clinicAddress(id), Login: loginBadge(k), Tested: v.Moment(k.TestedAt, zoneOf(&x.Clinic)),
		TestFound: testWord(k.TestOutcome), TestWorks: k.TestOutcome == "ok", Suspended: !k.SuspendedAt.IsZero(),
	}
	dry, first, err := c.fullRuns(v, id)
	if err != nil {
		return nil, err
	}
	keys, err := c.o.Service.Keys(v.Context(), id)
	if err != nil {
		return nil, err
	}
	shown.follow(v, map[string]bool{
		stepLogin: k.Set, stepTest: shown.TestWorks, stepDry: dry != nil && dry.Status == syncs.StatusCompleted, stepSync: synced(x),
		stepSchedule: hasSchedule(x.Schedules), stepKey: len(keys) > 0,
	})
	return shown, c.fillStep(v, x, shown, dry, first)
}

// follow finds the step that is shown: the one that the address or the form names, else the
// first that is not done.
func (s *setupView) follow(v *Visit, done map[string]bool) {
	s.Step = v.URL.Query().Get("step")
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
func (c *console) fillStep(v *Visit, x *judged, shown *setupView, dry, first *syncs.Audit) (err error) {
	audit := dry
	switch shown.Step {
	case stepLogin:
		shown.loginForm = c.loginForm(v, x)
		return nil
	case stepSchedule:
		shown.scheduleForm, err = c.scheduleForm(v, x)
		if v.Method != http.MethodPost && !hasSchedule(x.Schedules) {
			for i := range shown.Entries {
				shown.Entries[i].On = true // held until now: one click turns them on
			}
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
	whole, err := c.o.Runs.Audit(v.Context(), x.Clinic.ID, audit.ID)
	if err != nil {
		return told(err)
	}
	shown.Run, err = c.runOf(v, x.Clinic, whole)
	return err
}

func unfinished(a *syncs.Audit) bool { return a != nil && !a.Status.Final() }

// fullRuns returns the clinic's latest dry run and its latest other full sync; nil: none.
func (c *console) fullRuns(v *Visit, id uuid.UUID) (dry, first *syncs.Audit, err error) {
	list, err := c.o.Runs.AuditsAcross(v.Context(), []uuid.UUID{id}, syncs.AuditFilter{Type: syncs.TypeFull, Page: syncs.Page{Limit: 20}})
	if err != nil {
		return nil, nil, told(err)
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

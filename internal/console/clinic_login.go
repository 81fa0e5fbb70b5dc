package console

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type (
	loginView struct {
		clinicHead
		loginForm
		Login                         Badge
		Facts                         []fact
		Why, Next                     string // where it needs somebody
		Set                           bool
		CanTest, CanResume, CanChange bool
	}

	// A loginForm asks for the fields that a kind of PIMS declares (R53).
	loginForm struct {
		Providers []choice
		Provider  string
		Fields    []loginField
	}

	loginField struct {
		Name, Label, Value, Default string
		Secret, Required            bool
	}
)

// loginPage shows a clinic's credentials without secrets, tests and replaces them.
func (c *console) loginPage() Page {
	return Page{
		Path: "/clinics/{id}/login", Title: "Login", Template: "clinic-login", Needs: access.ReadClinics, Under: "/",
		Show:  func(v *Visit) (any, error) { return c.login(v) },
		Lives: map[string]LiveAct{"test": {access.OperateClinics, c.testLogin}},
		Acts: map[string]Act{
			"resume": {access.OperateClinics, c.resumeLogin},
			"set":    {access.ChangeClinics, c.setLogin},
		},
	}
}

func (c *console) login(v *Visit) (*loginView, error) {
	x, err := c.theClinic(v)
	if err != nil {
		return nil, err
	}
	id, k, zone := x.Clinic.ID, &x.Credentials, zoneOf(&x.Clinic)
	shown := &loginView{
		clinicHead: headOf(v, x), Login: loginBadge(k), Set: k.Set, CanChange: v.Caller.Check(access.ChangeClinics, id) == nil,
	}
	suspended, operates := !k.SuspendedAt.IsZero(), v.Caller.Check(access.OperateClinics, id) == nil
	shown.CanTest, shown.CanResume = operates && k.Set && !suspended && x.Clinic.Active, operates && suspended
	if x.State == scheduler.ClinicLoginRefused || partOf[x.Code] == "login" {
		shown.Why, shown.Next = explain(x.Code), nextStep(x.Code)
	}
	if shown.CanChange {
		shown.loginForm = c.loginForm(v, x)
	}
	if !k.Set {
		return shown, nil
	}
	shown.Facts = append(shown.Facts, fact{"PIMS", c.providerTitle(x.Provider)})
	for _, f := range shown.Fields {
		if f.Value != "" && v.Typed == nil {
			shown.Facts = append(shown.Facts, fact{f.Label, f.Value})
		}
	}
	if !k.ChangedAt.IsZero() {
		shown.Facts = append(shown.Facts, fact{"Stored", v.Moment(k.ChangedAt, zone).Full()})
	}
	if suspended {
		shown.Facts = append(shown.Facts, fact{"Paused", v.Moment(k.SuspendedAt, zone).Full()})
	}
	if k.TestedAt.IsZero() {
		shown.Facts = append(shown.Facts, fact{"Tested", "never"})
	} else {
		shown.Facts = append(shown.Facts, fact{"Tested", v.Moment(k.TestedAt, zone).Full()}, fact{"It found", testWord(k.TestOutcome)})
	}
	return shown, nil
}

// testWord says how a test ended.
func testWord(outcome string) string {
	if code := map[string]syncs.Code{
		"auth_rejected": syncs.CodeAuthRejected, "auth_challenge": syncs.CodeAuthChallenge, "login_form_changed": syncs.CodeLoginFormChanged,
		"unreachable": syncs.CodeUnreachable, "remote_error": syncs.CodePIMSError, "rate_limited": syncs.CodePIMSRateLimited,
		"schema_drift": syncs.CodeSchemaDrift, "auth_expired": syncs.CodeAuthExpired, "timeout": syncs.CodeTimeout,
	}[outcome]; code != "" {
		return explain(code)
	}
	if outcome == "ok" {
		return "The login works"
	}
	return outcome
}

// providerTitle returns the name of a kind of PIMS for people.
func (c *console) providerTitle(name string) string {
	for _, d := range c.o.Service.Providers() {
		if d.Name == name {
			return d.Title
		}
	}
	return name
}

// loginForm returns the fields of the kind of PIMS that was chosen, else of the stored one,
// else of the first. Fields that are no secret have their stored values.
func (c *console) loginForm(v *Visit, x *judged) loginForm {
	declared := c.o.Service.Providers()
	form := loginForm{Provider: cmp.Or(v.Text("provider"), x.Provider)}
	var stored map[string]string
	if x.Credentials.Set && form.Provider == x.Provider {
		// Where they cannot be opened there are none; the page says so by its state.
		stored, _ = c.o.Service.PublicFields(v.Context(), x.Clinic.ID)
	}
	chosen := pims.Declaration{}
	for i, d := range declared {
		if d.Name == form.Provider || i == 0 {
			chosen = d
		}
	}
	form.Provider = chosen.Name
	for _, d := range declared {
		form.Providers = append(form.Providers, choice{d.Name, d.Title, d.Name == chosen.Name})
	}
	for _, f := range chosen.Fields {
		field := loginField{Name: f.Name, Label: f.Label, Default: f.Default, Secret: f.Secret, Required: f.Required && f.Default == ""}
		if !f.Secret {
			if field.Value = stored[f.Name]; v.Typed != nil {
				field.Value = v.Typed.Get("field." + f.Name)
			}
		}
		form.Fields = append(form.Fields, field)
	}
	return form
}

// setLogin stores credentials in place of the old ones.
func (c *console) setLogin(v *Visit) (Notice, error) {
	id, err := v.clinicID(access.ChangeClinics)
	if err != nil {
		return Notice{}, err
	}
	credentials := pims.Credentials{}
	for _, d := range c.o.Service.Providers() {
		if d.Name != v.Text("provider") {
			continue
		}
		for _, f := range d.Fields {
			value := v.PostForm.Get("field." + f.Name)
			if !f.Secret {
				value = v.Text("field." + f.Name)
			}
			if value != "" {
				credentials[f.Name] = value
			}
		}
	}
	if err := c.o.Service.SetCredential(v.Context(), v.By(), id, v.Text("provider"), credentials); err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "Stored and sealed. Test the login next."}, nil
}

// resumeLogin uses suspended credentials again (R32).
func (c *console) resumeLogin(v *Visit) (Notice, error) {
	id, err := v.clinicID(access.OperateClinics)
	if err != nil {
		return Notice{}, err
	}
	if err := c.o.Service.ResumeCredential(v.Context(), v.By(), id); err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "The login is in use again. Test it before the next sync does: another refusal pauses it again."}, nil
}

// stepWords are the steps of a test, while they run and when they are over.
var stepWords = map[clinic.Step][2]string{
	clinic.StepLogin:    {"Signing in with a headless browser", "Signed in"},
	clinic.StepSession:  {"Proving that the session is this practice's", "The session is this practice's"},
	clinic.StepCalendar: {"Reading today's calendar", "Read today's calendar"},
}

// testLimit is how long a test of a login may take.
const testLimit = 90 * time.Second

// testLogin signs in to the PIMS and tells each step.
func (c *console) testLogin(v *Visit, tell func(liveLine)) error {
	id, err := v.clinicID(access.OperateClinics)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(v.Context(), testLimit, syncs.ErrTimeout)
	defer cancel()
	ctx = clinic.WatchSteps(ctx, func(step clinic.Step, over bool, took time.Duration) {
		if over {
			tell(liveLine{Badge: Badge{stepWords[step][1], "check", "good"}, Text: length(took)})
			return
		}
		tell(liveLine{Badge: Badge{stepWords[step][0] + " …", "ring", "idle"}, Begins: true})
	})
	found, err := c.o.Service.TestCredential(ctx, v.By(), id)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		failure := casesync.Explain(err)
		tell(liveLine{Badge: Badge{explain(failure.Code), "triangle", "bad"}, Text: sentence(failure.Message), More: nextStep(failure.Code), Last: true})
		if _, all := inWords(err); !all {
			return err
		}
		return nil
	}
	tell(liveLine{Badge: Badge{"The login works", "check", "good"}, Text: fmt.Sprintf("%s on %s.", counted(found.Appointments, "appointment"), found.Day), Last: true})
	return nil
}

package clinicpages

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type (
	loginView struct {
		screen.Head
		loginForm
		Login                         page.Badge
		Facts                         []page.Fact
		Why, Next                     string // where it needs somebody
		Set                           bool
		CanTest, CanResume, CanChange bool
	}

	// A loginForm asks for the fields that a kind of PIMS declares (R53).
	loginForm struct {
		Providers []page.Choice
		Provider  string
		Fields    []loginField
	}

	loginField struct {
		Name, Label, Value, Default string
		Secret, Required            bool
	}
)

// loginPage shows a clinic's credentials without secrets, tests and replaces them.
func (s *screens) loginPage() page.Page {
	return page.Page{
		Path: "/clinics/{id}/login", Title: "Login", Template: "clinic-login", Needs: access.ReadClinics, Under: "/",
		Show:  func(v *page.Visit) (any, error) { return s.login(v) },
		Lives: map[string]page.LiveAct{"test": {Needs: access.OperateClinics, Do: s.testLogin}},
		Acts: map[string]page.Act{
			"resume": {Needs: access.OperateClinics, Do: s.resumeLogin},
			"set":    {Needs: access.ChangeClinics, Do: s.setLogin},
		},
	}
}

func (s *screens) login(v *page.Visit) (*loginView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	id, k, zone := x.Clinic.ID, &x.Credentials, screen.ZoneOf(&x.Clinic)
	shown := &loginView{
		Head: screen.HeadOf(v, x), Login: screen.LoginBadge(k), Set: k.Set, CanChange: v.Caller.Check(access.ChangeClinics, id) == nil,
	}
	suspended, operates := !k.SuspendedAt.IsZero(), v.Caller.Check(access.OperateClinics, id) == nil
	shown.CanTest, shown.CanResume = operates && k.Set && !suspended && x.Clinic.Active, operates && suspended
	if x.State == scheduler.ClinicLoginRefused || screen.PartOf[x.Code] == "login" {
		shown.Why, shown.Next = screen.Explain(x.Code), screen.NextStep(x.Code)
	}
	if shown.CanChange {
		shown.loginForm = s.loginForm(v, x)
	}
	if !k.Set {
		return shown, nil
	}
	shown.Facts = append(shown.Facts, page.Fact{Name: "PIMS", Value: s.providerTitle(x.Provider)})
	for _, f := range shown.Fields {
		if f.Value != "" && v.Typed == nil {
			shown.Facts = append(shown.Facts, page.Fact{Name: f.Label, Value: f.Value})
		}
	}
	if !k.ChangedAt.IsZero() {
		shown.Facts = append(shown.Facts, page.Fact{Name: "Stored", Value: v.Moment(k.ChangedAt, zone).Full()})
	}
	if suspended {
		shown.Facts = append(shown.Facts, page.Fact{Name: "Paused", Value: v.Moment(k.SuspendedAt, zone).Full()})
	}
	if k.TestedAt.IsZero() {
		shown.Facts = append(shown.Facts, page.Fact{Name: "Tested", Value: "never"})
	} else {
		shown.Facts = append(shown.Facts, page.Fact{Name: "Tested", Value: v.Moment(k.TestedAt, zone).Full()}, page.Fact{Name: "It found", Value: testWord(k.TestOutcome)})
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
		return screen.Explain(code)
	}
	if outcome == "ok" {
		return "The login works"
	}
	return outcome
}

// providerTitle returns the name of a kind of PIMS for people.
func (s *screens) providerTitle(name string) string {
	for _, d := range s.o.Service.Providers() {
		if d.Name == name {
			return d.Title
		}
	}
	return name
}

// loginForm returns the fields of the kind of PIMS that was chosen, else of the stored one,
// else of the first. Fields that are no secret have their stored values.
func (s *screens) loginForm(v *page.Visit, x *screen.Judged) loginForm {
	declared := s.o.Service.Providers()
	form := loginForm{Provider: cmp.Or(v.Text("provider"), x.Provider)}
	var stored map[string]string
	if x.Credentials.Set && form.Provider == x.Provider {
		// Where they cannot be opened there are none; the page says so by its state.
		stored, _ = s.o.Service.PublicFields(v.Context(), x.Clinic.ID)
	}
	chosen := pims.Declaration{}
	for i, d := range declared {
		if d.Name == form.Provider || i == 0 {
			chosen = d
		}
	}
	form.Provider = chosen.Name
	for _, d := range declared {
		form.Providers = append(form.Providers, page.Choice{Value: d.Name, Title: d.Title, Chosen: d.Name == chosen.Name})
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
func (s *screens) setLogin(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	credentials := pims.Credentials{}
	for _, d := range s.o.Service.Providers() {
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
	if err := s.o.Service.SetCredential(v.Context(), v.By(), id, v.Text("provider"), credentials); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "Stored and sealed. Test the login next."}, nil
}

// resumeLogin uses suspended credentials again (R32).
func (s *screens) resumeLogin(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.OperateClinics)
	if err != nil {
		return page.Notice{}, err
	}
	if err := s.o.Service.ResumeCredential(v.Context(), v.By(), id); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "The login is in use again. Test it before the next sync does: another refusal pauses it again."}, nil
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
func (s *screens) testLogin(v *page.Visit, tell func(page.Line)) error {
	id, err := screen.ClinicID(v, access.OperateClinics)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(v.Context(), testLimit, syncs.ErrTimeout)
	defer cancel()
	ctx = clinic.WatchSteps(ctx, func(step clinic.Step, over bool, took time.Duration) {
		if over {
			tell(page.Line{Badge: page.Good(stepWords[step][1], "check"), Text: page.Length(took)})
			return
		}
		tell(page.Line{Badge: page.Idle(stepWords[step][0]+" …", "ring"), Begins: true})
	})
	var shot []byte
	ctx = pims.SeeFailedPage(ctx, func(jpeg []byte) { shot = jpeg })
	found, err := s.o.Service.TestCredential(ctx, v.By(), id)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		failure := casesync.Explain(err)
		tell(page.Line{
			Badge: page.Bad(screen.Explain(failure.Code), "triangle"), Text: page.Sentence(failure.Message), More: screen.NextStep(failure.Code), Last: true,
			JPEG: shot, PictureOf: "The PIMS's page at that moment. What was typed is covered. The picture is not kept.",
		})
		if _, all := screen.InWords(err); !all {
			return err
		}
		return nil
	}
	tell(page.Line{Badge: page.Good("The login works", "check"), Text: fmt.Sprintf("%s on %s.", page.Counted(found.Appointments, "appointment"), found.Day), Last: true})
	return nil
}

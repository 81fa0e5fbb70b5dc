package console

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/practice"
)

// Every screen is read, and every main form sent, in a browser that runs no script.
func TestTheConsoleWorksWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.pims.Require(pims.FieldUsername, pims.FieldPassword)
	s.fleet(t, 3)
	harbor, tierpraxis := s.clinicNamed(t, "Harbor"), s.clinicNamed(t, "Tierpraxis")
	plan := s.deletions(t, tierpraxis, 24)
	endpoint, channel := s.outgoingEvents(t)
	s.setCredential(t, harbor)
	require.NoError(t, trendstore.New(s.db).Count(t.Context(), s.clock.Now()))
	_, token, err := s.reports.Create(t.Context(), root, harbor, "front desk")
	require.NoError(t, err)
	run := selected[uuid.UUID](t, s, "select id from case_sync_audits where clinic_id = $1 limit 1", harbor)[0]
	row := selected[uuid.UUID](t, s, "select id from cases where clinic_id = $1 limit 1", tierpraxis)[0]

	w := s.window(t)
	command(t, w, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	w.look(t, 1280, "light")
	w.signIn(t, s.invite(t, peopleOf("ada@example.com", access.RoleAdmin)))
	require.Equal(t, "undefined", evaluate[string](t, w, "typeof htmx"))
	for _, screen := range []struct{ path, words string }{
		{"/console", "Harbor Lights"},
		{"/console/needs", "Waiting plans"},
		{screen.PlanAddress(plan), "Approve 24"},
		{screen.ClinicAddress(harbor), "The last 30 days"},
		{screen.ClinicAddress(harbor) + "/login", "Stored"},
		{screen.ClinicAddress(harbor) + "/schedule", "Next ten"},
		{screen.ClinicAddress(harbor) + "/settings", "Words of the practice"},
		{screen.ClinicAddress(harbor) + "/keys", "Create a key"},
		{screen.ClinicAddress(harbor) + "/practice", "Links to it"},
		{"/console/runs", "Began"},
		{screen.RunAddress(run), "Phases"},
		{"/console/cases", "Search"},
		{screen.CaseAddress(row), "What happened"},
		{"/console/setup", "A new clinic"},
		{"/console/setup/csv", "Its columns"},
		{"/console/trends", "Refused logins"},
		{"/console/system", "This installation"},
		{"/console/people", "Invite somebody"},
		{"/console/fleet-keys", "Create a key"},
		{"/console/log", "Signed in"},
		{"/console/events", "Plan waits"},
		{"/console/webhooks", "Add an endpoint"},
		{"/console/webhooks/" + endpoint.String(), "Deliver"},
		{"/console/notifications", "Add a channel"},
		{"/console/notifications/" + channel.String(), "Send a test"},
		{"/console/you", "Sessions"},
		{practice.Address("", token), "Next check"},
	} {
		w.open(t, screen.path)
		require.Contains(t, evaluate[string](t, w, "document.querySelector('main').innerText"), screen.words, screen.path)
	}

	click := func(what, leadsTo string) {
		t.Helper()
		w.do(t, chromedp.Click(what), chromedp.WaitVisible(leadsTo))
	}
	const notice = ".note"
	w.open(t, "/console")
	w.do(t, chromedp.SendKeys("#q", "harbor"))
	click(".filters .button", `#q[value="harbor"]`)
	click("a[data-menu]", "form.ask")
	click(`form.ask [value="dry"]`, "#run")
	w.open(t, "/console")
	w.do(t, chromedp.Click("details.pop > summary"))
	click(`#many [name="all"]`, "form.ask .primary")
	w.open(t, screen.PlanAddress(plan))
	w.do(t, chromedp.SendKeys("#reason", "The practice moved a week."))
	click(`form:has([value="reject"]) button`, notice)
	w.open(t, screen.ClinicAddress(harbor)+"/login")
	click(`form:has([value="test"]) button`, ".steps .last")
	w.open(t, "/console/cases?clinic="+tierpraxis.String())
	w.do(t, chromedp.SendKeys("#q", "Juno"))
	click("#search .primary", ".cards")
	w.open(t, screen.ClinicAddress(harbor)+"/schedule")
	click(`[name="act"][value="schedule"]`, notice)
	w.open(t, screen.ClinicAddress(harbor)+"/keys")
	w.do(t, chromedp.Click("details.add > summary"), chromedp.SendKeys("#name", "website"))
	click("details.add .primary", "code.copy")
	w.open(t, "/console/people")
	w.do(t, chromedp.Click("details.add > summary"), chromedp.SendKeys("#email", "grace@example.com"))
	click("details.add .primary", "code.copy")
	w.open(t, "/console/setup")
	w.do(t, chromedp.SendKeys("#name", "Old Quay Vets"), chromedp.SendKeys("#timezone", "Europe/London"))
	click(".stack .primary", ".stepper")
	click(`.side-body [value="dark"]`, `:root[data-theme="dark"]`)
	click(`.side-body [action="/console/sign-out"] button`, "#password")
	require.Subset(t, selected[string](t, s, "select action || ' ' || outcome from operator_events"), []string{
		"sync.start done", "plan.reject done", "credentials.test done", "schedules.set done", "key.create done", "person.add done", "clinic.add done", "person.sign_out done",
	})
	s.requireNoFault(t)
}

package console

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/practice"
)

// screenshots is a folder for pictures of every page: `make screenshots`.
var screenshots = flag.String("screenshots", "", "write pictures of each page to this folder")

//go:embed testdata/axe-4.14.1.min.js
var axe string

// A window is a real Chromium with one tab.
type window struct {
	site *site
	ctx  context.Context //nolint:containedctx // the tab is its context
}

// window opens a browser. Every request that leaves the site, except to these addresses,
// fails the test.
func (s *site) window(t *testing.T, except ...string) *window {
	t.Helper()
	path, err := browser.Find("")
	require.NoError(t, err, "these tests need a browser")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	w, allowed := &window{s, ctx}, slices.Concat(except, []string{s.URL, "about:", "data:image/svg"}) // the last are the browser's own icons
	require.NoError(t, chromedp.Do(ctx))                                                              // opens it
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		sent, ok := event.(*network.EventRequestWillBeSent)
		if ok && !slices.ContainsFunc(allowed, func(beginning string) bool { return strings.HasPrefix(sent.Request.URL, beginning) }) {
			t.Errorf("a request left the site: %s", sent.Request.URL)
		}
	}))
	command(t, w, network.Enable, network.EnableParams{})
	return w
}

// do takes steps, each of which waits for what it needs.
func (w *window) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, steps...))
}

// command sends a command of the protocol.
func command[P, R any](t *testing.T, w *window, c cdp.Command[P, R], params P) R {
	t.Helper()
	result, err := chromedp.Call(w.ctx, c, params)
	require.NoError(t, err)
	return result
}

// evaluate returns the value of a script's expression, or of its promise.
func evaluate[T any](t *testing.T, w *window, script string) T {
	t.Helper()
	value, err := chromedp.Run(w.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return value
}

// look sets the window's width and the system's colours.
func (w *window) look(t *testing.T, width int64, theme string) {
	t.Helper()
	command(t, w, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
	command(t, w, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}, // no colour on its way to another
	}})
}

// open loads a page. Where the present page has not loaded whole, Chromium now and then gives
// the new load up (net::ERR_ABORTED); then it asks again.
func (w *window) open(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Navigate(w.site.URL+path))
	for err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		err = chromedp.Do(ctx, chromedp.Navigate(w.site.URL+path))
	}
	require.NoError(t, err)
	w.do(t, chromedp.WaitReady("main"))
}

// signIn signs a person in through the form.
func (w *window) signIn(t *testing.T, p people.Person) {
	t.Helper()
	w.open(t, "/console/sign-in")
	w.do(t, chromedp.SendKeys("#email", p.Email), chromedp.SendKeys("#password", password),
		chromedp.Submit("#password"), chromedp.WaitVisible(".side"))
}

// requireAccessible runs axe on the page as it is. WCAG 2.2 AA.
func (w *window) requireAccessible(t *testing.T, name string) {
	t.Helper()
	if !evaluate[bool](t, w, `"axe" in window`) {
		evaluate[chromedp.Void](t, w, axe)
	}
	found := evaluate[string](t, w,
		`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({rule: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))))`)
	var violations []struct {
		Rule, Help string
		Nodes      []string
	}
	require.NoError(t, json.Unmarshal([]byte(found), &violations))
	for _, v := range violations {
		t.Errorf("%s: %s: %s\n%s", name, v.Rule, v.Help, strings.Join(v.Nodes, "\n"))
	}
}

// requireFits fails where the page is wider than the window.
func (w *window) requireFits(t *testing.T, name string) {
	t.Helper()
	over := evaluate[int](t, w, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
	require.LessOrEqual(t, over, 0, "%s: the page scrolls sideways", name)
}

// picture writes what the window shows, if pictures are wanted.
func (w *window) picture(t *testing.T, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	png := command(t, w, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	require.NoError(t, os.MkdirAll(*screenshots, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(*screenshots, name+".png"), png.Data, 0o600))
}

// inspect looks at a page in both themes and at several widths. axe looks at each theme and
// at each layout once.
func (w *window) inspect(t *testing.T, name string) {
	t.Helper()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280, 2560} {
			checked := theme == "light" && width == 1280 || theme == "dark" && width == 390
			if !checked && *screenshots == "" {
				continue
			}
			w.look(t, width, theme)
			at := fmt.Sprintf("%s-%d-%s", name, width, theme)
			w.requireFits(t, at)
			w.picture(t, at)
			if checked && (theme == "light" || !testing.Short()) {
				w.requireAccessible(t, at)
			}
		}
	}
}

// loginPage is a picture of a page, as a browser takes one of a failed login.
func loginPage(t *testing.T) []byte {
	t.Helper()
	var shot bytes.Buffer
	require.NoError(t, jpeg.Encode(&shot, image.NewGray(image.Rect(0, 0, 1024, 768)), nil))
	return shot.Bytes()
}

func TestEveryPageIsAccessibleInBothThemesAndAtEveryWidth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 60)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleViewer, Limited: true})
	failing, refused := s.clinicNamed(t, "Clínica"), s.clinicNamed(t, "Wattle")
	plan := s.deletions(t, s.clinicNamed(t, "Tierpraxis"), 24)
	s.pims.Require("username", "password")
	s.words(t, failing)
	_, _, err := s.service.CreateKey(t.Context(), root, clinic.APIKey{ClinicID: failing, Name: "practice website"})
	require.NoError(t, err)
	link, err := s.people.ConsoleLink(t.Context(), "root")
	require.NoError(t, err)
	invited, err := s.people.Invite(t.Context(), root, people.Person{Email: "new@example.com", Role: access.RoleOperator})
	require.NoError(t, err)
	invitation, err := s.people.InviteLink(t.Context(), invited.ID)
	require.NoError(t, err)

	endpoint, channel := s.outgoingEvents(t)

	w := s.window(t, "data:image/jpeg") // the picture of a failed login
	w.open(t, "/console/sign-in")
	w.inspect(t, "sign-in")
	w.open(t, "/console/link?token="+url.QueryEscape(invitation))
	w.inspect(t, "invitation")
	w.open(t, "/console/link?token=none")
	w.inspect(t, "link-used")
	_, _, err = s.service.CreateFleetKey(t.Context(), root, access.FleetKey{Name: "night monitor", Scope: access.FleetRead})
	require.NoError(t, err)
	for _, name := range []string{"Harbour Lights", "Harbor Lights Animal Clinic"} {
		_, err = s.service.SetClinic(t.Context(), root, s.clinicNamed(t, "Harb"), fleet.ClinicChange{Name: &name})
		require.NoError(t, err)
	}
	_, token, err := s.reports.Create(t.Context(), root, s.clinicNamed(t, "Harbor"), "front desk")
	require.NoError(t, err)
	s.month(t, s.clinicNamed(t, "Harbor"))
	require.NoError(t, trendstore.New(s.db).Count(t.Context(), s.clock.Now()))
	s.installation(t)
	s.syncing(t, "Harbor", "full", false)
	s.syncing(t, "Tierpraxis", "inbound", true)
	w.signIn(t, admin)
	for name, path := range map[string]string{
		"fleet": "/console", "fleet-page-2": "/console?page=2&sort=-asof", "fleet-none": "/console?q=nothing+like+this",
		"people": "/console/people", "you": "/console/you", "missing": "/console/nothing", "needs": "/console/needs", "needs-none": "/console/needs?kind=volume",
		"plan": screen.PlanAddress(plan), "clinic": screen.ClinicAddress(failing), "clinic-off": screen.ClinicAddress(s.clinicNamed(t, "Old Mill")),
		"setup-add": "/console/setup", "setup-csv": "/console/setup/csv", "setup-login": screen.SetupAddress(s.clinicNamed(t, "Fjord")), "setup-dry-run": screen.SetupAddress(failing) + "?step=dry-run",
		"setup-schedule": screen.SetupAddress(failing) + "?step=schedule", "setup-key": screen.SetupAddress(failing) + "?step=key",
		"clinic-schedule": screen.ClinicAddress(failing) + "/schedule", "clinic-settings": screen.ClinicAddress(failing) + "/settings", "clinic-keys": screen.ClinicAddress(failing) + "/keys",
		"clinic-login": screen.ClinicAddress(refused) + "/login", "clinic-login-none": screen.ClinicAddress(s.clinicNamed(t, "Fjord")) + "/login",
		"trends": "/console/trends", "system": "/console/system", "practice": practice.Address("", token), "clinic-practice": screen.ClinicAddress(failing) + "/practice",
		"events": "/console/events", "webhooks": "/console/webhooks", "webhook": "/console/webhooks/" + endpoint.String(),
		"notifications": "/console/notifications", "notification": "/console/notifications/" + channel.String(),
		"log": "/console/log", "fleet-keys": "/console/fleet-keys", "actions": "/console/actions?do=sync&all=1&state=ok",
	} {
		w.open(t, path)
		w.inspect(t, name)
	}
	w.open(t, "/console/people")
	w.do(t, chromedp.Click("details.add > summary"), chromedp.WaitVisible("#email"))
	w.inspect(t, "people-invite")
	s.setCredential(t, failing)
	w.open(t, screen.ClinicAddress(failing)+"/login")
	w.do(t, chromedp.Click(`form:has([value="test"]) button`), chromedp.WaitVisible(".steps .last"))
	w.inspect(t, "clinic-login-test")
	s.pims.OnCall(func(ctx context.Context, _ pimstest.Call) error {
		if see := pims.FailedPageSeer(ctx); see != nil {
			see(loginPage(t))
		}
		return pims.ErrAuthChallenge
	})
	w.open(t, screen.ClinicAddress(failing)+"/login")
	w.do(t, chromedp.Click(`form:has([value="test"]) button`), chromedp.WaitVisible(".shot img"))
	w.inspect(t, "clinic-login-failed")
	s.pims.OnCall(nil)
	w.open(t, "/console/setup/csv")
	w.do(t, chromedp.SendKeys("#csv", "name,timezone,username,password\nOld Mill Vets,Europe/London,desk@example.com,secret\nNowhere Vets,Mars/Base,,\n"), chromedp.Click("form.stack button"), chromedp.WaitVisible("#start"))
	w.inspect(t, "setup-csv-lines")
	w.look(t, 390, "dark")
	w.do(t, chromedp.Click(".side-menu > summary"), chromedp.WaitVisible(".side-sheet nav"))
	w.requireAccessible(t, "menu")
	w.picture(t, "menu-390-dark")

	// The command line's link signs in by itself where scripts run.
	command(t, w, network.ClearBrowserCookies, cdp.Empty{})
	w.open(t, "/console/link?token="+url.QueryEscape(link))
	w.do(t, chromedp.WaitVisible("#fleet"))
	s.requireNoFault(t)
}

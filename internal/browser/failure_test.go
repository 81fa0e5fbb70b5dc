package browser

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// hasty is short enough for tests of what never comes, and long enough for a loaded
// machine to show what does.
const hasty = 8 * time.Second

// requireFailure logs in and demands a kind of error, and that it tells no secret. It
// returns what it tells.
func requireFailure(t *testing.T, c *Chromium, form pims.LoginForm, kind error) string {
	t.Helper()
	session, err := c.Login(t.Context(), form)
	return requireFailed(t, session, err, kind)
}

// requireFailed demands of a login's outcome what requireFailure does.
func requireFailed(t *testing.T, session pims.BrowserSession, err, kind error) string {
	t.Helper()
	require.ErrorIs(t, err, kind)
	require.Equal(t, pims.Kind(kind), pims.Kind(err))
	require.Zero(t, session)
	for _, secret := range []string{username, password, "Maintenance"} {
		require.NotContains(t, err.Error(), secret)
	}
	return err.Error()
}

func TestLoginUnderstandsWhatTheSiteAnswers(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	refuse := func(status int, text string) routes {
		return routes{"POST /session": answer(status, text)}
	}
	const notice = `<div class=error-message>An incorrect password entered three times locks the account.</div>`
	tests := map[string]struct {
		routes routes
		want   error
	}{
		"wrong credentials": {
			refuse(http.StatusUnauthorized, "Invalid username or password for "+username), pims.ErrAuthRejected,
		},
		"a locked account": {
			refuse(http.StatusForbidden, "Your account "+username+" is locked"), pims.ErrAuthChallenge,
		},
		"too many attempts": {
			refuse(http.StatusTooManyRequests, "Too many attempts. Try again later."), pims.ErrAuthChallenge,
		},
		"a wrong password after too many attempts": { // R32
			refuse(http.StatusTooManyRequests, "Too many attempts. Incorrect password."), pims.ErrAuthRejected,
		},
		"maintenance": {
			refuse(http.StatusConflict, "Maintenance, "+username), pims.ErrRemote,
		},
		"a text without meaning and a status with one": {
			refuse(http.StatusTooManyRequests, "Sorry, "+username), pims.ErrRateLimited,
		},
		"a refusal under the path that the form was sent to": {
			routes{
				"GET /login":    html(plainForm),
				"POST /session": html(`<div class=alert-danger>These credentials do not match our records.</div>` + plainForm),
			}, pims.ErrAuthRejected,
		},
		"a refusal that names the user": {
			routes{
				"GET /login":    html(plainForm),
				"POST /session": html(`<div class=alert-danger>User "` + username + `" does not exist.</div>` + plainForm),
			}, pims.ErrAuthRejected,
		},
		"a notice that stood there before": { // R32
			routes{
				"GET /login":    html(notice + plainForm),
				"POST /session": html(notice + `<div class=alert-danger>Please try again later.</div>` + plainForm),
			}, pims.ErrRemote,
		},
		"a notice that stood there before, and a refusal": { // R32
			routes{
				"GET /login":    html(notice + plainForm),
				"POST /session": html(notice + `<div class=alert-danger>Wrong password</div>` + plainForm),
			}, pims.ErrAuthRejected,
		},
		"a refusal that is drawn": {
			routes{
				"GET /login":    html(plainForm),
				"POST /session": html(`<div class=alert-danger><svg width=300 height=20><text x=0 y=15>Wrong password</text></svg></div>` + plainForm),
			}, pims.ErrAuthRejected,
		},
		"a refusal on the login page, loaded again": {
			routes{
				"GET /login": html(plainForm),
				"POST /session": func(w http.ResponseWriter, r *http.Request) {
					http.SetCookie(w, &http.Cookie{Name: "neo_session", Value: "anonymous"})
					http.Redirect(w, r, "/login/again", http.StatusSeeOther)
				},
				"GET /login/again": html(plainForm + `<div class=alert-danger>Wrong password</div>`),
			}, pims.ErrAuthRejected,
		},
		"a captcha before": {
			routes{"GET /login": html(scriptedForm + `<div class=captcha>Are you a robot?</div>`)}, pims.ErrAuthChallenge,
		},
		"a captcha instead of the form": {
			routes{"GET /login": html(`<div class=captcha>Are you a robot?</div>`)}, pims.ErrAuthChallenge,
		},
		"a second factor": {
			routes{"GET /dashboard": html(`<form><input name=otp></form>`)}, pims.ErrAuthChallenge,
		},
		"a second factor below the login page": {
			routes{"GET /dashboard": redirect("/login/verify"), "GET /login/verify": html(`<input name=otp>`)}, pims.ErrAuthChallenge,
		},
		"a server error for the login page": {
			routes{"GET /login": answer(http.StatusInternalServerError, "Oops")}, pims.ErrRemote,
		},
		"a server error without a page": {
			routes{"GET /login": answer(http.StatusBadGateway, "")}, pims.ErrRemote,
		},
		"a server error after the form": {
			routes{"GET /login": html(plainForm), "POST /session": answer(http.StatusServiceUnavailable, "Maintenance")}, pims.ErrRemote,
		},
		"too many requests": {
			routes{"GET /login": answer(http.StatusTooManyRequests, "Slow down")}, pims.ErrRateLimited,
		},
		"a download": {
			routes{"GET /login": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Disposition", "attachment; filename=login.bin")
				w.Header().Set("Content-Type", "application/octet-stream")
				_, _ = io.WriteString(w, "no page")
			}}, pims.ErrLoginFormChanged,
		},
		"nothing": {
			routes{"GET /login": answer(http.StatusNoContent, "")}, pims.ErrLoginFormChanged,
		},
		"a redirect to a mail address": {
			routes{"GET /login": redirect("mailto:reception@example.com")}, pims.ErrLoginFormChanged,
		},
		"a redirect to a mail address by another page": {
			routes{"GET /login": redirect("/moved"), "GET /moved": redirect("tel:5550142")}, pims.ErrLoginFormChanged,
		},
		"a connection that breaks": {
			routes{"GET /login": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, pims.ErrUnreachable,
		},
		"a connection that breaks after the form": {
			routes{"GET /login": html(plainForm), "POST /session": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, pims.ErrUnreachable,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFailure(t, c, newSite(t, test.routes).form(), test.want)
		})
	}
}

func TestLoginDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty, MaxLogins: 4})
	tests := map[string]struct {
		routes routes
		want   error
		text   string
	}{
		"for a server that does not answer": {
			routes{"GET /login": hang}, pims.ErrUnreachable, "did not come within 8s",
		},
		"for a page that never ends": {
			routes{"GET /login": func(w http.ResponseWriter, r *http.Request) {
				html(scriptedForm)(w, r)
				_ = http.NewResponseController(w).Flush()
				hang(w, r)
			}}, pims.ErrUnreachable, "did not come to an end",
		},
		"for a page whose script never ends": {
			routes{"GET /login": html(scriptedForm + `<script>for (;;);</script>`)}, pims.ErrUnreachable, "did not come within 8s",
		},
		"for a field that is gone": {
			routes{"GET /login": html(strings.Replace(scriptedForm, "name=password", "name=secret", 1))},
			pims.ErrLoginFormChanged, "it shows no field input[name=password]",
		},
		"for a page that is gone": {
			routes{"GET /login": answer(http.StatusNotFound, "Nothing here")}, pims.ErrLoginFormChanged, "(HTTP 404)",
		},
		"for a page that says that it is closed": {
			routes{"GET /login": html("<h1>Wartungsarbeiten</h1><p>Wir sind in Kürze wieder für Sie da.")}, pims.ErrServer, "closed for maintenance",
		},
		"for a page that is gone, in words of maintenance": {
			routes{"GET /login": answer(http.StatusNotFound, "The service is not available")}, pims.ErrLoginFormChanged, "(HTTP 404)",
		},
		"for another form that tells of maintenance": {
			routes{"GET /login": html("<h1>Maintenance</h1><form><input name=code></form>")}, pims.ErrLoginFormChanged, "it shows no field",
		},
		"for a button that is gone": {
			routes{"GET /login": html(strings.Replace(scriptedForm, button, "", 1))},
			pims.ErrLoginFormChanged, "it shows no button",
		},
		"for a required field that nobody fills in": {
			routes{"GET /login": html(strings.Replace(plainForm, button, `<select name=site1 required><option value="">choose<option value=1>Harbor Street</select>`+button, 1))},
			pims.ErrLoginFormChanged, `its field "site9" is required and not filled in, so that the form was not submitted`,
		},
		"for a field that does not take what is stored": {
			routes{"GET /login": html(strings.Replace(plainForm, "name=password", `name=password pattern="x"`, 1))},
			pims.ErrLoginFormChanged, `its field "password" does not take what is stored for it, so that the form was not submitted`,
		},
		"for pages that redirect in a circle": {
			routes{"GET /login": redirect("/login")}, pims.ErrUnreachable, "redirect in a circle",
		},
		"for a button that stays disabled": {
			routes{"GET /login": html(strings.Replace(scriptedForm, "<button", "<button disabled", 1))},
			pims.ErrLoginFormChanged, "its button cannot be pressed",
		},
		"for a field that keeps nothing": {
			routes{"GET /login": html(scriptedForm + `<script>document.querySelector("[name=password]").oninput = (event) => { event.target.value = "" }</script>`)},
			pims.ErrLoginFormChanged, "field input[name=password] does not keep what is typed into it",
		},
		"for an end that does not come": {
			routes{"POST /session": hang}, pims.ErrLoginFormChanged, "neither left nor refused",
		},
		"for an end that says that it is closed": {
			routes{"GET /login": html(plainForm), "POST /session": html("<h1>Maintenance</h1><p>We will be back soon.")}, pims.ErrServer, "closed for maintenance",
		},
		"for an end that failed in a script": {
			routes{"GET /login": html(scriptedForm + `<script>document.querySelector(".error-message").remove()</script>`), "POST /session": answer(http.StatusServiceUnavailable, "")},
			pims.ErrRemote, "HTTP 503",
		},
		"for a dashboard without a cookie": {
			routes{"POST /session": answer(http.StatusOK, "")}, pims.ErrLoginFormChanged, "neither left nor refused",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, requireFailure(t, c, newSite(t, test.routes).form(), test.want), test.text)
		})
	}
}

func TestABrowserThatOpensNoPageInTimeIsUnavailable(t *testing.T) { // R58
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: time.Nanosecond}) // it is over before the page is open
	said := requireFailure(t, c, newSite(t, nil).form(), pims.ErrBrowserUnavailable)
	require.Contains(t, said, "opened no page within 1ns")
}

func TestLoginGivesUpOnAPageThatReloadsItselfForEver(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty})
	s := newSite(t, routes{"GET /login": html(scriptedForm + `<script>location.reload()</script>`)})
	_, err := c.Login(t.Context(), s.form())
	// What it looks like depends on when it is looked at.
	require.Contains(t, []string{"unreachable", "login_form_changed"}, pims.Kind(err), err)
	require.Empty(t, s.logins())
}

func TestLoginCannotReach(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})

	t.Run("a port where nobody listens", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		s.Close()
		require.Contains(t, requireFailure(t, c, s.form(), pims.ErrUnreachable), "the connection was refused")
	})

	t.Run("a host that does not exist", func(t *testing.T) {
		t.Parallel()
		form := newSite(t, nil).form()
		form.URL = "http://clinic.invalid/login"
		form.Hosts.Named = []string{"clinic.invalid"}
		requireFailure(t, c, form, pims.ErrUnreachable)
	})

	t.Run("a host that the provider knows and that does not exist", func(t *testing.T) {
		t.Parallel()
		form := newSite(t, nil).form()
		form.URL = "https://clinic.invalid/login"
		form.Hosts = pims.HostPolicy{Known: []string{"clinic.invalid"}}
		requireFailure(t, c, form, pims.ErrUnreachable)
	})

	t.Run("a host whose certificate is not trusted", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(html(scriptedForm))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		form := newSite(t, nil).form()
		form.URL = s.URL + "/login"
		form.Hosts.Named = []string{"127.0.0.1"}
		require.Contains(t, requireFailure(t, c, form, pims.ErrCertificate), "this machine does not trust who issued the certificate (net::ERR_CERT_AUTHORITY_INVALID)")
	})
}

func TestLoginTalksToAllowedHostsOnly(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})

	requireBlocked := func(t *testing.T, form pims.LoginForm, host string) {
		t.Helper()
		require.Contains(t, requireFailure(t, c, form, pims.ErrHostNotAllowed), host)
	}

	t.Run("where the form is on another one", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		form := s.form()
		form.Hosts = pims.HostPolicy{Known: []string{"us.example.com"}}
		requireBlocked(t, form, s.host())
		require.Zero(t, s.requests("/login"))
	})

	t.Run("where the URL has no host", func(t *testing.T) {
		t.Parallel()
		form := newSite(t, nil).form()
		for _, address := range []string{"file:///etc/passwd", "javascript:alert(1)", "chrome://version", "", "http://%zz/"} {
			form.URL = address
			requireFailure(t, c, form, pims.ErrHostNotAllowed)
		}
	})

	for name, leave := range map[string]func(to string) http.HandlerFunc{
		"where a redirect leads to another one": redirect,
		"where a script leads to another one": func(to string) http.HandlerFunc {
			return html(fmt.Sprintf(`<script>location.href = %q</script>`, to))
		},
		"where a form leads to another one": func(to string) http.HandlerFunc {
			return html(fmt.Sprintf(`<form method=post action=%q></form><script>document.forms[0].submit()</script>`, to))
		},
	} {
		for when, page := range map[string]string{"before": "GET /login", "after": "GET /dashboard"} {
			t.Run(name+", "+when+" the login", func(t *testing.T) {
				t.Parallel()
				other := newSite(t, nil)
				requireBlocked(t, newSite(t, routes{page: leave(other.URL + "/login")}).form(), other.host())
				require.Empty(t, other.hits)
			})
		}
	}

	t.Run("where a known name is one of a private address", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		form := s.form()
		form.URL = strings.Replace(s.alias(), "http:", "https:", 1) + "/login"
		form.Hosts = pims.HostPolicy{Known: []string{"localhost"}}
		requireBlocked(t, form, "resolves to a private address")
	})

	t.Run("where a page asks for things of private addresses", func(t *testing.T) {
		t.Parallel()
		other := newSite(t, nil)
		s := newSite(t, routes{"GET /login": html(fmt.Sprintf(
			`<img src="%s/pixel"><script src="%[1]s/script"></script><iframe src="%[1]s/frame"></iframe>`, other.URL) + plainForm)})
		_, err := c.Login(t.Context(), s.form())
		require.NoError(t, err)
		require.Empty(t, other.hits, "nothing may be asked for behind a private address that was not named")
	})
}

func TestLoginReportsSelectorsThatAreNoCSS(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{})
	form := newSite(t, nil).form()
	form.Refusals = []string{"div[["}
	require.Contains(t, requireFailure(t, c, form, pims.ErrLoginFormChanged), "not valid CSS")
}

func TestOutcomesAreNoAccidents(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		pims.ErrAuthRejected, pims.ErrAuthChallenge, pims.ErrLoginFormChanged, pims.ErrBrowserUnavailable,
		pims.ErrUnreachable, pims.ErrRateLimited, pims.ErrRemote, pims.ErrHostNotAllowed,
	} {
		require.True(t, isOutcome(fmt.Errorf("log in: %w", err)), err)
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, errCrashed, errNavigating, errHung} {
		require.False(t, isOutcome(err), err)
	}
}

// A tab whose process ends while its page is on the way and one that gets a download are
// told apart: Chromium says net::ERR_ABORTED of both.
func TestNavigationThatEndsWithoutAnAnswerIsACrash(t *testing.T) {
	t.Parallel()
	document := &network.EventRequestWillBeSent{
		RequestID: "1", FrameID: "main", Type: network.ResourceTypeDocument,
		Request: &network.Request{URL: "http://clinic.example/login", Method: http.MethodGet},
	}
	failed := &network.EventLoadingFailed{RequestID: "1", Type: network.ResourceTypeDocument, ErrorText: "net::ERR_ABORTED", Canceled: true}

	arrived := &network.EventResponseReceivedExtraInfo{RequestID: "1", StatusCode: http.StatusFound}
	moved := *document
	moved.Request = &network.Request{URL: "https://clinic.example/login", Method: http.MethodGet}
	mail := *document
	mail.Request = &network.Request{URL: "mailto:reception@clinic.example", Method: http.MethodGet}
	response := &network.EventResponseReceived{
		RequestID: "1", FrameID: "main", Type: network.ResourceTypeDocument, Response: &network.Response{Status: http.StatusOK},
	}
	for _, test := range []struct {
		events []any
		want   error
	}{
		{[]any{document, failed}, errCrashed},
		{[]any{document, &network.EventResponseReceivedExtraInfo{RequestID: "1", StatusCode: http.StatusOK}, failed}, errCrashed},
		{[]any{document, arrived, &moved, failed}, errCrashed},
		{[]any{document, arrived, response, failed}, pims.ErrLoginFormChanged},
		{[]any{document, response, failed}, pims.ErrLoginFormChanged},
		{[]any{document, arrived, failed}, pims.ErrLoginFormChanged},
		{[]any{document, arrived, &mail, failed}, pims.ErrLoginFormChanged},
	} {
		g := newGuard("main", pims.HostPolicy{}, noTrouble{})
		for _, event := range test.events {
			g.observe(event)
		}
		require.ErrorIs(t, g.failure("net::ERR_ABORTED"), test.want)
	}
}

// noTrouble are connections of which none failed.
type noTrouble struct{}

func (noTrouble) Failure(*url.URL) error { return nil }
func (noTrouble) Exceeded() error        { return nil }

package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A decoy stands before the real fields, in the form, under their names.
func TestLoginFillsInOnlyWhatAPersonCanSee(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	const decoys = `<input name=username><input name=password type=password>`
	wrapped := func(style string) string { return fmt.Sprintf(`<div style=%q>%s</div>`, style, decoys) }
	styled := func(attributes string) string {
		return strings.ReplaceAll(decoys, "<input ", "<input "+attributes+" ")
	}
	for name, decoy := range map[string]string{
		"display none":            wrapped("display:none"),
		"a hidden ancestor":       `<section hidden><div>` + decoys + `</div></section>`,
		"visibility hidden":       wrapped("visibility:hidden"),
		"opacity 0":               wrapped("opacity:0"),
		"opacity that adds up":    wrapped("opacity:0.2") + `<div style="opacity:.3"><div style="opacity:.3">` + decoys + `</div></div>`,
		"left of the page":        wrapped("position:absolute;left:-9999px"),
		"above the page":          wrapped("position:absolute;top:-5000px"),
		"far right of the page":   wrapped("position:absolute;left:9999px"),
		"fixed outside":           wrapped("position:fixed;top:-300px"),
		"moved away":              wrapped("transform:translateX(-9999px)"),
		"scaled to nothing":       wrapped("transform:scale(0)"),
		"no size":                 styled(`style="width:0;height:0;padding:0;border:0"`),
		"one pixel":               styled(`style="width:1px;height:1px;padding:0;border:0"`),
		"clipped by its parent":   wrapped("position:absolute;width:1px;height:1px;overflow:hidden"),
		"clipped in height":       wrapped("height:0;overflow:hidden"),
		"clipped by a rectangle":  wrapped("position:absolute;clip:rect(0 0 0 0)"),
		"clipped by a path":       wrapped("clip-path:inset(50%)"),
		"behind the page":         `<div style="position:relative"><div style="position:absolute;inset:0;background:#fff"></div>` + decoys + `</div>`,
		"covered by a text":       `<div style="position:relative;height:3em">` + decoys + `<p style="position:absolute;inset:0;margin:0;background:#fff;z-index:1">Welcome</p></div>`,
		"aria-hidden":             styled(`aria-hidden=true`),
		"aria-hidden by a parent": `<div aria-hidden=true>` + decoys + `</div>`,
		"no way there by keys":    styled(`tabindex=-1`),
		"inert":                   `<div inert>` + decoys + `</div>`,
		"disabled":                styled("disabled"),
		"disabled by a fieldset":  `<fieldset disabled>` + decoys + `</fieldset>`,
		"read only":               styled("readonly"),
		"of type hidden":          `<input type=hidden name=username><input type=hidden name=password>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, routes{"GET /login": html(strings.Replace(scriptedForm, "<form>", "<form>"+decoy+`<input name=company_id style="position:absolute;left:-9999px">`, 1))})
			login(t, c, s.form())
			sent := s.only(t)
			require.Equal(t, username, strings.Join(sent["username"], ""), "in the field that is seen alone")
			require.Equal(t, password, strings.Join(sent["password"], ""))
			require.Empty(t, strings.Join(sent["company_id"], ""), "the one that is never seen")
		})
	}
}

// A stray field can be seen, and may have the name that the PIMS uses for the user.
func TestOfSeveralFieldsInSightLoginFillsInTheOneOfThePassword(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	const stray = `<input name=username id=stray>`
	form := func(inputs string) string { return `<form>` + inputs + button + `</form>` }
	labelled := func(input string) string { return `<label>User ` + input + `</label>` }
	const mail, secret = `<input type=email name=email>`, `<input name=password type=password>`
	after := submitScript
	for name, page := range map[string]string{
		"before it without a label":                form(stray+labelled(mail)+secret) + after,
		"between without a label":                  form(labelled(mail)+stray+secret) + after,
		"after the password without a label":       form(labelled(mail)+secret+stray) + after,
		"with a label that nobody sees":            form(labelled(mail)+`<label style="visibility:hidden">User <input name=username style="visibility:visible"></label>`+secret) + after,
		"further from the password, all labelled":  form(labelled(stray)+labelled(mail)+secret) + after,
		"further from the password, none labelled": form(stray+mail+secret) + after,
		"after the password, all labelled":         form(labelled(mail)+secret+labelled(stray)) + after,
		"after the password, none labelled":        form(mail+secret+stray) + after,
		"nearer in the page, not by keys":          form(`<input type=email name=email tabindex=2><input name=username tabindex=1><input name=password type=password tabindex=3>`) + after,
		"in a form behind it":                      form(labelled(mail)+secret) + `<form>` + labelled(stray) + button + `</form>` + after,
		"in no form":                               form(mail+secret) + labelled(stray) + after,
		"read only":                                form(labelled(mail)+labelled(`<input name=username readonly>`)+secret) + after,
		"told apart by a placeholder":              form(`<input type=email name=email placeholder="E-mail">`+stray+secret) + after,
		"beside a second password":                 form(stray+labelled(mail)+`<input name=password type=text><label>Password `+secret+`</label>`) + after,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, routes{"GET /login": html(page)})
			login(t, c, s.form())
			sent := s.only(t)
			require.Equal(t, []string{username}, sent["email"])
			require.Empty(t, strings.Join(sent["username"], ""), "the stray field")
			require.Equal(t, password, strings.Join(sent["password"], ""))
		})
	}
}

func TestLoginSeesFieldsThatOnlyLookHidden(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	for name, page := range map[string]string{
		"below the fold":                      `<div style="height:3000px"></div>` + scriptedForm,
		"under a cookie banner":               scriptedForm + `<div style="position:fixed;inset:0;background:#ccc">Cookies?</div>`,
		"half under a banner":                 scriptedForm + `<div style="position:fixed;inset:0 0 0 4em;background:#ccc">Cookies?</div>`,
		"behind an open dialog":               `<div aria-hidden=true>` + scriptedForm + `</div><div style="position:fixed;inset:0">Cookies?</div>`,
		"under a floating label":              strings.Replace(scriptedForm, "<input name=username autofocus>", `<div style="position:relative"><input id=u name=username><label for=u style="position:absolute;inset:0">User</label></div>`, 1),
		"under what is clear":                 `<div style="position:relative">` + scriptedForm + `<div style="position:absolute;inset:0;opacity:0"></div></div>`,
		"read only until they have the focus": strings.ReplaceAll(scriptedForm, "<input ", `<input readonly onfocus="this.removeAttribute('readonly')" `),
		"far down in a box that scrolls":      `<div style="height:100px;overflow:auto"><div style="height:900px"></div>` + scriptedForm + `</div>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, routes{"GET /login": html(page)})
			login(t, c, s.form())
			require.Equal(t, url.Values{"username": {username}, "password": {password}}, s.only(t))
		})
	}
}

func TestAQuestionOfAScriptIsAnsweredWithNo(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	s := newSite(t, routes{"GET /login": html(strings.Replace(scriptedForm, `location.href = "/dashboard";`,
		`if (confirm("Session in use elsewhere by Mara, continue?")) location.href = "/dashboard";`, 1))})
	text := requireFailure(t, c, s.form(), pims.ErrAuthChallenge)
	require.Contains(t, text, `its page says "Session in use elsewhere by … continue?"`)
	require.Zero(t, s.requests("/dashboard"))
}

func TestAnAlertMayRefuse(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	s := newSite(t, routes{"GET /login": html(strings.Replace(scriptedForm, `location.href = "/dashboard";`, `alert("Wrong password");`, 1))})
	requireFailure(t, c, s.form(), pims.ErrAuthRejected)
}

// accepting is a form whose PIMS accepts a session once it has been on a page.
func accepting(s *site, path string) (form pims.LoginForm, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	form = s.form()
	form.Accepted = func(context.Context, pims.BrowserSession) error {
		asked.Add(1)
		if s.requests(path) == 0 {
			return &pims.NotYet{Err: fmt.Errorf("not accepted: %w", pims.ErrRemote)}
		}
		return nil
	}
	return form, asked
}

func TestLoginWatchesPagesOnTheWayUntilTheSessionIsAccepted(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 30 * time.Second, MaxLogins: 4})
	script := func(to string, milliseconds int) http.HandlerFunc {
		return html(fmt.Sprintf(`<p>Please wait</p><script>setTimeout(() => location.replace(%q), %d)</script>`, to, milliseconds))
	}
	refresh := func(to string, seconds int) http.HandlerFunc {
		return html(fmt.Sprintf(`<meta http-equiv=refresh content="%d;url=%s">`, seconds, to))
	}
	refreshHeader := func(to string, seconds int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Refresh", fmt.Sprintf("%d; url=%s", seconds, to))
			html(`<p>Please wait</p>`)(w, r)
		}
	}
	for name, way := range map[string]routes{
		"a script after 0.3 s": {"GET /dashboard": script("/end", 300)},
		"a script after 5 s":   {"GET /dashboard": script("/end", 5000)},
		"a refresh at once":    {"GET /dashboard": refresh("/end", 0)},
		"a refresh after 3 s":  {"GET /dashboard": refresh("/end", 3)},
		"several in a row": {
			"GET /dashboard": refresh("/two", 1), "GET /two": script("/three", 700), "GET /three": redirect("/four"), "GET /four": script("/end", 0),
		},
		"a page that loads itself again": {"GET /dashboard": html(`<script>
			setTimeout(() => sessionStorage.tries > 2 ? location.replace("/end") : (sessionStorage.tries = (+sessionStorage.tries || 0) + 1, location.reload()), 400)
		</script>`)},
		"a page below the login page":                {"GET /dashboard": redirect("/login/wait"), "GET /login/wait": script("/end", 1500)},
		"a page that says that one is logged in":     {"GET /dashboard": html(`<meta http-equiv=refresh content="3;url=/end"><p>You are already logged in. Redirecting in 3 seconds`)},
		"a page that says so and leaves after 5 s":   {"GET /dashboard": html(`<p>You are already logged in, please wait.<script>setTimeout(() => location.replace("/end"), 5000)</script>`)},
		"a page that its header refreshes after 2 s": {"GET /dashboard": refreshHeader("/end", 2)},
		"a form that sends itself after 2.5 s": {
			"GET /dashboard": html(`<form method=post action=/sso><input type=hidden name=token value=t></form><script>setTimeout(() => document.forms[0].submit(), 2500)</script>`),
			"POST /sso":      redirect("/end"),
		},
		"a request in the background": {"GET /dashboard": html(`<script>setTimeout(() => fetch("/end"), 900)</script>`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way["GET /end"] = html("<h1>Today</h1>")
			s := newSite(t, way)
			form, asked := accepting(s, "/end")
			session := login(t, c, form)
			require.NotEmpty(t, session.Cookies)
			s.only(t)
			require.Less(t, asked.Load(), int32(15), "the PIMS is asked now and then")
		})
	}
}

func TestAPageWithTheLoginPagesAddressIsTheEndWhereThePIMSAcceptsTheSession(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	var s *site
	s = newSite(t, routes{
		"GET /login": html(strings.Replace(plainForm, "/session", "/login", 1)),
		"POST /login": func(w http.ResponseWriter, r *http.Request) {
			s.accept(w, r)
			html(`<h1>Today</h1><script>fetch("/end")</script>`)(w, r)
		},
		"GET /end": html(""),
	})
	form, _ := accepting(s, "/end")
	session := login(t, c, form)
	require.Equal(t, s.URL+"/login", session.URL)
	require.NotEmpty(t, session.Cookies)
	s.only(t)
}

func TestASessionThatIsNeverAcceptedEndsTheLoginWithWhatThePIMSSaid(t *testing.T) {
	t.Parallel()
	require.Contains(t, neverAccepted(t, nil, pims.ErrRemote), "not accepted")

	said := neverAccepted(t, routes{
		"GET /dashboard": html("<h1>Mara</h1><p>Your password has expired. Please choose a new password, Mara.</p>"),
	}, pims.ErrAuthChallenge)
	require.Contains(t, said, `"Your password has expired. Please choose … new password, …`[:30])

	c, _ := newChromium(t, Options{})
	form, _ := accepting(newSite(t, nil), "/never")
	form.Accepted = func(context.Context, pims.BrowserSession) error { return context.DeadlineExceeded }
	_, err := c.Login(t.Context(), form)
	require.Equal(t, context.DeadlineExceeded, err, "an error that is no answer is told as it is")
}

// neverAccepted logs in where no session is accepted, and returns what the error tells. A
// login whose time is over before the PIMS was asked twice says something else, so a busy
// machine gets more time.
func neverAccepted(t *testing.T, way routes, kind error) string {
	t.Helper()
	for limit := hasty; ; limit *= 3 {
		c, _ := newChromium(t, Options{LoginTimeout: limit})
		form, asked := accepting(newSite(t, way), "/never")
		if session, err := c.Login(t.Context(), form); asked.Load() > 1 || limit > time.Minute {
			require.Greater(t, asked.Load(), int32(1))
			return requireFailed(t, session, err, kind)
		}
	}
}

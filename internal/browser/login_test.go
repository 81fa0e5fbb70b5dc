package browser

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// login logs in to a site and fails the test where that fails.
func login(t *testing.T, c *Chromium, form pims.LoginForm) pims.BrowserSession {
	t.Helper()
	session, err := c.Login(t.Context(), form)
	require.NoError(t, err)
	return session
}

func TestLoginWithForms(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})

	tests := map[string]struct {
		page string
		want url.Values // beyond user and password
	}{
		"that a script submits": {page: scriptedForm},
		"that the browser submits": {
			page: plainForm,
		},
		"with a token in a hidden field": {
			page: strings.Replace(scriptedForm, button, `<input type=hidden name=_token value=abc>`+button, 1),
			want: url.Values{"_token": {"abc"}},
		},
		"with the optional field": {
			page: strings.Replace(scriptedForm, button, `<input name=company_id type=number>`+button, 1),
			want: url.Values{"company_id": {"0471"}},
		},
		"with another input for the user": {
			page: strings.Replace(scriptedForm, "<input name=username autofocus>", `<input type=email name=username id=mail>`, 1),
		},
		"with decoys that nobody sees": {
			page: strings.Replace(scriptedForm, "<form>", `<div style="display:none"><input name=username value=a><input name=password value=b><button type=submit>No</button></div>
				<input name=username style="opacity:0"><div style="visibility:hidden"><input name=password></div><form>`, 1),
		},
		"with values of an earlier visit": {
			page: strings.Replace(scriptedForm, "<input name=username autofocus>", `<input name=username value=somebody.else>`, 1),
		},
		"that appear late": {
			page: `<div id=app>Loading…</div><script>setTimeout(() => {
				app.innerHTML = '<form method=post action=/session>` + fields + button + `</form>';
			}, 300)</script>`,
		},
		"that a script renders anew while they are filled in": {
			page: scriptedForm + `<script>
				document.querySelector("[name=password]").addEventListener("input", () => {
					document.querySelector("[name=username]").value = "";
				}, { once: true });
			</script>`,
		},
		"whose button waits for input events": {
			page: strings.Replace(scriptedForm, "<button", "<button disabled", 1) + `<script>
				const seen = new Set();
				for (const input of document.querySelectorAll("form input")) {
					input.addEventListener("input", (event) => {
						seen.add(event.target);
						if (event.isTrusted) document.querySelector("button").disabled = seen.size < 2;
					});
				}
			</script>`,
		},
		"whose button waits for keys": {
			page: strings.Replace(scriptedForm, "<button", "<button disabled", 1) + `<script>
				document.querySelector("[name=password]").addEventListener("keyup", () => {
					document.querySelector("button").disabled = false;
				});
			</script>`,
		},
		"whose button looks only at trusted clicks": {
			page: plainForm + `<script>
				document.querySelector("button").addEventListener("click", (event) => {
					if (!event.isTrusted) event.preventDefault();
				});
			</script>`,
		},
		"below a search that has a button too": {
			page: `<form action=/search><input name=q><button type=submit>Search</button></form>` + plainForm,
		},
		"whose button is a link": {
			page: strings.Replace(scriptedForm, button, `<a type=submit class=go href="#" onclick="document.forms[0].requestSubmit()">Log in</a>`, 1),
		},
		"whose button is under a banner": {
			page: scriptedForm + `<div style="position:fixed;inset:0;background:#ccc">Cookies?</div>`,
		},
		"whose page cannot be trusted with its own objects": {
			page: `<script>document.querySelector = () => null; Element.prototype.checkVisibility = () => false; JSON.stringify = () => "";</script>` + plainForm,
		},
		"whose page opens dialogs": {
			page: plainForm + `<script>alert("Welcome!"); onbeforeunload = (event) => event.preventDefault();</script>`,
		},
		"whose page complains before anybody has logged in": {
			page: `<div class=alert-danger>Your password is invalid after 90 days</div>` + plainForm,
		},
		"whose page asks for a page that is none": {
			page: plainForm + `<script>location.href = "/nothing"</script>`,
		},
		"whose page asks for a file": {
			page: plainForm + `<script>location.href = "/file"</script>`,
		},
		"whose page has a picture that does not come": {
			page: plainForm + `<img src=/hang>`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, routes{
				"GET /login":   html(test.page),
				"GET /hang":    hang,
				"GET /nothing": answer(http.StatusNoContent, ""),
				"GET /file": func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Disposition", "attachment; filename=terms.pdf")
				},
			})
			form := s.form()
			form.Submit = append(form.Submit, "a.go")
			session := login(t, c, form)

			want := url.Values{"username": {username}, "password": {password}}
			maps.Copy(want, test.want)
			require.Empty(t, gocmp.Diff(want, s.only(t)))
			require.Equal(t, []pims.Cookie{{Name: "neo_session", Value: "s3cr3t", Host: "127.0.0.1", Path: "/", HTTPOnly: true}}, session.Cookies)
		})
	}
}

func TestLoginTypesEveryValueExactly(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})

	for _, value := range []string{
		`"double" 'single' ` + "`back`",
		`back\slash \n \u0041 ${1+1} %s %d`,
		`</script><b>&amp;`,
		`  spaces around  `,
		`ünïcödé ß Ωμέγα Москва 東京 עברית`,
		`👩🏽‍⚕️🐶 and e` + "\u0301",
		strings.Repeat("long ", 100),
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			form := s.form()
			form.Fields[0].Value, form.Fields[1].Value = value, value
			login(t, c, form)
			require.Equal(t, value, s.only(t).Get("username"))
			require.Equal(t, value, s.only(t).Get("password"))
		})
	}
}

func TestLoginEnds(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})

	t.Run("on the page that the login leads to", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		require.Equal(t, s.URL+"/dashboard", login(t, c, s.form()).URL)
	})

	t.Run("after a chain of redirects over another host", func(t *testing.T) {
		t.Parallel()
		var s *site
		s = newSite(t, routes{
			"GET /login": html(plainForm),
			"POST /session": func(w http.ResponseWriter, r *http.Request) {
				s.note(r)
				http.Redirect(w, r, s.alias()+"/sso", http.StatusFound)
			},
			"GET /sso": func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "sso", Value: "1"})
				http.Redirect(w, r, s.URL+"/return", http.StatusFound)
			},
			"GET /return": func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "neo_session", Value: "2"})
				http.Redirect(w, r, "/dashboard", http.StatusFound)
			},
		})
		form := s.form()
		form.Hosts.Named = append(form.Hosts.Named, "localhost")
		session := login(t, c, form)
		require.Equal(t, s.URL+"/dashboard", session.URL)
		require.Equal(t, []pims.Cookie{
			{Name: "neo_session", Value: "2", Host: "127.0.0.1", Path: "/"},
			{Name: "sso", Value: "1", Host: "localhost", Path: "/"},
		}, sorted(session.Cookies))
	})

	t.Run("after pages that leave by script", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{
			"GET /dashboard": html(`<script>setTimeout(() => location.replace("/step"), 60)</script>`),
			"GET /step":      html(`<form action=/slow></form><script>document.forms[0].submit()</script>`),
			"GET /slow": func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(400 * time.Millisecond): // the site is slow
				case <-r.Context().Done():
				}
				html("<h1>Today</h1>")(w, r)
			},
		})
		require.Equal(t, s.URL+"/slow", withoutQuery(login(t, c, s.form()).URL))
	})

	t.Run("although the page that it leads to shows an alert", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{"GET /dashboard": html(`<div class=alert-danger>2 accounts have an invalid email</div>`)})
		require.Equal(t, s.URL+"/dashboard", login(t, c, s.form()).URL)
	})

	t.Run("not before there is a cookie", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{
			"POST /session":  answer(http.StatusOK, ""),
			"GET /dashboard": html(`<script>setTimeout(() => { document.cookie = "late=1" }, 400)</script>`),
		})
		require.Equal(t, []pims.Cookie{{Name: "late", Value: "1", Host: "127.0.0.1", Path: "/"}}, login(t, c, s.form()).Cookies)
	})

	t.Run("although the login page reloads itself at first", func(t *testing.T) {
		t.Parallel()
		var visits atomic.Int32
		s := newSite(t, routes{"GET /login": func(w http.ResponseWriter, r *http.Request) {
			page := scriptedForm
			if visits.Add(1) <= 5 {
				page += `<script>location.reload()</script>`
			}
			html(page)(w, r)
		}})
		login(t, c, s.form())
		require.EqualValues(t, 6, visits.Load())
		s.only(t)
	})

	t.Run("although the login page lives somewhere else than was thought", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{
			"GET /login":          redirect("/users/sign_in/"),
			"GET /users/sign_in/": html(scriptedForm),
		})
		require.Equal(t, s.URL+"/dashboard", login(t, c, s.form()).URL)
	})
}

func TestLoginAnswersCookies(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	s := newSite(t, routes{"POST /session": func(w http.ResponseWriter, _ *http.Request) {
		for _, cookie := range []string{
			`plain=a`,
			`quoted="b c"; Path=/api; HttpOnly`,
			`wide=d; Domain=clinic.localhost; Secure`,
			`empty=`,
			`quote="`,
			`expired=e; Max-Age=0`,
		} {
			w.Header().Add("Set-Cookie", cookie)
		}
	}})
	form := s.form()
	form.URL = strings.Replace(form.URL, "127.0.0.1", "pims.clinic.localhost", 1)
	form.Hosts.Named = []string{"pims.clinic.localhost"}
	session := login(t, c, form)
	const host = "pims.clinic.localhost"
	require.Equal(t, []pims.Cookie{
		{Name: "empty", Host: host, Path: "/"},
		{Name: "plain", Value: "a", Host: host, Path: "/"},
		{Name: "quote", Value: `"`, Host: host, Path: "/"},
		{Name: "quoted", Value: `"b c"`, Host: host, Path: "/api", HTTPOnly: true},
		{Name: "wide", Value: "d", Domain: "clinic.localhost", Path: "/", Secure: true},
	}, sorted(session.Cookies))
}

func TestCookieMatchesHosts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		host, domain string
		want         bool
	}{
		{"us.example.com", "us.example.com", true},
		{"US.example.com", "us.Example.com", true},
		{"us.example.com", ".example.com", true},
		{"example.com", ".example.com", true},
		{"us.example.com", "example.com", false},
		{"badexample.com", ".example.com", false},
		{"example.com.evil.test", ".example.com", false},
		{"example.com", "us.example.com", false},
	}
	for _, test := range tests {
		require.Equal(t, test.want, matches(test.host, test.domain), "%s %s", test.host, test.domain)
	}
}

func TestLoginKeepsClinicsApart(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	var leaked atomic.Bool
	s := newSite(t, routes{"GET /login": func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			leaked.Store(true)
		}
		html(scriptedForm)(w, r)
	}})
	login(t, c, s.form())
	login(t, c, s.form())
	require.Len(t, s.logins(), 2)
	require.False(t, leaked.Load(), "a login must not see the cookies of another one")
}

func TestLoginNamesTheUserAgentThatItSent(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	agents := make(chan string, 10)
	tell := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			agents <- r.UserAgent()
			agents <- r.URL.Query().Get("script")
			next(w, r)
		}
	}
	s := newSite(t, routes{
		"GET /login": html(scriptedForm + `<script>fetch("/agent?script=" + encodeURIComponent(navigator.userAgent))</script>`),
		"GET /agent": tell(answer(http.StatusOK, "")),
	})
	session := login(t, c, s.form())
	require.Equal(t, session.UserAgent, <-agents)
	require.Equal(t, session.UserAgent, <-agents)
	require.Contains(t, session.UserAgent, "Chrome/")
	require.NotContains(t, strings.ToLower(session.UserAgent), "headless")
}

func sorted(cookies []pims.Cookie) []pims.Cookie {
	return slices.SortedFunc(slices.Values(cookies), func(a, b pims.Cookie) int { return cmp.Compare(a.Name, b.Name) })
}

func withoutQuery(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}

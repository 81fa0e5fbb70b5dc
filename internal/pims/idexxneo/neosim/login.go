package neosim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// visitorCookie ties a CSRF token to the browser that loaded the form.
const visitorCookie = "neo_visitor"

// session is one browser's logged-in state. Before a one-time code is given it is worth nothing (Options.Login.MFA).
type session struct {
	began, seen time.Time
	userAgent   string
	unverified  bool
}

// alive reports whether the request carries a live session, and keeps it from idling out.
func (s *Sim) alive(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.options
	value, ok := sentCookie(r, o.CookieName)
	if !ok {
		return false
	}
	found, now := s.sessions[value], o.Now()
	if found == nil || found.unverified {
		return false
	}
	if now.Sub(found.seen) >= o.SessionIdle || now.Sub(found.began) >= o.SessionLife {
		delete(s.sessions, value)
		return false
	}
	if o.BindUserAgent && r.UserAgent() != found.userAgent {
		return false
	}
	found.seen = now
	return true
}

// ExpireSessions ends every session at once.
func (s *Sim) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// endSession ends the session of one request.
func (s *Sim) endSession(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := sentCookie(r, s.options.CookieName); ok {
		delete(s.sessions, value)
	}
}

// SetPassword changes the password that a login must have; sessions live on.
func (s *Sim) SetPassword(password string) {
	s.Configure(func(o *Options) { o.Password = password })
}

func (s *Sim) token(visitor string) string {
	sum := hmac.New(sha256.New, []byte(s.key))
	_, _ = sum.Write([]byte(visitor))
	return hex.EncodeToString(sum.Sum(nil))
}

// loginPage shows the form.
func (c *call) loginPage(w http.ResponseWriter, r *http.Request) {
	c.sim.mu.Lock()
	c.sim.counts.Pages++
	c.sim.mu.Unlock()
	if c.options.Login.NeverFinishes {
		c.neverFinish(w, r)
		return
	}
	c.writeLoginPage(w, r)
}

func (c *call) writeLoginPage(w http.ResponseWriter, r *http.Request) {
	visitor := rand.Text()
	if cookie, err := r.Cookie(visitorCookie); err == nil {
		visitor = cookie.Value
	}
	c.setCookie(w, r, visitorCookie, visitor)
	if _, err := r.Cookie(c.options.CookieName); err != nil && c.options.Login.EarlyCookie {
		c.setCookie(w, r, c.options.CookieName, rand.Text())
	}
	writeHTML(w, http.StatusOK, loginTemplate, c.loginForm(c.sim.token(visitor)))
}

// neverFinish sends the beginning of a page and waits until the browser gives up.
func (c *call) neverFinish(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><html><head><title>Neo</title>"))
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// setCookie is HttpOnly always, and Secure where the practice is served over TLS. The value is sent as it is.
func (c *call) setCookie(w http.ResponseWriter, r *http.Request, name, value string) {
	line := name + "=" + value + "; Path=/; HttpOnly; SameSite=Lax"
	if r.TLS != nil {
		line += "; Secure"
	}
	w.Header().Add("Set-Cookie", line)
}

// sentCookie is the value of a cookie, byte for byte as it came.
func sentCookie(r *http.Request, name string) (value string, ok bool) {
	for _, header := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(header, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(pair), name+"="); ok {
				return value, true
			}
		}
	}
	return "", false
}

// newSessionID is a new session's secret, in the form that the practice's cookies have.
func (o Options) newSessionID() string {
	if o.AwkwardCookies {
		return `"a,b-` + rand.Text() + `", {"key": "x\y=z", "größe": 1}`
	}
	return rand.Text()
}

// login takes what the page's script sends. A form that is submitted without the script is turned away.
func (c *call) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Header.Get("X-Requested-With") != "XMLHttpRequest" {
		writeJSON(w, http.StatusBadRequest, `{"message":"The form was not submitted by its page."}`)
		return
	}
	switch {
	case !c.tokenFits(r):
		writeJSON(w, 419, `{"message":"CSRF token mismatch."}`)
	case c.options.Login.Captcha:
		writeJSON(w, http.StatusUnprocessableEntity, `{"captcha":true,"message":"Please confirm that you are human."}`)
	case !c.options.accepts(r):
		c.count(func(l *Logins) { l.Refused++ })
		writeJSON(w, http.StatusUnauthorized, object{{"refused", c.options.Login.ErrorText}}.json())
	default:
		c.count(func(l *Logins) { l.Accepted++ })
		c.accept(w, r)
	}
}

func (c *call) count(what func(*Logins)) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	what(&c.sim.counts)
}

func (c *call) tokenFits(r *http.Request) bool {
	visitor, err := r.Cookie(visitorCookie)
	if err != nil {
		return false
	}
	token := r.PostForm.Get("_token")
	if c.options.Login.MetaToken {
		token = r.Header.Get("X-CSRF-TOKEN")
	}
	return token == c.sim.token(visitor.Value)
}

// accepts compares what was sent with the account.
func (o Options) accepts(r *http.Request) bool {
	names := o.Login.fields()
	wanted := map[string]string{names.account: o.Username, names.password: o.Password}
	if o.CompanyID != "" {
		wanted[names.company] = o.CompanyID
	}
	for name, want := range wanted {
		if last(r.PostForm[name]) != want {
			return false
		}
	}
	return !o.Login.Decoys || !decoyFilled(r.PostForm, wanted)
}

// decoyFilled reports whether a field other than the real ones holds a value.
func decoyFilled(form url.Values, wanted map[string]string) bool {
	for name, values := range form {
		if _, ok := wanted[name]; ok {
			values = values[:len(values)-1]
		}
		if name != "_token" && strings.Join(values, "") != "" {
			return true
		}
	}
	return false
}

// last is what the real field of a name holds: its decoys stand before it.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// accept begins a session and says where the browser goes from here.
func (c *call) accept(w http.ResponseWriter, r *http.Request) {
	id, now := c.options.newSessionID(), c.options.Now()
	c.sim.mu.Lock()
	c.sim.sessions[id] = &session{began: now, seen: now, userAgent: r.UserAgent(), unverified: c.options.Login.holdsBack()}
	c.sim.mu.Unlock()
	c.setCookie(w, r, c.options.CookieName, id)
	location := c.hop(origin(r), 0)
	switch {
	case c.options.Login.MFA:
		location = "/mfa"
	case c.options.Login.InUse:
		location = "/in-use"
	case len(c.options.Login.Steps) > 0:
		location = "/welcome/0"
	}
	writeJSON(w, http.StatusOK, object{{"redirect", location}}.json())
}

// holdsBack reports whether a session is worth nothing yet when the password was right.
func (l Login) holdsBack() bool { return l.MFA || l.InUse || len(l.Steps) > 0 }

// stepPage shows the n-th page before the dashboard. The one after the last makes the session good.
func (c *call) stepPage(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	steps := c.options.Login.Steps
	switch {
	case err != nil || n < 0 || n > len(steps):
		c.unknown(w, r)
	case n == len(steps):
		c.verify(r)
		http.Redirect(w, r, "/dashboard", http.StatusFound)
	default:
		writeHTML(w, http.StatusOK, stepTemplate, map[string]any{
			"Next": fmt.Sprintf("/welcome/%d", n+1), "Refresh": steps[n].Refresh,
			"Seconds": int(steps[n].After.Round(time.Second) / time.Second), "Milliseconds": steps[n].After.Milliseconds(),
		})
	}
}

// verify makes the session of a request good.
func (c *call) verify(r *http.Request) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	value, _ := sentCookie(r, c.options.CookieName)
	if found := c.sim.sessions[value]; found != nil {
		found.unverified = false
	}
}

func (c *call) inUsePage(w http.ResponseWriter, _ *http.Request) {
	writeHTML(w, http.StatusOK, inUseTemplate, c.options)
}

// origin is the address under which the browser sees this Sim.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// hop is the address of the n-th stop after an accepted login; the last is the dashboard where it began.
func (c *call) hop(home string, n int) string {
	stops := c.options.Login.Redirects
	if n >= len(stops) {
		return home + "/dashboard"
	}
	query := url.Values{"hop": {strconv.Itoa(n)}, "home": {home}}
	return fmt.Sprintf("%s/sso?%s", strings.TrimSuffix(stops[n], "/"), query.Encode())
}

// redirect is one hop of the chain.
func (c *call) redirect(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.URL.Query().Get("hop"))
	if err != nil || n < 0 {
		c.unknown(w, r)
		return
	}
	http.Redirect(w, r, c.hop(r.URL.Query().Get("home"), n+1), http.StatusFound)
}

func (c *call) mfaPage(w http.ResponseWriter, _ *http.Request) {
	writeHTML(w, http.StatusOK, mfaTemplate, nil)
}

func (c *call) home(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/dashboard", http.StatusFound)
}

// dashboard is where a login ends, and what a browser without the headers of a script sees of the API.
func (c *call) dashboard(w http.ResponseWriter, r *http.Request) {
	if !c.sim.alive(r) {
		http.Redirect(w, r, "/login", http.StatusFound)
		return
	}
	writeHTML(w, http.StatusOK, dashboardTemplate, nil)
}

func (c *call) logout(w http.ResponseWriter, r *http.Request) {
	c.sim.endSession(r)
	http.SetCookie(w, &http.Cookie{Name: c.options.CookieName, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil})
	http.Redirect(w, r, "/login", http.StatusFound)
}

func (c *call) unknown(w http.ResponseWriter, _ *http.Request) {
	writeHTML(w, http.StatusNotFound, notFoundTemplate, nil)
}

// expired responds to a request whose session is dead, in one of three ways that mean the same.
func (c *call) expired(w http.ResponseWriter, r *http.Request) {
	switch c.options.Expired {
	case ExpiredRedirect:
		http.Redirect(w, r, "/login", http.StatusFound)
	case ExpiredHTML:
		c.writeLoginPage(w, r)
	default:
		writeJSON(w, http.StatusUnauthorized, `{"message":"Unauthenticated."}`)
	}
}

package console

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
)

// The names of our cookies. Over https they get the prefix __Host-, which binds them to the
// host. On loopback, where browsers share cookies between ports, they end with the port.
const (
	cookieSession = "pims_sync"
	cookieTheme   = "pims_sync_theme"
	cookieNotice  = "pims_sync_notice"
	cookieOpenID  = "pims_sync_openid"
)

// cookieName returns the name of a cookie at the address where the caller found us.
func (c *console) cookieName(r *http.Request, name string) string {
	base := c.base(r)
	if base.Scheme == "https" {
		return "__Host-" + name
	}
	return name + "_" + cmp.Or(base.Port(), "80")
}

// setCookie sets a cookie, or removes it if the value is empty. A lifetime of zero lasts
// until the browser ends.
func (c *console) setCookie(w http.ResponseWriter, r *http.Request, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.cookieName(r, name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: c.base(r).Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

func (c *console) cookie(r *http.Request, name string) string {
	cookie, err := r.Cookie(c.cookieName(r, name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// stranger is the visit of somebody who is not signed in.
func (c *console) stranger(r *http.Request) *Visit {
	return &Visit{Request: r, Now: c.o.Now(), theme: themeOf(c.cookie(r, cookieTheme))}
}

// background is the header of a request that a page sends by itself. It does not keep a
// session from becoming idle.
const background = "X-Background"

// visit returns the visit of somebody who is signed in, or people.ErrNoSession.
func (c *console) visit(r *http.Request) (*Visit, error) {
	token := c.cookie(r, cookieSession)
	if token == "" {
		return nil, people.ErrNoSession
	}
	ask := c.o.People.Session
	if r.Header.Get(background) != "" {
		ask = c.o.People.Peek
	}
	session, err := ask(r.Context(), token)
	if err != nil {
		return nil, err
	}
	v := c.stranger(r)
	v.Session, v.Caller, v.token = session, session.Caller(), token
	return v, nil
}

// admit returns the visit of somebody who may see a page. Where nobody is signed in, it
// leads to the sign-in page, and from there back.
func (c *console) admit(w http.ResponseWriter, r *http.Request, needs access.Permission) (*Visit, bool) {
	v, err := c.visit(r)
	switch {
	case errors.Is(err, people.ErrNoSession):
		c.sendToSignIn(w, r)
		return nil, false
	case err != nil:
		c.fail(w, r, c.stranger(r), err)
		return nil, false
	}
	if err := v.Caller.Check(needs, uuid.Nil); err != nil {
		c.forbidden(w, v, err)
		return nil, false
	}
	return v, true
}

// sendToSignIn leads to the sign-in page. A refresh in the background is told to load it as
// a whole page.
func (c *console) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	target := Root + "/sign-in"
	if r.Method == http.MethodPost && c.sends(r) {
		c.setNotice(w, r, Notice{Warn: true, Text: "You were signed out before the form was sent, so it did nothing. Look at it and send it again."}, lostLife)
	}
	if r.URL.Path != Root && (r.Method == http.MethodGet || c.sends(r)) {
		target += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Redirect", target)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// lostLife is how long a browser remembers that a form was not sent.
const lostLife = 10 * time.Minute

// sends reports whether the form of a request belongs to a page, which is found at the same
// address.
func (c *console) sends(r *http.Request) bool {
	_, pattern := c.mux.Handler(r)
	return slices.ContainsFunc(c.pages, func(p Page) bool { return pattern == "POST "+strings.TrimSuffix(Root+p.Path, "/") })
}

// forbidden says what is missing.
func (c *console) forbidden(w http.ResponseWriter, v *Visit, why error) {
	text := sentence(why.Error())
	if v.Caller.Role != "" {
		text += " Yours is " + string(v.Caller.Role) + ". An admin can change that."
	}
	c.message(w, v, http.StatusForbidden, message{Title: "This is not for your role", Text: text})
}

// localPath returns where to go after signing in: a page of the console, never another
// site.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.ContainsAny(next, "\\\r\n") ||
		path.Clean(u.Path) != u.Path || u.Path != Root && !strings.HasPrefix(u.Path, Root+"/") {
		return Root
	}
	return u.RequestURI()
}

// sameOrigin refuses a form that another site sent. A browser says with every form where it
// comes from.
func (c *console) sameOrigin(w http.ResponseWriter, r *http.Request) bool {
	base := c.base(r)
	if origin := r.Header.Get("Origin"); origin == "" || origin != base.Scheme+"://"+base.Host {
		c.message(w, c.stranger(r), http.StatusForbidden, message{
			Title: "This form came from elsewhere",
			Text:  "The server accepts forms from " + base.Scheme + "://" + base.Host + " only. If people find it under another address, set PUBLIC_URL.",
		})
		return false
	}
	return true
}

// checkForm refuses a form of another site or another session (R43).
func (c *console) checkForm(w http.ResponseWriter, v *Visit) bool {
	if !c.sameOrigin(w, v.Request) {
		return false
	}
	err := v.ParseForm() // first: ParseMultipartForm would hide its error
	if err == nil {
		err = v.ParseMultipartForm(maxForm)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		c.message(w, v, http.StatusRequestEntityTooLarge, message{Title: "This form is too large", Text: "Send less at once."})
		return false
	}
	if !people.CSRFMatches(v.token, v.PostForm.Get("csrf")) {
		c.message(w, v, http.StatusForbidden, message{
			Title: "This form is out of date",
			Text:  "You have signed in again since it was opened. Go back, load the page again, and send it once more.",
		})
		return false
	}
	return true
}

// giveNotice keeps a notice for the next page.
func (c *console) giveNotice(w http.ResponseWriter, r *http.Request, n Notice) {
	if n.Text != "" {
		c.setNotice(w, r, n, time.Minute)
	}
}

func (c *console) setNotice(w http.ResponseWriter, r *http.Request, n Notice, life time.Duration) {
	c.setCookie(w, r, cookieNotice, base64.RawURLEncoding.EncodeToString([]byte(n.Text+"\n"+n.Copy+"\n"+strconv.FormatBool(n.Warn))), life)
}

// takeNotice returns the notice that was kept for this page, and removes it.
func (c *console) takeNotice(w http.ResponseWriter, r *http.Request) Notice {
	kept := c.cookie(r, cookieNotice)
	if kept == "" || r.Header.Get(background) != "" {
		return Notice{}
	}
	c.setCookie(w, r, cookieNotice, "", 0)
	decoded, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return Notice{}
	}
	text, rest, _ := strings.Cut(string(decoded), "\n")
	toCopy, warn, _ := strings.Cut(rest, "\n")
	return Notice{Text: text, Copy: toCopy, Warn: warn == "true"}
}

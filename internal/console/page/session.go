package page

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
	CookieSession = "pims_sync"
	CookieTheme   = "pims_sync_theme"
	cookieNotice  = "pims_sync_notice"
)

// cookieName returns the name of a cookie at the address where the caller found us.
func (s *Site) cookieName(r *http.Request, name string) string {
	base := s.Base(r)
	if base.Scheme == "https" {
		return "__Host-" + name
	}
	return name + "_" + cmp.Or(base.Port(), "80")
}

// SetCookie sets a cookie, or removes it if the value is empty. A lifetime of zero lasts
// until the browser ends.
func (s *Site) SetCookie(w http.ResponseWriter, r *http.Request, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure but on plain http over loopback, where no browser would send it back
		Name: s.cookieName(r, name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: s.Base(r).Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

// Cookie returns the value of a cookie; empty: there is none.
func (s *Site) Cookie(r *http.Request, name string) string {
	cookie, err := r.Cookie(s.cookieName(r, name))
	if err != nil {
		return ""
	}
	return cookie.Value
}

// ThemeOf returns light or dark, or empty for what the system says.
func ThemeOf(text string) string {
	if text == "light" || text == "dark" {
		return text
	}
	return ""
}

// Stranger is the visit of somebody who is not signed in.
func (s *Site) Stranger(r *http.Request) *Visit {
	return &Visit{Request: r, Base: s.Base(r), Now: s.o.Now(), theme: ThemeOf(s.Cookie(r, CookieTheme))}
}

// backgroundHeader is the header of a request that a page sends by itself. It does not keep a
// session from becoming idle.
const backgroundHeader = "X-Background"

// Background reports whether the page itself sent the request, to refresh itself.
func (v *Visit) Background() bool { return v.Header.Get(backgroundHeader) != "" }

// Visit returns the visit of somebody who is signed in, or people.ErrNoSession.
func (s *Site) Visit(r *http.Request) (*Visit, error) {
	token := s.Cookie(r, CookieSession)
	if token == "" {
		return nil, people.ErrNoSession
	}
	ask := s.o.People.Session
	if r.Header.Get(backgroundHeader) != "" {
		ask = s.o.People.Peek
	}
	session, err := ask(r.Context(), token)
	if err != nil {
		return nil, err
	}
	v := s.Stranger(r)
	v.Session, v.Caller, v.token = session, session.Caller(), token
	return v, nil
}

// Admit returns the visit of somebody who may see a page. Where nobody is signed in, it
// leads to the sign-in page, and from there back.
func (s *Site) Admit(w http.ResponseWriter, r *http.Request, needs access.Permission) (*Visit, bool) {
	v, err := s.Visit(r)
	switch {
	case errors.Is(err, people.ErrNoSession):
		s.sendToSignIn(w, r)
		return nil, false
	case err != nil:
		s.Fail(w, r, s.Stranger(r), err)
		return nil, false
	}
	if err := v.Caller.Check(needs, uuid.Nil); err != nil {
		s.forbidden(w, v, err)
		return nil, false
	}
	return v, true
}

// sendToSignIn leads to the sign-in page. A refresh in the background is told to load it as
// a whole page.
func (s *Site) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	target := Root + "/sign-in"
	if r.Method == http.MethodPost && s.sends(r) {
		s.setNotice(w, r, Notice{Warn: true, Text: "You were signed out before the form was sent, so it did nothing. Look at it and send it again."}, lostLife)
	}
	if r.URL.Path != Root && (r.Method == http.MethodGet || s.sends(r)) {
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
func (s *Site) sends(r *http.Request) bool {
	_, pattern := s.mux.Handler(r)
	return slices.ContainsFunc(s.pages, func(p Page) bool { return pattern == "POST "+p.address() })
}

// forbidden says what is missing.
func (s *Site) forbidden(w http.ResponseWriter, v *Visit, why error) {
	text := Sentence(why.Error())
	if v.Caller.Role != "" {
		text += " Yours is " + string(v.Caller.Role) + ". An admin can change that."
	}
	s.Message(w, v, http.StatusForbidden, Message{Title: "This is not for your role", Text: text})
}

// LocalPath returns where to go after signing in: a page of the console, never another
// site.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.ContainsAny(next, "\\\r\n") ||
		path.Clean(u.Path) != u.Path || u.Path != Root && !strings.HasPrefix(u.Path, Root+"/") {
		return Root
	}
	return u.RequestURI()
}

// ReadForm reads the form of a visit. It refuses one that another site sent, because a browser
// says with every form where it comes from; one that is too large; and one that is no text.
func (s *Site) ReadForm(w http.ResponseWriter, v *Visit) bool {
	base := v.Base
	if origin := v.Header.Get("Origin"); origin == "" || origin != base.Scheme+"://"+base.Host {
		s.Message(w, s.Stranger(v.Request), http.StatusForbidden, Message{
			Title: "This form came from elsewhere",
			Text:  "The server accepts forms from " + base.Scheme + "://" + base.Host + " only. If people find it under another address, set PUBLIC_URL.",
		})
		return false
	}
	err := v.ParseForm() // first: ParseMultipartForm would hide its error
	if err == nil {
		err = v.ParseMultipartForm(maxForm)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		s.Message(w, v, http.StatusRequestEntityTooLarge, Message{Title: "This form is too large", Text: "Send less at once."})
		return false
	}
	if !textual(v.PostForm) {
		s.notText(w, v)
		return false
	}
	return true
}

// CheckForm reads a form, and refuses one of another session, too (R43).
func (s *Site) CheckForm(w http.ResponseWriter, v *Visit) bool {
	if !s.ReadForm(w, v) {
		return false
	}
	if !people.CSRFMatches(v.token, v.PostForm.Get("csrf")) {
		s.Message(w, v, http.StatusForbidden, Message{
			Title: "This form is out of date",
			Text:  "You have signed in again since it was opened. Go back, load the page again, and send it once more.",
		})
		return false
	}
	return true
}

// GiveNotice keeps a notice for the next page.
func (s *Site) GiveNotice(w http.ResponseWriter, r *http.Request, n Notice) {
	if n.Text != "" {
		s.setNotice(w, r, n, time.Minute)
	}
}

func (s *Site) setNotice(w http.ResponseWriter, r *http.Request, n Notice, life time.Duration) {
	s.SetCookie(w, r, cookieNotice, base64.RawURLEncoding.EncodeToString([]byte(n.Text+"\n"+strconv.FormatBool(n.Warn)+"\n"+n.Copy)), life)
}

// TakeNotice lets a page that is no Page show the notice that was kept for it.
func (s *Site) TakeNotice(w http.ResponseWriter, v *Visit) { v.notice = s.takeNotice(w, v.Request) }

// takeNotice returns the notice that was kept for this page, and removes it.
func (s *Site) takeNotice(w http.ResponseWriter, r *http.Request) Notice {
	kept := s.Cookie(r, cookieNotice)
	if kept == "" || r.Header.Get(backgroundHeader) != "" {
		return Notice{}
	}
	s.SetCookie(w, r, cookieNotice, "", 0)
	decoded, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil {
		return Notice{}
	}
	text, rest, _ := strings.Cut(string(decoded), "\n")
	warn, toCopy, _ := strings.Cut(rest, "\n") // what is copied may have lines
	return Notice{Text: text, Copy: toCopy, Warn: warn == "true"}
}

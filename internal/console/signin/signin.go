package signin

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/people"
)

// signInView is what the sign-in page shows.
type signInView struct {
	Next    string
	Email   string
	Problem string
	OpenID  bool
	Refused string // why nobody can sign in at this address; empty: one can
}

// insecure returns why nobody may sign in where the caller found us: a password or a cookie
// would cross a network as plain text (R43). Empty where one may.
func (s *screens) insecure(r *http.Request) string {
	base := s.site.Base(r)
	if base.Scheme == "https" || page.Loopback(base) {
		return ""
	}
	return "This address is plain http, so passwords would cross the network as readable text. Open the console over https: " +
		"put a proxy with a certificate in front, name it in TRUSTED_PROXIES, and set PUBLIC_URL to its address."
}

// signInPage shows the form, or leads on who is signed in already.
func (s *screens) signInPage(w http.ResponseWriter, r *http.Request) {
	next := page.LocalPath(r.URL.Query().Get("next"))
	if _, err := s.site.Visit(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // LocalPath lets nothing but our own pages through
		return
	}
	s.writeSignIn(w, r, http.StatusOK, signInView{Next: next})
}

func (s *screens) writeSignIn(w http.ResponseWriter, r *http.Request, status int, shown signInView) {
	shown.OpenID, shown.Refused = s.o.OpenID != nil, s.insecure(r)
	if shown.Refused != "" {
		status = http.StatusForbidden
	}
	s.site.Write(w, s.site.Stranger(r), "sign-in", "Sign in", status, shown)
}

// signIn signs in with a password.
func (s *screens) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.site.ReadForm(w, s.site.Stranger(r)) {
		return
	}
	shown := signInView{Next: page.LocalPath(r.PostFormValue("next")), Email: r.PostFormValue("email")}
	if s.insecure(r) != "" {
		s.writeSignIn(w, r, http.StatusForbidden, shown)
		return
	}
	token, err := s.o.People.SignIn(r.Context(), shown.Email, r.PostFormValue("password"), page.Remote(r))
	if shown.Problem = refusal(err); shown.Problem != "" {
		status := http.StatusUnauthorized
		if _, ok := errors.AsType[people.TooManyError](err); ok {
			status = http.StatusTooManyRequests
		}
		s.writeSignIn(w, r, status, shown)
		return
	}
	if err != nil {
		s.site.Fail(w, r, s.site.Stranger(r), err)
		return
	}
	s.enter(w, r, token, shown.Next)
}

// refusal returns the sentence for a refused sign-in; empty for every other error.
func refusal(err error) string {
	if wait, ok := errors.AsType[people.TooManyError](err); ok {
		return "Too many sign-ins have failed. Try again in " + people.Rounded(wait.Wait) + "."
	}
	for why, text := range map[error]string{
		people.ErrRefused:      "The e-mail address or the password is wrong.",
		people.ErrNotInvited:   "Nobody with this e-mail address is invited. Ask an admin to add you.",
		people.ErrUnverified:   "The sign-in provider has not verified your e-mail address.",
		people.ErrOtherAccount: "You have signed in with another account before. An admin can reset your sign-in.",
		people.ErrLink:         "This link has been used or is too old. Ask for a new one.",
	} {
		if errors.Is(err, why) {
			return text
		}
	}
	return ""
}

// enter gives the browser its session and leads on.
func (s *screens) enter(w http.ResponseWriter, r *http.Request, token, next string) {
	s.site.SetCookie(w, r, page.CookieSession, token, people.SessionLife)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// signOut ends the session.
func (s *screens) signOut(w http.ResponseWriter, r *http.Request) {
	v, ok := s.site.Admit(w, r, access.ReadClinics)
	if !ok || !s.site.CheckForm(w, v) {
		return
	}
	if err := s.o.People.SignOut(r.Context(), s.site.Cookie(r, page.CookieSession), page.Remote(r)); err != nil {
		s.site.Fail(w, r, v, err)
		return
	}
	s.site.SetCookie(w, r, page.CookieSession, "", 0)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, page.Root+"/sign-in", http.StatusSeeOther)
}

// linkView is what the page of a one-time link shows.
type linkView struct {
	Token   string
	Who     string // the OS user, or the e-mail address of an invited person
	Invited bool   // the link sets a password
	Least   int    // characters of a password
	Problem string
}

// linkPage shows what a one-time link does. Only the form on it uses the link: programs that
// look at links in messages must not use it up.
func (s *screens) linkPage(w http.ResponseWriter, r *http.Request) {
	if s.insecure(r) != "" {
		s.writeSignIn(w, r, http.StatusForbidden, signInView{})
		return
	}
	s.writeLink(w, r, http.StatusOK, r.URL.Query().Get("token"), "")
}

func (s *screens) writeLink(w http.ResponseWriter, r *http.Request, status int, token, problem string) {
	link, err := s.o.People.Link(r.Context(), token)
	shown := linkView{Token: token, Who: link.OSUser, Invited: link.PersonID != uuid.Nil, Least: people.MinPassword, Problem: problem}
	if err == nil && shown.Invited {
		var p people.Person
		p, err = s.o.People.Person(r.Context(), link.PersonID)
		shown.Who = p.Email
	}
	if errors.Is(err, people.ErrLink) || errors.Is(err, people.ErrNotFound) {
		s.writeSignIn(w, r, http.StatusGone, signInView{Next: page.Root, Problem: refusal(people.ErrLink)})
		return
	}
	if err != nil {
		s.site.Fail(w, r, s.site.Stranger(r), err)
		return
	}
	s.site.Write(w, s.site.Stranger(r), "link", "Sign in", status, shown)
}

// followLink uses a one-time link.
func (s *screens) followLink(w http.ResponseWriter, r *http.Request) {
	if !s.site.ReadForm(w, s.site.Stranger(r)) {
		return
	}
	if s.insecure(r) != "" {
		s.writeSignIn(w, r, http.StatusForbidden, signInView{})
		return
	}
	token, password := r.PostFormValue("token"), r.PostFormValue("password")
	var session string
	var err error
	if r.PostForm.Has("password") {
		if problem := typedTwice(r); problem != "" {
			s.writeLink(w, r, http.StatusUnprocessableEntity, token, problem)
			return
		}
		session, err = s.o.People.AcceptInvitation(r.Context(), token, password, page.Remote(r))
	} else {
		session, err = s.o.People.FollowLink(r.Context(), token, page.Remote(r))
	}
	if errors.Is(err, people.ErrPassword) {
		s.writeLink(w, r, http.StatusUnprocessableEntity, token, page.Sentence(err.Error()))
		return
	}
	if problem := refusal(err); problem != "" {
		s.writeSignIn(w, r, http.StatusGone, signInView{Next: page.Root, Problem: problem})
		return
	}
	if err != nil {
		s.site.Fail(w, r, s.site.Stranger(r), err)
		return
	}
	s.enter(w, r, session, page.Root)
}

// typedTwice returns what is wrong with a password that was to be typed twice.
func typedTwice(r *http.Request) string {
	if r.PostFormValue("password") != r.PostFormValue("again") {
		return "The two passwords differ."
	}
	return ""
}

// themeLife is how long a browser remembers which theme was chosen.
const themeLife = 365 * 24 * time.Hour

// setTheme remembers light, dark, or what the system says.
func (s *screens) setTheme(w http.ResponseWriter, r *http.Request) {
	if !s.site.ReadForm(w, s.site.Stranger(r)) {
		return
	}
	s.site.SetCookie(w, r, page.CookieTheme, page.ThemeOf(r.PostFormValue("theme")), themeLife)
	http.Redirect(w, r, s.cameFrom(r), http.StatusSeeOther) //nolint:gosec // LocalPath lets nothing but our own pages through
}

// cameFrom returns the page that sent a form, as the browser says it: the page need not repeat
// its own address, in which a link's token may stand.
func (s *screens) cameFrom(r *http.Request) string {
	from, base := r.Header.Get("Referer"), s.site.Base(r)
	if rest, own := strings.CutPrefix(from, base.Scheme+"://"+base.Host); own {
		return page.LocalPath(rest)
	}
	return page.Root
}

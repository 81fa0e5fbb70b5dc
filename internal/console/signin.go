package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
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
func (c *console) insecure(r *http.Request) string {
	base := c.base(r)
	if base.Scheme == "https" || loopback(base) {
		return ""
	}
	return "This address is plain http, so passwords would cross the network as readable text. Open the console over https: " +
		"put a proxy with a certificate in front, name it in TRUSTED_PROXIES, and set PUBLIC_URL to its address."
}

// signInPage shows the form, or leads on who is signed in already.
func (c *console) signInPage(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if _, err := c.visit(r); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // localPath lets nothing but our own pages through
		return
	}
	c.writeSignIn(w, r, http.StatusOK, signInView{Next: next})
}

func (c *console) writeSignIn(w http.ResponseWriter, r *http.Request, status int, shown signInView) {
	shown.OpenID, shown.Refused = c.o.OpenID != nil, c.insecure(r)
	if shown.Refused != "" {
		status = http.StatusForbidden
	}
	c.write(w, c.stranger(r), "sign-in", "Sign in", status, shown)
}

// signIn signs in with a password.
func (c *console) signIn(w http.ResponseWriter, r *http.Request) {
	if !c.sameOrigin(w, r) {
		return
	}
	shown := signInView{Next: localPath(r.PostFormValue("next")), Email: r.PostFormValue("email")}
	if c.insecure(r) != "" {
		c.writeSignIn(w, r, http.StatusForbidden, shown)
		return
	}
	token, err := c.o.People.SignIn(r.Context(), shown.Email, r.PostFormValue("password"), remote(r))
	if shown.Problem = refusal(err); shown.Problem != "" {
		status := http.StatusUnauthorized
		if _, ok := errors.AsType[people.TooManyError](err); ok {
			status = http.StatusTooManyRequests
		}
		c.writeSignIn(w, r, status, shown)
		return
	}
	if err != nil {
		c.fail(w, r, c.stranger(r), err)
		return
	}
	c.enter(w, r, token, shown.Next)
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
func (c *console) enter(w http.ResponseWriter, r *http.Request, token, next string) {
	c.setCookie(w, r, cookieSession, token, people.SessionLife)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// signOut ends the session.
func (c *console) signOut(w http.ResponseWriter, r *http.Request) {
	v, ok := c.admit(w, r, access.ReadClinics)
	if !ok || !c.checkForm(w, v) {
		return
	}
	if err := c.o.People.SignOut(r.Context(), v.token, remote(r)); err != nil {
		c.fail(w, r, v, err)
		return
	}
	c.setCookie(w, r, cookieSession, "", 0)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, Root+"/sign-in", http.StatusSeeOther)
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
func (c *console) linkPage(w http.ResponseWriter, r *http.Request) {
	if c.insecure(r) != "" {
		c.writeSignIn(w, r, http.StatusForbidden, signInView{})
		return
	}
	c.writeLink(w, r, http.StatusOK, r.URL.Query().Get("token"), "")
}

func (c *console) writeLink(w http.ResponseWriter, r *http.Request, status int, token, problem string) {
	link, err := c.o.People.Link(r.Context(), token)
	shown := linkView{Token: token, Who: link.OSUser, Invited: link.PersonID != uuid.Nil, Least: people.MinPassword, Problem: problem}
	if err == nil && shown.Invited {
		var p people.Person
		p, err = c.o.People.Person(r.Context(), link.PersonID)
		shown.Who = p.Email
	}
	if errors.Is(err, people.ErrLink) || errors.Is(err, people.ErrNotFound) {
		c.writeSignIn(w, r, http.StatusGone, signInView{Next: Root, Problem: refusal(people.ErrLink)})
		return
	}
	if err != nil {
		c.fail(w, r, c.stranger(r), err)
		return
	}
	c.write(w, c.stranger(r), "link", "Sign in", status, shown)
}

// followLink uses a one-time link.
func (c *console) followLink(w http.ResponseWriter, r *http.Request) {
	if !c.sameOrigin(w, r) {
		return
	}
	if c.insecure(r) != "" {
		c.writeSignIn(w, r, http.StatusForbidden, signInView{})
		return
	}
	token, password := r.PostFormValue("token"), r.PostFormValue("password")
	var session string
	var err error
	if r.PostForm.Has("password") {
		if problem := c.checkNewPassword(r); problem != "" {
			c.writeLink(w, r, http.StatusUnprocessableEntity, token, problem)
			return
		}
		session, err = c.o.People.AcceptInvitation(r.Context(), token, password, remote(r))
	} else {
		session, err = c.o.People.FollowLink(r.Context(), token, remote(r))
	}
	if problem := refusal(err); problem != "" {
		c.writeSignIn(w, r, http.StatusGone, signInView{Next: Root, Problem: problem})
		return
	}
	if err != nil {
		c.fail(w, r, c.stranger(r), err)
		return
	}
	c.enter(w, r, session, Root)
}

// checkNewPassword returns what is wrong with a password that was typed twice.
func (c *console) checkNewPassword(r *http.Request) string {
	password := r.PostFormValue("password")
	if err := people.CheckPassword(password); err != nil {
		return sentence(err.Error())
	}
	if password != r.PostFormValue("again") {
		return "The two passwords differ."
	}
	return ""
}

// themeLife is how long a browser remembers which theme was chosen.
const themeLife = 365 * 24 * time.Hour

// setTheme remembers light, dark, or what the system says.
func (c *console) setTheme(w http.ResponseWriter, r *http.Request) {
	if !c.sameOrigin(w, r) {
		return
	}
	c.setCookie(w, r, cookieTheme, themeOf(r.PostFormValue("theme")), themeLife)
	http.Redirect(w, r, localPath(r.PostFormValue("next")), http.StatusSeeOther)
}

// themeOf returns light or dark, or empty for what the system says.
func themeOf(text string) string {
	if text == "light" || text == "dark" {
		return text
	}
	return ""
}

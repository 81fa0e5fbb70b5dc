package pims

import (
	"context"
	"time"
)

// A Browser logs in where a PIMS has no API for it. It never fetches data (R36).
// It is safe for concurrent use.
type Browser interface {
	// Login opens the form, fills it in, submits it and waits until the page has
	// left it and the form's Accepted returns nil. Errors: Accepted's, ErrAuthRejected, ErrAuthChallenge, ErrLoginFormChanged,
	// ErrBrowserUnavailable, ErrUnreachable, ErrHostNotAllowed, a *FieldError, or
	// the context's.
	Login(ctx context.Context, form LoginForm) (BrowserSession, error)
}

// A LoginForm tells a Browser how a login page works. All selectors are CSS; of
// several, the first that is visible counts.
type LoginForm struct {
	URL    string       // the page that shows the form
	Fields []LoginField // filled in in this order
	Submit []string     // what to click

	// Refusals are the elements that show a text when the PIMS refuses.
	Refusals []string

	// Challenges are the elements of a captcha or a second factor.
	Challenges []string

	// Hosts are the hosts that the page and its redirects may lead to.
	Hosts HostPolicy

	// Accepted asks the PIMS whether it accepts the session of the page that the
	// browser rests on. An error that is a NotYet lets the browser go on watching: a
	// page may go on by itself before the session is good. Any other error ends the
	// login. Nil: every session is accepted.
	Accepted func(context.Context, BrowserSession) error
}

// A NotYet says that a session is not accepted, or not yet. Err is what the login ends
// with if that does not change in its time.
type NotYet struct{ Err error }

func (e *NotYet) Error() string { return "the session is not accepted yet: " + e.Err.Error() }

func (e *NotYet) Unwrap() error { return e.Err }

// A LoginField is one input of a LoginForm. Its value is secret.
type LoginField struct {
	Name      string // of the credentials' field, as in FieldError
	Selectors []string
	Value     string

	// Optional: the form need not have it. One that the form does have and that has
	// no value is a *FieldError, before anything is submitted.
	Optional bool
}

// A BrowserSession is what a browser holds after a login. It is secret.
type BrowserSession struct {
	URL       string // where the browser ended
	UserAgent string
	Cookies   []Cookie // by their creation, the oldest first
}

// A Cookie is one of a BrowserSession's. Name and Value are the bytes that a browser
// sends: quotes count, neither need be UTF-8, and Name may be empty. Domain is set
// only where the cookie is good for sub-domains too; otherwise Host is the one host
// it is for.
type Cookie struct {
	Name     string
	Value    string
	Host     string
	Domain   string
	Path     string
	Secure   bool
	HTTPOnly bool

	// Partitioned: it is kept beside another of its name that is not.
	Partitioned bool

	// Expires is when it is no longer sent; zero: with the session.
	Expires time.Time
}

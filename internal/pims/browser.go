package pims

import (
	"context"
	"time"
)

// A Browser logs in where a PIMS has no API for a login. It never fetches data (R36). It is
// safe for concurrent use.
type Browser interface {
	// Login opens the form, fills it in and submits it. It waits until the browser has left
	// the page and the form's Accepted returns nil. Errors: Accepted's, ErrAuthRejected,
	// ErrAuthChallenge, ErrLoginFormChanged, ErrBrowserUnavailable, ErrUnreachable,
	// ErrHostNotAllowed, a *FieldError, or the context's.
	Login(ctx context.Context, form LoginForm) (BrowserSession, error)
}

type failedPageKey struct{}

// SeeFailedPage lets somebody see the page on which logins fail that are made with the
// context: a JPEG that shows nothing of what was typed. A Browser that makes none does not
// call see, and nobody keeps the picture.
func SeeFailedPage(ctx context.Context, see func(jpeg []byte)) context.Context {
	return context.WithValue(ctx, failedPageKey{}, see)
}

// FailedPageSeer returns the function that SeeFailedPage was given, or nil.
func FailedPageSeer(ctx context.Context) func(jpeg []byte) {
	see, _ := ctx.Value(failedPageKey{}).(func([]byte))
	return see
}

// A LoginForm tells a Browser how a login page works. All selectors are CSS. Where several
// match, the first visible element counts.
type LoginForm struct {
	URL    string       // the page that shows the form
	Fields []LoginField // filled in in this order
	Submit []string     // what to click

	// Refusals are the elements that show a text when the PIMS refuses the login.
	Refusals []string

	// Challenges are the elements of a captcha or a second factor.
	Challenges []string

	// Hosts are the hosts to which the page and its redirects may lead.
	Hosts HostPolicy

	// Accepted asks the PIMS whether it accepts the session of the present page. With a
	// NotYet error the browser continues to wait, because a page may load others before the
	// session is good. Any other error ends the login. Nil: every session is accepted.
	Accepted func(context.Context, BrowserSession) error
}

// A NotYet says that a session is not accepted so far. Err is the error of the login if
// that does not change in time.
type NotYet struct{ Err error }

func (e *NotYet) Error() string { return "the session is not accepted yet: " + e.Err.Error() }

func (e *NotYet) Unwrap() error { return e.Err }

// A LoginField is one input of a LoginForm. Its value is secret.
type LoginField struct {
	Name      string // of the credentials' field, as in FieldError
	Selectors []string
	Value     string

	// Optional: the form need not have the field. A field that the form has and that has no
	// value is a *FieldError, before anything is submitted.
	Optional bool
}

// A BrowserSession is what a browser holds after a login. It is secret.
type BrowserSession struct {
	URL       string // where the browser ended
	UserAgent string
	Cookies   []Cookie // by their creation, the oldest first
}

// A Cookie is one cookie of a BrowserSession. Name and Value are the bytes that a browser
// sends: quotes belong to them, neither has to be UTF-8, and Name may be empty. Domain is
// set only where the cookie is also valid for sub-domains. Otherwise Host is the one host
// for which it is valid.
type Cookie struct {
	Name     string
	Value    string
	Host     string
	Domain   string
	Path     string
	Secure   bool
	HTTPOnly bool

	// Partitioned: the cookie is stored separately from an unpartitioned one of the same
	// name.
	Partitioned bool

	// Expires is when the cookie is no longer sent; zero: when the session ends.
	Expires time.Time
}

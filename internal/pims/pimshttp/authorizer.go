package pimshttp

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// An Authorizer signs the requests of one session. It is safe for concurrent use, and it
// never sends anything itself.
type Authorizer interface {
	// Sign adds to a request what proves the session.
	Sign(request *http.Request)

	// Answered reads the header of the answer to a request, which may renew the session.
	Answered(request *http.Request, header http.Header)
}

// Cookies are the Authorizer of a session that a browser made: its cookies, which answers
// may renew, and its User-Agent.
type Cookies struct {
	session pims.BrowserSession
	jar     *jar
}

// NewCookies makes the Authorizer of a browser's session. A cookie that names neither a host
// nor a domain is valid for the host of base.
func NewCookies(session pims.BrowserSession, base string) *Cookies {
	u, err := url.Parse(base)
	if err != nil {
		u = &url.URL{} // New refuses it
	}
	return &Cookies{session: session, jar: newJar(session.Cookies, u)}
}

// Session returns the session in its present state, with the cookies that the PIMS has
// renewed.
func (c *Cookies) Session() pims.BrowserSession {
	session := c.session
	session.Cookies = c.jar.all()
	return session
}

// Sign implements Authorizer.
func (c *Cookies) Sign(request *http.Request) {
	if c.session.UserAgent != "" {
		request.Header.Set("User-Agent", c.session.UserAgent)
	}
	if cookies := c.jar.header(request.URL, time.Now()); cookies != "" {
		request.Header["Cookie"] = []string{cookies}
	}
}

// Answered implements Authorizer.
func (c *Cookies) Answered(request *http.Request, header http.Header) {
	c.jar.take(request.URL, header, time.Now())
}

// Bearer returns the Authorizer of a token (RFC 6750). The token is sent in a header, never
// in a URL.
func Bearer(token string) Authorizer { return bearer{secret.New(token)} }

type bearer struct{ token secret.Text }

func (b bearer) Sign(request *http.Request) {
	request.Header.Set("Authorization", "Bearer "+b.token.Reveal())
}

func (bearer) Answered(*http.Request, http.Header) {}

// LogValue keeps the token out of logs (R40).
func (bearer) LogValue() slog.Value { return slog.StringValue("[token]") }

// String keeps the token out of texts made with fmt (R40).
func (bearer) String() string { return "[token]" }

// GoString keeps the token out of texts made with %#v (R40).
func (bearer) GoString() string { return "pimshttp.Bearer(…)" }

package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// csrfHeader is where a request to the API carries the token that forms have as csrf.
const csrfHeader = "X-CSRF-Token"

// SessionOf returns what finds the person whose session a request to the API carries (R42,
// R43). Its error is clinic.ErrUnauthorized where there is none. A request that may change
// something must come from our own pages, with the session's token: else it is
// CodeForbidden.
func SessionOf(o Options) func(*http.Request) (access.Caller, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &console{o: o}
	return func(r *http.Request) (access.Caller, error) {
		v, err := c.visit(r)
		switch {
		case errors.Is(err, people.ErrNoSession):
			return access.Caller{}, clinic.ErrUnauthorized
		case err != nil:
			return access.Caller{}, err
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !c.meant(v):
			return access.Caller{}, syncs.Fail(syncs.CodeForbidden,
				"a request of a session that changes something needs the server's own Origin and the session's token in "+csrfHeader)
		}
		return v.Caller, nil
	}
}

// LinkOf returns what makes the address of a link with a token, as the caller of a request
// finds the console.
func LinkOf(o Options) func(*http.Request, string) string {
	c := &console{o: o}
	return func(r *http.Request, token string) string { return LinkAddress(c.base(r), token) }
}

// meant reports whether a request comes from our own pages in the same session.
func (c *console) meant(v *Visit) bool {
	base := c.base(v.Request)
	return v.Header.Get("Origin") == base.Scheme+"://"+base.Host && people.CSRFMatches(v.token, v.Header.Get(csrfHeader))
}

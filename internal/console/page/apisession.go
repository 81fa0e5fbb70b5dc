package page

import (
	"errors"
	"net/http"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CSRFHeader is where a request to the API carries the token that forms have as csrf.
const CSRFHeader = "X-CSRF-Token"

// Caller returns the person whose session a request to the API carries (R42, R43). The error
// is clinic.ErrUnauthorized where there is none. A request that may change something must
// come from our own pages, with the session's token: else it is CodeForbidden.
func (s *Site) Caller(r *http.Request) (access.Caller, error) {
	v, err := s.Visit(r)
	switch {
	case errors.Is(err, people.ErrNoSession):
		return access.Caller{}, clinic.ErrUnauthorized
	case err != nil:
		return access.Caller{}, err
	case r.Method != http.MethodGet && r.Method != http.MethodHead && !s.meant(v):
		return access.Caller{}, syncs.Fail(syncs.CodeForbidden,
			"a request of a session that changes something needs the server's own Origin and the session's token in "+CSRFHeader)
	}
	return v.Caller, nil
}

// meant reports whether a request comes from our own pages in the same session.
func (s *Site) meant(v *Visit) bool {
	base := s.Base(v.Request)
	return v.Header.Get("Origin") == base.Scheme+"://"+base.Host && people.CSRFMatches(v.token, v.Header.Get(CSRFHeader))
}

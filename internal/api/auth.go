package api

import (
	"errors"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/web"
)

// keyHeader is the header of the API key (W1).
const keyHeader = "X-Api-Key"

// How many failed authentications of one address get a 401.
const (
	failureBurst    = 10              // at once
	failureInterval = 6 * time.Second // then one in this time
)

const tooManyFailures = "too many requests with a missing or invalid API key came from this address; correct the key, and try again after the seconds in Retry-After"

// authenticate finds the caller of a call. Wrong keys of one address get only so many
// responses. A right key is always accepted, so that a caller who shares the address with a
// misconfigured one, for example behind a proxy, is not locked out.
func (s *server) authenticate(c *web.Call) (access.Caller, error) {
	var presented string
	if values := c.Header.Values(keyHeader); len(values) == 1 { // two keys are none
		presented = values[0]
	}
	now := s.o.Now()
	key, err := clinic.Authenticate(c.Context(), presented, s.o.Keys, now)
	if err == nil {
		return access.OfClinicKey(key), nil
	}
	if errors.Is(err, clinic.ErrUnauthorized) {
		if wait := s.failures.Take(c.Remote, now); wait > 0 {
			return access.Caller{}, web.RateLimited{Wait: wait, Text: tooManyFailures}
		}
	}
	return access.Caller{}, err
}

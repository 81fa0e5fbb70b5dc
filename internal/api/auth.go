package api

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// keyHeader is the header of the API key (W1).
const keyHeader = "X-Api-Key"

// tooManyFailures is the error of an address that sent too many wrong keys.
type tooManyFailures struct{ wait time.Duration }

func (tooManyFailures) Error() string {
	return "too many requests with a missing or invalid API key came from this address; correct the key, and try again after the seconds in Retry-After"
}

// seconds returns the value of Retry-After: whole seconds, rounded up.
func (t tooManyFailures) seconds() string {
	return strconv.Itoa(int(math.Ceil(t.wait.Seconds())))
}

// authenticate finds the key of a call. Wrong keys of one address are answered only so
// often. A right key is always accepted, so that a caller who shares the address with a
// misconfigured one, for example behind a proxy, is not locked out.
func (s *server) authenticate(c *call) (clinic.APIKey, error) {
	var presented string
	if values := c.Header.Values(keyHeader); len(values) == 1 { // two keys are none
		presented = values[0]
	}
	now := s.o.Now()
	key, err := clinic.Authenticate(c.Context(), presented, s.o.Keys, now)
	if !errors.Is(err, clinic.ErrUnauthorized) {
		return key, err
	}
	if wait := s.failures.take(s.clientAddress(c.Request), now); wait > 0 {
		return clinic.APIKey{}, tooManyFailures{wait}
	}
	return clinic.APIKey{}, err
}

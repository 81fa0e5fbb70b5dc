package api

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// keyHeader carries the API key (W1).
const keyHeader = "X-Api-Key"

// tooManyFailures is the refusal to go on answering an address's wrong keys.
type tooManyFailures struct{ wait time.Duration }

func (tooManyFailures) Error() string {
	return "too many requests with a missing or invalid API key came from this address; correct the key, and try again after the seconds in Retry-After"
}

// seconds is what Retry-After says: whole seconds, rounded up.
func (t tooManyFailures) seconds() string {
	return strconv.Itoa(int(math.Ceil(t.wait.Seconds())))
}

// authenticate finds the key of a call. Wrong keys of one address are answered
// only so often; a right key is always let in, so that a caller who shares the
// address of a misconfigured one, behind a proxy say, is not locked out.
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

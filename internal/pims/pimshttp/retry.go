package pimshttp

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// The limits of retries (R32).
const (
	maxTries         = 3
	maxRetryAfter    = 120 * time.Second
	freeRetries      = 3  // of one Client, whatever it asks
	requestsPerRetry = 10 // one more retry for so many requests: 10 %
)

// A retryable is an error after which the same request may succeed.
type retryable struct {
	error
	after time.Duration // what the PIMS asked us to wait; 0: it did not say
}

func (e *retryable) Unwrap() error { return e.error }

// delay returns how long to wait after a number of tries: a random time up to the backoff,
// which doubles with each try, and no less than the PIMS asked for. It returns false where
// there is no further try. That includes a PIMS that asks for a longer wait than we accept:
// a sooner try would ignore its request.
func delay(tries int, backoff, after time.Duration) (time.Duration, bool) {
	if tries >= maxTries || after > maxRetryAfter {
		return 0, false
	}
	jittered := rand.N(backoff << (tries - 1)) //nolint:gosec // it spreads requests and hides nothing
	return max(after, jittered), true
}

// RetryAfter returns how long a header asks to wait, in seconds or until a date. A date is one
// of the server's clock, which Date tells; now is ours, for a server that does not tell its
// own. RetryAfter returns 0 where the header is missing, unreadable or past.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if served, err := http.ParseTime(header.Get("Date")); err == nil {
		now = served
	}
	return max(0, at.Sub(now))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

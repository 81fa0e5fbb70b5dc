package pimshttp

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, time.January, 17, 12, 0, 0, 0, time.UTC)
	for _, seed := range []string{
		"", "0", "7", "120", "-1", "1.5", "99999999999999999999", "soon",
		"Sat, 17 Jan 2026 12:00:30 GMT", "Saturday, 17-Jan-26 12:00:30 GMT", "Sat Jan 17 12:00:30 2026",
		"Thu, 01 Jan 1970 00:00:00 GMT",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		wait := RetryAfter(http.Header{"Retry-After": {value}}, now)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		if at, err := http.ParseTime(value); err == nil && at.After(now) {
			require.Equal(t, at.Sub(now), wait)
		}
		delay, again := delay(1, time.Second, wait)
		require.Equal(t, wait <= maxRetryAfter, again)
		require.LessOrEqual(t, delay, maxRetryAfter)
	})
}

package pimshttp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// script answers requests in turn without any network, so that its tests run on
// synctest's clock. The last answer repeats.
type script struct {
	answers []answer
	sent    []time.Time
}

type answer struct {
	status int
	header http.Header
	body   string
	takes  time.Duration
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	a := s.answers[min(len(s.sent), len(s.answers)-1)]
	s.sent = append(s.sent, time.Now())
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(a.takes):
	}
	return &http.Response{
		StatusCode: a.status, Header: a.header, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

var (
	fine = answer{status: http.StatusOK, body: "{}"}
	busy = answer{status: http.StatusServiceUnavailable}
)

func after(status int, value string) answer {
	return answer{status: status, header: http.Header{"Retry-After": {value}}}
}

// scripted is a client whose answers are written down.
func scripted(t *testing.T, s *script, options pimshttp.Options) *pimshttp.Client {
	t.Helper()
	options.Base, options.Transport = "https://pims.example.com", s
	options.Hosts.Known = []string{"pims.example.com"}
	client, err := pimshttp.New(options)
	require.NoError(t, err)
	return client
}

func TestTriesAreSpacedByADoublingBackoffWithFullJitter(t *testing.T) { // R32
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var first, second time.Duration
		for range 200 {
			s := &script{answers: []answer{busy}}
			err := scripted(t, s, pimshttp.Options{}).GetJSON(t.Context(), request, readValue)
			require.ErrorIs(t, err, pims.ErrRemote)
			require.ErrorContains(t, err, "after 3 tries")
			require.Len(t, s.sent, 3)
			require.Less(t, s.sent[1].Sub(s.sent[0]), time.Second)
			require.Less(t, s.sent[2].Sub(s.sent[1]), 2*time.Second)
			first, second = first+s.sent[1].Sub(s.sent[0]), second+s.sent[2].Sub(s.sent[1])
		}
		require.InDelta(t, 0.5, first.Seconds()/200, 0.1, "the middle of 0 to 1 s")
		require.InDelta(t, 1, second.Seconds()/200, 0.2, "the middle of 0 to 2 s")
	})
}

func TestRetryAfterIsHonouredInBothForms(t *testing.T) { // R32
	t.Parallel()
	for name, c := range map[string]struct {
		value func() string
		wait  time.Duration
	}{
		"seconds":        {func() string { return "7" }, 7 * time.Second},
		"a date":         {func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }, 90 * time.Second},
		"the longest":    {func() string { return "120" }, 120 * time.Second},
		"a past date":    {func() string { return time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat) }, 0},
		"rubbish":        {func() string { return "soon" }, 0},
		"less than zero": {func() string { return "-5" }, 0},
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &script{answers: []answer{after(status, c.value()), fine}}
					require.NoError(t, scripted(t, s, pimshttp.Options{}).GetJSON(t.Context(), request, readValue))
					waited := s.sent[1].Sub(s.sent[0])
					require.GreaterOrEqual(t, waited, c.wait-time.Second)
					require.LessOrEqual(t, waited, max(c.wait, time.Second))
				})
			})
		}
	}
}

// A server's clock may be wrong, and so may ours: what counts is how far its date is from its
// own time.
func TestARetryAfterDateIsOneOfTheServersClock(t *testing.T) { // R32
	t.Parallel()
	ours := time.Date(2026, time.November, 30, 14, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		until, served string // Retry-After and Date
		wait          time.Duration
	}{
		"as ours":            {"Mon, 30 Nov 2026 14:01:30 GMT", "Mon, 30 Nov 2026 14:00:00 GMT", 90 * time.Second},
		"an hour ahead":      {"Mon, 30 Nov 2026 15:01:30 GMT", "Mon, 30 Nov 2026 15:00:00 GMT", 90 * time.Second},
		"an hour behind":     {"Mon, 30 Nov 2026 13:01:30 GMT", "Mon, 30 Nov 2026 13:00:00 GMT", 90 * time.Second},
		"past":               {"Mon, 30 Nov 2026 14:58:30 GMT", "Mon, 30 Nov 2026 15:00:00 GMT", 0},
		"no time":            {"Mon, 30 Nov 2026 14:01:30 GMT", "", 90 * time.Second},
		"an unreadable time": {"Mon, 30 Nov 2026 14:01:30 GMT", "soon", 90 * time.Second},
	} {
		header := http.Header{"Retry-After": {c.until}, "Date": {c.served}}
		require.Equal(t, c.wait, pimshttp.RetryAfter(header, ours), name)
	}
}

func TestMorePatienceThanTwoMinutesIsNotHad(t *testing.T) { // R32
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{after(http.StatusTooManyRequests, "121")}}
		start := time.Now()
		err := scripted(t, s, pimshttp.Options{}).GetJSON(t.Context(), request, readValue)
		require.ErrorIs(t, err, pims.ErrRateLimited)
		require.Len(t, s.sent, 1)
		require.Zero(t, time.Since(start))
	})
}

func TestOneRunTriesAgainThreeTimesAndForATenthOfItsRequests(t *testing.T) { // R32
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{busy}}
		client := scripted(t, s, pimshttp.Options{})
		for range 100 {
			require.ErrorIs(t, client.GetJSON(t.Context(), request, readValue), pims.ErrRemote)
		}
		require.Len(t, s.sent, 100+3+10)
	})
}

func TestACallerThatGivesUpWaitingIsLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{after(http.StatusTooManyRequests, "60")}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := scripted(t, s, pimshttp.Options{}).GetJSON(ctx, request, readValue)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, pims.ErrRateLimited)
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}

// limiter lets every try wait.
type limiter struct {
	wait  time.Duration
	hosts []string
	err   error
}

func (l *limiter) Wait(_ context.Context, charge pims.Charge) error {
	time.Sleep(l.wait)
	l.hosts = append(l.hosts, charge.Host)
	return l.err
}

func TestEveryTryWaitsForTheLimiterAndIsMeasuredWithoutTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(a answer) answer { a.takes = 3 * time.Second; return a }
		s := &script{answers: []answer{slow(busy), slow(fine)}}
		l := &limiter{wait: time.Minute}
		var seen []pims.Observation
		client := scripted(t, s, pimshttp.Options{
			Limiter: l,
			Observe: func(_ context.Context, o pims.Observation) { seen = append(seen, o) },
		})
		require.NoError(t, client.GetJSON(t.Context(), request, readValue))
		require.Equal(t, []string{"pims.example.com", "pims.example.com"}, l.hosts)
		require.Equal(t, []pims.Observation{
			{Operation: "test", Outcome: "remote_error", Status: 503, Duration: 3 * time.Second},
			{Operation: "test", Outcome: "ok", Status: 200, Duration: 3 * time.Second},
		}, seen)
	})
}

func TestALimiterThatFailsEndsTheRequest(t *testing.T) {
	t.Parallel()
	broken := errors.New("the database is away")
	s := &script{answers: []answer{fine}}
	err := scripted(t, s, pimshttp.Options{Limiter: &limiter{err: broken}}).GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, broken)
	require.Empty(t, s.sent)
}

func TestATryThatFailsIsLoggedWithoutItsQuery(t *testing.T) { // R40
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &script{answers: []answer{busy, fine}}
		client := scripted(t, s, pimshttp.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, client.GetJSON(t.Context(), request, readValue))
		require.Contains(t, log.String(), "operation=test outcome=remote_error try=1")
		require.NotContains(t, log.String(), "secret")
	})
}

package idexxneo

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A wire answers a session's requests with what a test writes down, byte by byte:
// the simulator shows how an honest Neo behaves, the wire what else may come.
type wire map[string]http.HandlerFunc // by path

func (w wire) ServeHTTP(response http.ResponseWriter, r *http.Request) {
	if answer, ok := w[r.URL.Path]; ok {
		answer(response, r)
		return
	}
	if r.URL.Path == "/users/providers" {
		says(`[{"id":11,"name":"Dr. Ada Fern","email":"ada@example.com","active":true}]`)(response, r)
		return
	}
	http.NotFound(response, r)
}

// says answers with a body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}
}

const (
	calendarPath = "/appointments/getCalendarEventData"
	lookupPath   = "/appointments/getAppointment"
	searchPath   = "/consultations/search"
)

// dial opens a session on a wire.
func dial(t testing.TB, w wire, change ...func(*provider)) *session {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	p, ok := New(pims.Environment{
		Hosts:   pims.HostPolicy{Named: []string{address.Host}},
		Backoff: time.Millisecond,
		Now:     func() time.Time { return time.Unix(1_768_000_000, 0) },
	}).(*provider)
	require.True(t, ok)
	for _, c := range change {
		c(p)
	}
	s, err := p.open(pims.Account{Location: berlin(t)}, savedState{Base: server.URL}, time.Time{})
	require.NoError(t, err)
	return s
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	location, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	return location
}

// january is a window of days of January 2026.
func january(t testing.TB, first, last int) pims.Window {
	t.Helper()
	day := func(n int) pims.Date { return pims.Date{Year: 2026, Month: time.January, Day: n} }
	window, err := pims.NewWindow(day(first), day(last), berlin(t))
	require.NoError(t, err)
	return window
}

// fixtures are the answers of a folder of testdata, by their names.
func fixtures(t testing.TB, folder string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	bodies := make(map[string]string, len(paths))
	for _, path := range paths {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		bodies[strings.TrimSuffix(filepath.Base(path), ".json")] = string(body)
	}
	return bodies
}

// requireDrift demands the error of an answer that is not known, and no byte of
// the answer in it (R40).
func requireDrift(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, pims.ErrSchemaDrift)
	for _, secret := range []string{"Bella", "555", "9001", "Internal"} {
		require.NotContains(t, err.Error(), secret)
	}
}

package neosim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// noon is a Wednesday; all tests stand there unless they say otherwise.
var noon = time.Date(2026, 1, 21, 12, 0, 0, 0, time.UTC)

func fixed(t time.Time) func() time.Time { return func() time.Time { return t } }

// browser is a client that does what the login page's script does.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
}

// serve starts the Sim on a listener of its own.
func serve(t *testing.T, o neosim.Options) (*neosim.Sim, *browser) {
	t.Helper()
	if o.Now == nil {
		o.Now = fixed(noon)
	}
	sim := neosim.New(o)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	t.Cleanup(func() { sim.ClearFaults() })
	return sim, newBrowser(t, server.URL)
}

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, base: base, client: &http.Client{Jar: jar, CheckRedirect: stay}}
}

// loggedIn starts the Sim and logs in.
func loggedIn(t *testing.T, o neosim.Options) (*neosim.Sim, *browser) {
	t.Helper()
	sim, b := serve(t, o)
	status, answer := b.login(sim.Options().Username, sim.Options().Password)
	require.Equal(t, http.StatusOK, status, answer)
	return sim, b
}

var tokenPattern = regexp.MustCompile(`(?:name="_token" value|name="csrf-token" content)="([0-9a-f]+)"`)

// login loads the page and sends its form as its script would.
func (b *browser) login(username, password string) (int, map[string]any) {
	b.t.Helper()
	_, page := b.open("/login")
	token := tokenPattern.FindStringSubmatch(page)
	require.NotNil(b.t, token, "the page shows a token")
	account := "username"
	if strings.Contains(page, `type="email"`) {
		account = "email"
	}
	form := url.Values{account: {username}, "password": {password}}
	if strings.Contains(page, `name="company_id"`) {
		form.Set("company_id", "4711")
	}
	headers := http.Header{"X-Requested-With": {"XMLHttpRequest"}, "Accept": {"application/json"}}
	if strings.Contains(page, "csrf-token\"") {
		headers.Set("X-CSRF-TOKEN", token[1])
	} else {
		form.Set("_token", token[1])
	}
	return b.postLogin(form, headers)
}

func (b *browser) postLogin(form url.Values, headers http.Header) (int, map[string]any) {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodPost, b.base+"/login", strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	request.Header = headers.Clone()
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, text := b.do(request)
	answer := map[string]any{}
	require.NoError(b.t, json.Unmarshal([]byte(text), &answer), text)
	return status, answer
}

// open loads a page.
func (b *browser) open(path string) (int, string) {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	require.NoError(b.t, err)
	return b.do(request)
}

// get asks the API as a script does.
func (b *browser) get(path string) (int, string) {
	b.t.Helper()
	return b.do(b.request(path))
}

func (b *browser) request(path string) *http.Request {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodGet, b.base+path, nil)
	require.NoError(b.t, err)
	request.Header.Set("X-Requested-With", "XMLHttpRequest")
	request.Header.Set("Accept", "application/json")
	return request
}

func (b *browser) do(request *http.Request) (int, string) {
	b.t.Helper()
	response, err := b.client.Do(request)
	require.NoError(b.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return response.StatusCode, string(text)
}

// rows reads the calendar of the days from first to last, in a bare array.
func (b *browser) rows(first, last time.Time) []map[string]any {
	b.t.Helper()
	status, text := b.get(calendarPath(first, last))
	require.Equal(b.t, http.StatusOK, status, text)
	return decode[[]map[string]any](b.t, text)
}

func calendarPath(first, last time.Time) string {
	return "/appointments/getCalendarEventData?" + url.Values{
		"start": {first.Format(time.DateOnly) + " 00:00:00"}, "end": {last.Format(time.DateOnly) + " 23:59:59"},
	}.Encode()
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}

// apiHeaders logs in and gives the headers of a script's request.
func apiHeaders(t *testing.T, sim *neosim.Sim) http.Header {
	t.Helper()
	server := httptest.NewServer(sim)
	defer server.Close()
	b := newBrowser(t, server.URL)
	status, _ := b.login(sim.Options().Username, sim.Options().Password)
	require.Equal(t, http.StatusOK, status)
	request := b.request(proof)
	for _, cookie := range b.client.Jar.Cookies(request.URL) {
		request.AddCookie(cookie)
	}
	return request.Header
}

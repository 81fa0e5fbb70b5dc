package pimshttp_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// newClient talks to a server that was started for the test. The options are
// filled in where the test leaves them open.
func newClient(t *testing.T, server *httptest.Server, options pimshttp.Options) *pimshttp.Client {
	t.Helper()
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	options.Base = server.URL
	options.Hosts.Named = append(options.Hosts.Named, address.Host)
	if options.Transport == nil {
		options.Transport = pimshttp.NewTransport(options.Hosts)
	}
	if options.Backoff == 0 {
		options.Backoff = time.Millisecond
	}
	options.IsLoginURL = func(u *url.URL) bool { return u.Path == "/login" }
	options.IsLoginPage = func(html []byte) bool { return strings.Contains(string(html), "password") }
	client, err := pimshttp.New(options)
	require.NoError(t, err)
	return client
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// request asks for something with a query that must never be told.
var request = pimshttp.Request{Operation: "test", Path: "/things/7", Query: url.Values{"q": {"secret"}}}

// readValue is a decoder that takes any JSON.
func readValue(d *jsontext.Decoder) error {
	_, err := d.ReadValue()
	return err
}

func TestARequestCarriesTheSession(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`"hello"`))
	})
	client := newClient(t, server, pimshttp.Options{
		Authorizer: pimshttp.NewCookies(pims.BrowserSession{
			UserAgent: "Browser/1.0",
			Cookies: []pims.Cookie{
				{Name: "session", Value: "abc", Host: "127.0.0.1", Path: "/"},
				{Name: "quoted", Value: `"a b"`, Host: "127.0.0.1", Path: "/"},
				{Name: "elsewhere", Value: "x", Host: "other.example.com", Path: "/"},
				{Name: "deeper", Value: "x", Host: "127.0.0.1", Path: "/admin"},
			},
		}, server.URL),
		Header: http.Header{"X-Requested-With": {"XMLHttpRequest"}},
	})
	var answer string
	err := client.GetJSON(t.Context(), request, func(d *jsontext.Decoder) error {
		token, err := d.ReadToken()
		answer = token.String()
		return err
	})
	require.NoError(t, err)
	require.Equal(t, "hello", answer)
	require.Equal(t, "/things/7", got.URL.Path)
	require.Equal(t, "secret", got.URL.Query().Get("q"))
	require.Equal(t, "Browser/1.0", got.UserAgent())
	require.Equal(t, "application/json", got.Header.Get("Accept"))
	require.Equal(t, "XMLHttpRequest", got.Header.Get("X-Requested-With"))
	require.Equal(t, `session=abc; quoted="a b"`, got.Header.Get("Cookie"))
}

func TestEveryAnswerHasItsKind(t *testing.T) {
	t.Parallel()
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	redirect := func(target string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
	}
	for name, c := range map[string]struct {
		answer   http.HandlerFunc
		kind     error
		requests int
	}{
		"401 is a dead session":                         {text(401, `{}`), pims.ErrSessionExpired, 1},
		"a redirect to the login page is one":           {redirect("/login"), pims.ErrSessionExpired, 1},
		"a redirect to a login page elsewhere is one":   {redirect("https://sso.example.com/login"), pims.ErrSessionExpired, 1},
		"the login page itself is one":                  {text(200, "  <!doctype html><input name=password>"), pims.ErrSessionExpired, 1},
		"another redirect is not followed":              {redirect("/elsewhere"), pims.ErrSchemaDrift, 1},
		"another page is drift":                         {text(200, "<html>Welcome</html>"), pims.ErrSchemaDrift, 1},
		"a page that says that it is closed":            {text(200, "<html>Down for maintenance</html>"), pims.ErrServer, 3},
		"an empty answer is tried again":                {text(200, ""), pims.ErrSchemaDrift, 3},
		"a truncated answer is tried again":             {text(200, `{"a":[1,2`), pims.ErrSchemaDrift, 3},
		"no JSON is drift":                              {text(200, `{"a":secret}`), pims.ErrSchemaDrift, 1},
		"a second value is drift":                       {text(200, `{} {}`), pims.ErrSchemaDrift, 1},
		"rubbish behind the value is drift":             {text(200, `{} secret`), pims.ErrSchemaDrift, 1},
		"201 is drift":                                  {text(201, `{}`), pims.ErrSchemaDrift, 1},
		"204 is drift":                                  {text(204, ``), pims.ErrSchemaDrift, 1},
		"400 is the PIMS's error":                       {text(400, `secret`), pims.ErrRemote, 1},
		"403 is the PIMS's error":                       {text(403, `secret`), pims.ErrRemote, 1},
		"404 is the PIMS's error":                       {text(404, `secret`), pims.ErrRemote, 1},
		"422 is the PIMS's error":                       {text(422, `secret`), pims.ErrRemote, 1},
		"501 is the PIMS's error":                       {text(501, `secret`), pims.ErrRemote, 1},
		"500 is tried again":                            {text(500, `secret`), pims.ErrRemote, 3},
		"502 is tried again":                            {text(502, `secret`), pims.ErrRemote, 3},
		"503 is tried again":                            {text(503, `secret`), pims.ErrRemote, 3},
		"504 is tried again":                            {text(504, `secret`), pims.ErrRemote, 3},
		"429 is tried again":                            {text(429, `secret`), pims.ErrRateLimited, 3},
		"a connection that breaks off is tried again":   {breakOff(0), pims.ErrUnreachable, 3},
		"an answer that breaks off is tried again":      {breakOff(1), pims.ErrUnreachable, 3},
		"a page that breaks off is no login page":       {breakOff(2), pims.ErrUnreachable, 3},
		"a byte order mark is no part of the answer":    {text(200, "\uFEFF{}"), nil, 1},
		"white space around the answer does not matter": {text(200, "\n {} \n"), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests counter
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests.add()
				c.answer(w, r)
			})
			err := newClient(t, server, pimshttp.Options{}).GetJSON(t.Context(), request, readValue)
			require.Equal(t, c.requests, requests.value())
			if c.kind == nil {
				require.NoError(t, err)
				return
			}
			require.Equal(t, pims.Kind(c.kind), pims.Kind(err), "%v", err)
			require.NotContains(t, err.Error(), "secret", "R40")
			require.Contains(t, err.Error(), "GET /things/7: ")
		})
	}
}

// breakOff cuts the connection before the head of an answer, in a JSON body, or in
// an HTML body.
func breakOff(where int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if where > 0 {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, []string{"", `{"a":`, "<html>"}[where])
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}
}

func TestWhatIsOptionalMayBeMissing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 410} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		optional := request
		optional.Optional = true
		err := newClient(t, server, pimshttp.Options{}).GetJSON(t.Context(), optional, readValue)
		require.ErrorIs(t, err, pims.ErrNotFound)
	}
}

func TestNobodyListensIsUnreachable(t *testing.T) {
	t.Parallel()
	server := serve(t, nil)
	client := newClient(t, server, pimshttp.Options{})
	server.Close()
	err := client.GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, pims.ErrUnreachable)
	require.ErrorContains(t, err, "refused")
	require.ErrorContains(t, err, "after 3 tries")
}

func TestADecodersOwnErrorIsFinal(t *testing.T) {
	t.Parallel()
	var requests counter
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.add()
		_, _ = io.WriteString(w, `{}`)
	})
	unhappy := errors.New("unhappy")
	err := newClient(t, server, pimshttp.Options{}).GetJSON(t.Context(), request, func(*jsontext.Decoder) error { return unhappy })
	require.ErrorIs(t, err, unhappy)
	require.Equal(t, 1, requests.value())
}

func TestATryThatTakesTooLongIsThePIMSsFault(t *testing.T) {
	t.Parallel()
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	client := newClient(t, server, pimshttp.Options{Timeout: 20 * time.Millisecond})
	err := client.GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, pims.ErrTimedOut)
	require.ErrorIs(t, err, pims.ErrUnreachable)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "timed out")
}

func TestABodyThatStallsIsThePIMSsFault(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"a":`+strings.Repeat(" ", 5000))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	client := newClient(t, server, pimshttp.Options{Timeout: 50 * time.Millisecond})
	err := client.GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, pims.ErrUnreachable)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
}

func TestTheCallersPatienceIsTheCallers(t *testing.T) {
	t.Parallel()
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := newClient(t, server, pimshttp.Options{}).GetJSON(ctx, request, readValue)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, pims.ErrUnreachable)
}

func TestAnAnswerIsNoLongerThanTheLimit(t *testing.T) {
	t.Parallel()
	const limit = 1000
	exact := `"` + strings.Repeat("x", limit-2) + `"`
	for name, answer := range map[string]func(http.ResponseWriter, string){
		"announced": func(w http.ResponseWriter, body string) { _, _ = io.WriteString(w, body) },
		"in chunks": func(w http.ResponseWriter, body string) {
			_, _ = io.WriteString(w, body[:10])
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, body[10:])
		},
		"compressed": func(w http.ResponseWriter, body string) {
			w.Header().Set("Content-Encoding", "gzip")
			compressor := gzip.NewWriter(w)
			_, _ = io.WriteString(compressor, body)
			_ = compressor.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests counter
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests.add()
				body := exact
				if r.URL.Path == "/long" {
					body += " "
				}
				answer(w, body)
			})
			client := newClient(t, server, pimshttp.Options{MaxBytes: limit})
			require.NoError(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/exact"}, readValue))
			err := client.GetJSON(t.Context(), pimshttp.Request{Path: "/long"}, readValue)
			require.ErrorIs(t, err, pimshttp.ErrTooLarge)
			require.ErrorIs(t, err, pims.ErrSchemaDrift)
			require.Equal(t, 2, requests.value(), "asking again makes it no shorter")
		})
	}
}

func TestAGzipBombIsBounded(t *testing.T) {
	t.Parallel()
	const unpacked = 64 << 20
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		compressor := gzip.NewWriter(w)
		_, _ = io.WriteString(compressor, `"`)
		_, _ = io.CopyN(compressor, letters{}, unpacked)
		_, _ = io.WriteString(compressor, `"`)
		_ = compressor.Close()
	})
	client := newClient(t, server, pimshttp.Options{MaxBytes: 1 << 20})
	require.ErrorIs(t, client.GetJSON(t.Context(), request, readValue), pimshttp.ErrTooLarge)
}

// letters is an endless text.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestManyRequestsAtOnceAreSafe(t *testing.T) {
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "turn", Value: r.URL.Query().Get("n")})
		_, _ = io.WriteString(w, `[]`)
	})
	cookies := pimshttp.NewCookies(pims.BrowserSession{}, server.URL)
	client := newClient(t, server, pimshttp.Options{Authorizer: cookies})
	var group sync.WaitGroup
	failures := make(chan error, 100)
	for range 50 {
		group.Go(func() { failures <- client.GetJSON(t.Context(), request, readValue) })
		group.Go(func() { _ = cookies.Session() })
	}
	group.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Len(t, cookies.Session().Cookies, 1)
}

// counter counts what happens in a server's goroutines.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) value() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

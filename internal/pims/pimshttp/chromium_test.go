package pimshttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// A step is one request and what its answer sets.
type step struct {
	path string
	set  []string // Set-Cookie lines
}

// A walk is a site that plays steps: /login, whose form leads to /login/walk, whose script
// asks for each step's path in turn and then goes to /end. It notes the Cookie header
// of each request.
type walk struct {
	*httptest.Server
	host  string
	steps []step

	mu    sync.Mutex
	next  int
	sent  []string      // the Cookie header of each step, and at last that of /end
	ahead time.Duration // our clock, of the browser's
}

func newWalk(t *testing.T, host string, steps []step) *walk {
	t.Helper()
	w := &walk{steps: append([]step{{"/start", []string{"start=1; Path=/"}}}, steps...)} // no login ends without a cookie
	mux := http.NewServeMux()
	mux.HandleFunc("/", w.serveStep)
	mux.HandleFunc("GET /login", page(`<form method=post action=/session><input name=user><input name=password><button type=submit>Go</button></form>`))
	mux.HandleFunc("POST /session", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login/walk", http.StatusSeeOther) })
	mux.HandleFunc("POST /login/clock", w.noteClock)
	paths := make([]string, len(w.steps))
	for i, s := range w.steps {
		paths[i] = fmt.Sprintf("%q", s.path)
	}
	mux.HandleFunc("GET /login/walk", page(`<script>(async () => {
		await fetch("/login/clock", { method: "POST", body: String(Date.now()) });
		for (const path of [`+strings.Join(paths, ",")+`]) await fetch(path, { cache: "no-store" });
		location.replace("/end");
	})()</script>`))
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	w.host = fmt.Sprintf("%s:%d", host, w.Listener.Addr().(*net.TCPAddr).Port)
	return w
}

// noteClock compares the browser's clock with ours. Where tests run on another date,
// that of the browser stays (internal/dates).
func (w *walk) noteClock(response http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	at, parseErr := strconv.ParseInt(string(body), 10, 64)
	if err := errors.Join(err, parseErr); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead = time.Since(time.UnixMilli(at))
}

// byOurClock lets the cookies of a browser's session end after the same time by our
// clock as by the browser's.
func (w *walk) byOurClock(session pims.BrowserSession) pims.BrowserSession {
	w.mu.Lock()
	defer w.mu.Unlock()
	session.Cookies = slices.Clone(session.Cookies)
	for i, c := range session.Cookies {
		if !c.Expires.IsZero() {
			session.Cookies[i].Expires = c.Expires.Add(w.ahead)
		}
	}
	return session
}

func page(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><link rel=icon href=data:,>"+body)
	}
}

func (w *walk) serveStep(response http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, r.Header.Get("Cookie"))
	if r.URL.Path == "/end" {
		page("The end.")(response, r)
		return
	}
	for _, line := range w.steps[w.next].set {
		response.Header().Add("Set-Cookie", line)
	}
	w.next++
	_, _ = io.WriteString(response, "{}")
}

// take returns what was sent so far and starts anew.
func (w *walk) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent, w.next = nil, 0
	return sent
}

// form leads a browser through the walk.
func (w *walk) form() pims.LoginForm {
	return pims.LoginForm{
		URL: "http://" + w.host + "/login",
		Fields: []pims.LoginField{
			{Selectors: []string{"input[name=user]"}, Value: "u"},
			{Selectors: []string{"input[name=password]"}, Value: "p"},
		},
		Submit: []string{"button[type=submit]"},
		Hosts:  pims.HostPolicy{Named: []string{w.host}},
	}
}

// client is one that has a browser's cookies.
func (w *walk) client(t *testing.T, session pims.BrowserSession) *pimshttp.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.Listener.Addr().String())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := pimshttp.New(pimshttp.Options{
		Base: "http://" + w.host, Authorizer: pimshttp.NewCookies(session, "http://"+w.host), Hosts: pims.HostPolicy{Named: []string{w.host}}, Transport: transport,
	})
	require.NoError(t, err)
	return client
}

// follow asks for what the browser asked for.
func (w *walk) follow(t *testing.T, client *pimshttp.Client) []string {
	t.Helper()
	for _, s := range w.steps {
		require.NoError(t, client.GetJSON(t.Context(), pimshttp.Request{Path: s.path}, readValue))
	}
	require.Error(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/end"}, readValue), "a page")
	return w.take()
}

// requireSame lets a real Chromium walk, and a Client after it.
func requireSame(t *testing.T, chromium *browser.Chromium, host string, steps []step) {
	t.Helper()
	w := newWalk(t, host, steps)
	session, err := chromium.Login(t.Context(), w.form())
	require.NoError(t, err)
	want := w.take()
	require.Len(t, want, len(w.steps)+1)

	t.Run("as the answers set them", func(t *testing.T) {
		require.Equal(t, want, w.follow(t, w.client(t, pims.BrowserSession{})))
	})
	t.Run("as the browser holds them at the end", func(t *testing.T) {
		client := w.client(t, w.byOurClock(session))
		require.Error(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/end"}, readValue))
		require.Equal(t, want[len(want)-1:], w.take())
	})
}

func newChromium(t *testing.T) *browser.Chromium {
	t.Helper()
	chromium := browser.New(browser.Options{TempDir: t.TempDir(), LoginTimeout: 30 * time.Second})
	t.Cleanup(chromium.Close)
	return chromium
}

func TestASessionSendsTheCookiesThatChromiumSends(t *testing.T) {
	t.Parallel()
	chromium := newChromium(t)
	later, past := "Fri, 01 Jan 2999 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:10 GMT"
	for name, set := range map[string][]string{
		"values": {
			`comma=a,b-4f`, `blank=a b  c`, `quoted="a b"`, `quote=a"b`, `lone="`, `json={"a":[1,2],"b":"c d"}`, `slash=a\b\"c`,
			`utf=zoë`, "nbsp=\u00a0x\u00a0", `paws=🐾`, `empty=`, `equal=a=b==c`, `  lead  =  v  `, `%41=%42`, `bracket=<[(x)]>@?`,
			`long=` + strings.Repeat("x", 4092), `longer=` + strings.Repeat("x", 4092), "tab=a\tb", "tabs=\ta\t",
		},
		"values that are no UTF-8": {
			"latin=zo\xeb", "latin-inside=a\xebbcdef\x80\x9f\xff", "cut=\xf0\x9f\x98", "\xeb=1", "both-\xe9=\xe9", "again=\xe9", "again=", "twice=a\xeb", "twice=a\xec",
		},
		"names": {
			`a,b=1`, `a b=2`, `"a"=3`, `ë=4`, `a:b=5`, `A=6`, `a=7`, `{a}=8`, `=`, ` = `,
		},
		"no name":                     {`value`},
		"no name, with an equal sign": {`=value`},
		"no name, two equal signs":    {`=a=b`},
		"no name, twice":              {`one`, `=two`},
		"names that promise": {
			`__Secure-a=1`, `__Secure-b=1; Secure`, `__Host-a=1; Secure`, `__Host-b=1; Secure; Path=/`, `__Host-c=1; Secure; Path=/; Domain=clinic.localhost`,
			`__secure-d=1`, `__HOST-e=1; Path=/`, `__Host-f=1; Secure; Path=/; Domain=`,
		},
		"no name, and a promise": {`__Secure-a`},
		"attributes": {
			`a=1; Secure; HttpOnly; SameSite=Strict`, `b=1; SameSite=None`, `c=1; SameSite=None; Secure`, `d=1; Partitioned`,
			`e=1; Partitioned; Secure; Path=/`, `f=1; PATH=/; hTTPonly`, `g=1;;;  ; Path = / ;`, `h=1; Unknown=x; Secure=no`, `i=1; SameSite=what`,
			"j=1;\tPath=/", `k="a;b"; Path=/`, `l=1; Path=/; Path=/deep`, `m=1; Path=/deep; Path=/`, `n=1; Path="/"`,
		},
		"partitioned beside not": {`a=1; Secure; Path=/`, `a=2; Secure; Path=/; Partitioned`},
		"paths": {
			`a=1; Path=/`, `b=1; Path=/deep`, `c=1; Path=/en`, `d=1; Path=/end`, `e=1; Path=/end/`, `f=1; Path=end`, `g=1; Path=`, `h=1; Path=/END`,
			`i=1; Path=/%65nd`, `j=1; Path=/; Path=`, `k=1; Path=/` + strings.Repeat("x", 1100), `l=1; Path=/a b`, `m=1; Path=/ë`,
		},
		"domains": {
			`a=1; Domain=clinic.localhost`, `b=1; Domain=.clinic.localhost`, `c=1; Domain=pims.clinic.localhost`, `d=1; Domain=.PIMS.Clinic.localhost`,
			`e=1; Domain=localhost`, `f=1; Domain=other.localhost`, `g=1; Domain=a.pims.clinic.localhost`, `h=1; Domain=`, `i=1; Domain=.`,
			`j=1; Domain=nic.localhost`, `k=1; Domain=clinic.localhost; Domain=`, `l=1; Domain=clinic.localhost.`, `m=1; Domain=127.0.0.1`, `n=1; Domain=..clinic.localhost`,
		},
		"ends": {
			`a=1; Max-Age=100`, `b=1; Max-Age=0`, `c=1; Max-Age=-1`, `d=1; Max-Age=x`, `e=1; Max-Age=`, `f=1; Max-Age=99999999999999999999`, `g=1; Max-Age="100"`,
			`h=1; Max-Age=1.5`, `i=1; Max-Age=+5`, `j=1; Max-Age=-0`, `k=1; Max-Age=-`, `l=1; Max-Age=00100`,
			`m=1; Expires=` + later, `n=1; Expires=` + past, `o=1; Max-Age=100; Expires=` + past, `p=1; Expires=` + later + `; Max-Age=0`,
			`q=1; Expires=soon`, `r=1; Expires=0`, `s=1; Expires=`, `t=1; Expires=Sunday, 01-Jan-98 00:00:00 GMT`, `u=1; Expires=Thu Jan  1 00:00:00 1970`,
			`v=1; Expires=1 1999 january 00:00:00`, `w=1; Expires=31 Feb 1999 00:00:00`, `x=1; Expires=Wed, 01 Jan 20 10:00:00 GMT`, `y=1; Expires=01 Jan 1999 25:00:00`,
			`z=1; Expires=01 Jan 1999 00:00`, `A=1; Expires="Thu, 01 Jan 1970 00:00:10 GMT"`, `B=1; Expires=Thu, 01 Jan 1600 00:00:00 GMT`, `C=1; Expires=1/Jan/1999 0:0:0`,
			`D=1; Expires=01 Jan 1999 00:00:00 00:00:01`, `E=1; Expires=Jan Feb 01 1999 00:00:00`, `F=1; Expires=01 Jan 1999 00:00:00 7`, `G=1; Expires=001 Jan 1999 00:00:00`,
			`H=1; Expires=Mon, 01 Jan 0001 00:00:00 GMT`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSame(t, chromium, "pims.clinic.localhost", []step{{"/first", set}, {"/deep/er", nil}, {"/en", nil}, {"/deep", nil}})
		})
	}
}

func TestASessionRenewsItsCookiesAsChromiumDoes(t *testing.T) {
	t.Parallel()
	chromium := newChromium(t)
	for name, steps := range map[string][]step{
		"a new value": {
			{"/a", []string{"x=1", "y=1", "z=1"}}, {"/b", []string{"x=2"}}, {"/c", []string{"y=1"}}, {"/d", []string{"y=3, 4"}},
		},
		"deleted and set again": {
			{"/a", []string{"x=1", "y=1"}}, {"/b", []string{"x=; Max-Age=0"}}, {"/c", []string{"x=2"}}, {"/d", []string{"y=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}},
		},
		"another path is another cookie": {
			{"/a/b/c", []string{"x=1", "x=2; Path=/", "x=3; Path=/a"}}, {"/a/b/c", nil}, {"/a/b", []string{"x=; Max-Age=0"}}, {"/a/b/c", nil}, {"/a/", nil}, {"/a", nil}, {"/ab", nil},
		},
		"another domain is another cookie": {
			{"/a", []string{"x=1", "x=2; Domain=clinic.localhost", "x=3; Domain=pims.clinic.localhost"}},
			{"/b", []string{"x=; Max-Age=0"}},
			{"/c", []string{"x=; Domain=clinic.localhost; Max-Age=0"}},
		},
		"the same cookie twice in an answer": {
			{"/a", []string{"x=1", "y=1", "x=2"}}, {"/b", []string{"y=2; Max-Age=0", "y=3"}},
		},
		"a cookie of the session gets an end": {
			{"/a", []string{"x=1"}}, {"/b", []string{"x=1; Max-Age=0"}}, {"/c", nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireSame(t, chromium, "pims.clinic.localhost", steps)
		})
	}
	t.Run("at an address", func(t *testing.T) {
		t.Parallel()
		requireSame(t, chromium, "127.0.0.1", []step{
			{"/a", []string{"a=1; Domain=127.0.0.1", "b=1; Domain=.127.0.0.1", "c=1; Domain=0.0.1", "d=1; Secure", "e=1"}}, {"/b", nil},
		})
	})
}

func TestWhateverASetCookieBringsASessionSendsWhatChromiumSends(t *testing.T) {
	t.Parallel()
	chromium := newChromium(t)
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			requireSame(t, chromium, "pims.clinic.localhost", randomSteps(rand.New(rand.NewPCG(seed, 7))))
		})
	}
}

// randomSteps are answers that set, renew and delete a few cookies over and over.
func randomSteps(r *rand.Rand) []step {
	paths := []string{"/a", "/a/b", "/a/b/c", "/ab", "/"}
	steps := make([]step, 25)
	for i := range steps {
		steps[i].path = paths[r.IntN(len(paths)-1)]
		for range r.IntN(5) {
			steps[i].set = append(steps[i].set, randomLine(r, paths))
		}
	}
	return steps
}

func randomLine(r *rand.Rand, paths []string) string {
	oneOf := func(words ...string) string { return words[r.IntN(len(words))] }
	line := oneOf("", "a", "b", "c d", `"e"`, "ë", "__Secure-f", "__Host-g") + oneOf("=", "=", "=", "=", " = ", "")
	for range r.IntN(6) {
		line += oneOf("x", "1", ",", " ", `"`, "=", "{", "}", `\`, "é", "🐾", "%", "/", ":", "\u00a0", "\t", "~")
	}
	for range r.IntN(4) {
		line += oneOf(";", "; ", " ;") + oneOf("Path", "path ", "Path", "Domain", "Max-Age", "Expires", "Secure", "Secure", "HttpOnly", "Partitioned", "SameSite", "X")
		line += oneOf("", "="+oneOf(paths...), "="+oneOf(paths...), "=clinic.localhost", "=pims.clinic.localhost", "=0", "=100", "=-5", "=None", "=Lax",
			"=Thu, 01 Jan 1970 00:00:00 GMT", "=Fri, 01 Jan 2999 00:00:00 GMT")
	}
	return line
}

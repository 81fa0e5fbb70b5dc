package web

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// served serves a page on a real listener and returns its address.
func served(t *testing.T, connections int, trusted ...netip.Prefix) string {
	t.Helper()
	handler := New(Options{Now: func() time.Time { return testTime }},
		Mount{"/plain", Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain") }))})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := Server(handler, time.Minute)
	done := make(chan error, 1)
	go func() { done <- s.Serve(Listen(l, connections, trusted, func() time.Time { return testTime })) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-done, http.ErrServerClosed)
	})
	return l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	return dialFrom(t, address, nil)
}

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, address string, from net.Addr) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: from}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	return c
}

// sent sends bytes and reads the response.
func sent(t *testing.T, address, text string) (*http.Response, string) {
	t.Helper()
	c := dial(t, address)
	_, _ = io.WriteString(c, text) // the server may hang up before the end
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err, "%.80q", text)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// Requests that net/http refuses by itself are refused in our form (R38).
func TestWhatNetHTTPRefusesIsRefusedInOurForm(t *testing.T) {
	t.Parallel()
	address := served(t, 100)
	for text, field := range map[string]string{
		"GET /plain HTTP/1.1\r\nHost: x\r\nExpect: Zanzibar\r\n\r\n":                               "Expect",
		"POST /plain HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n1":          "Expect",
		"GET /plain HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", maxHeader) + "\r\n\r\n": "header",
		"GET /" + strings.Repeat("a", maxHeader) + " HTTP/1.1\r\nHost: x\r\n\r\n":                  "header",
		"GET /plain HTTP/1.1\r\n\r\n":                                        "request",
		"GET /plain HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n":                  "request",
		"GET /plain HTTP/3.0\r\nHost: x\r\n\r\n":                             "request",
		"GET /plain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n":   "request",
		"GET /plain HTTP/1.1\r\nHost: x\r\nContent-Length: Zanzibar\r\n\r\n": "request",
		"GET /plain HTTP/1.1\r\nHost: x\r\nZanz ibar: 1\r\n\r\n":             "request",
		"Zanzibar\r\n\r\n":                     "request",
		"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n": "request",
	} {
		response, body := sent(t, address, text) //nolint:bodyclose // sent read and closed it
		require.Equal(t, http.StatusBadRequest, response.StatusCode, "%.60q: %s", text, body)
		require.Equal(t, "application/json", response.Header.Get("Content-Type"))
		require.True(t, response.Close, "the connection ends")
		var problem map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &problem), "%.60q: %s", text, body)
		require.Equal(t, "invalid_request", problem["code"])
		require.Equal(t, field, problem["field"], "%.60q", text)
		require.Equal(t, false, problem["success"])
		require.Equal(t, "2026-01-17T12:00:00.123Z", problem["timestamp"])
		require.NotContains(t, body, "Zanzibar")
	}
}

func TestUsualRequestsPassTheListenerUnchanged(t *testing.T) {
	t.Parallel()
	address := served(t, 100)
	for text, status := range map[string]int{
		"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                                       http.StatusOK,
		"GET /plain HTTP/1.0\r\n\r\n":                                                                                       http.StatusOK,
		"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n":                               http.StatusOK,
		"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: " + strings.Repeat("a", maxHeader-200) + "\r\n\r\n": http.StatusOK,
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                                        http.StatusNotFound,
		"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n":                                http.StatusNotFound,
		"BREW /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                                                      http.StatusMethodNotAllowed,
	} {
		response, body := sent(t, address, text) //nolint:bodyclose // sent read and closed it
		require.Equal(t, status, response.StatusCode, "%.60q: %s", text, body)
	}
}

func TestOnlySoManyConnectionsAreOpenAtTheSameTime(t *testing.T) {
	t.Parallel()
	address := served(t, 2)
	ask := func(c net.Conn) error {
		_, err := io.WriteString(c, "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			err = errors.Join(err, response.Body.Close())
		}
		return err
	}
	first, second := dial(t, address), dial(t, address)
	require.NoError(t, ask(first))
	require.NoError(t, ask(second))

	third := dial(t, address) // the system accepts it; we do not
	answered := make(chan error, 1)
	go func() { answered <- ask(third) }()
	require.NoError(t, ask(first))
	require.Empty(t, answered)
	require.NoError(t, second.Close())
	require.NoError(t, <-answered, "it has the place of the second")
}

// A caller that keeps all connections which it can get leaves a quarter to others.
func TestOneAddressDoesNotTakeAllConnections(t *testing.T) { // R38
	t.Parallel()
	greedy, other := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	ask := func(c net.Conn) *http.Response {
		_, _ = io.WriteString(c, "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n") // it may be refused before
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()))
		return response
	}
	address := served(t, 8)
	var held []net.Conn
	for range 6 {
		c := dialFrom(t, address, greedy)
		require.Equal(t, http.StatusOK, ask(c).StatusCode) //nolint:bodyclose // ask closes it
		held = append(held, c)
	}
	response, err := http.ReadResponse(bufio.NewReader(dialFrom(t, address, greedy)), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	require.Equal(t, "1", response.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, ask(dialFrom(t, address, other)).StatusCode) //nolint:bodyclose // ask closes it
	require.Equal(t, http.StatusOK, ask(dialFrom(t, address, other)).StatusCode) //nolint:bodyclose // ask closes it
	for _, c := range held {
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool {
		c := dialFrom(t, address, greedy)
		_, _ = io.WriteString(c, "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 10*time.Second, time.Millisecond, "the places are free again")

	behind := served(t, 8, netip.MustParsePrefix("127.0.0.0/8")) // a proxy's connections are those of many
	for range 8 {
		require.Equal(t, http.StatusOK, ask(dialFrom(t, behind, greedy)).StatusCode) //nolint:bodyclose // ask closes it
	}
}

// A proxy that TRUSTED_PROXIES names by its address is known whatever network the address is in.
func TestATrustedProxyHasNoShare(t *testing.T) { // R38
	t.Parallel()
	trusted, err := ParseProxies("192.0.2.7,2001:db8::7")
	require.NoError(t, err)
	for address, free := range map[string]bool{
		"192.0.2.7:999": true, "192.0.2.8:999": false, "[2001:db8::7]:999": true, "[2001:db8::8]:999": false,
	} {
		s := newShares(8, trusted)
		for open := range 8 {
			_, ok := s.take(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)), open+1)
			require.Equal(t, free || open < 6, ok, "%s: connection %d", address, open+1)
		}
	}
}

func TestAServerIsReachedUnderItsNamesAndProbedUnderAny(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"sync.example.com:443", "[2001:db8::7]:443", "2001:db8::7", "sync.example.com.", "https://sync.example.com"} {
		_, err := ParseHosts(bad)
		require.ErrorContains(t, err, "in ALLOWED_HOSTS is not a host without a port", bad)
	}
	hosts, err := ParseHosts(" Sync.Example.com, 192.0.2.7,[2001:db8::7] ")
	require.NoError(t, err)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	handler := New(Options{Hosts: hosts, Now: func() time.Time { return testTime }}, Mount{"/plain", ok}, Mount{"/health", ok})
	for target, status := range map[string]int{
		"http://sync.example.com/plain":       http.StatusOK,
		"http://SYNC.example.com.:8080/plain": http.StatusOK,
		"http://192.0.2.7:3001/plain":         http.StatusOK,
		"http://[2001:db8::7]:3001/plain":     http.StatusOK,
		"http://evil.example.com/plain":       http.StatusBadRequest,
		"http://sync.example.com.evil/plain":  http.StatusBadRequest,
		"http://10.0.0.1/nothing":             http.StatusBadRequest,
		"http://10.0.0.1/health":              http.StatusOK,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		require.Equal(t, status, w.Code, target)
		require.NotContains(t, w.Body.String(), "evil")
	}
}

// A proxy that believes the Content-Length where we believe the chunks would take what follows
// the chunks for a body, and we for the next request, which some other caller may have sent
// through the same connection.
func TestNothingAfterABodyInChunksIsARequest(t *testing.T) {
	t.Parallel()
	address := served(t, 100)
	for _, framing := range []string{"Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 70\r\n"} {
		response, body := sent(t, address, "POST /plain HTTP/1.1\r\nHost: x\r\n"+framing+"\r\n0\r\n\r\nGET /plain HTTP/1.1\r\nHost: x\r\n\r\n") //nolint:bodyclose // sent read and closed it
		require.Equal(t, 405, response.StatusCode, "%s %s", framing, body)
		require.True(t, response.Close, framing)

		c := dial(t, address)
		_, err := io.WriteString(c, "POST /plain HTTP/1.1\r\nHost: x\r\n"+framing+"\r\n0\r\n\r\nGET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		require.NoError(t, err)
		all, _ := io.ReadAll(c) // a connection that is closed before it is read to its end may be reset
		require.Equal(t, 1, strings.Count(string(all), "HTTP/1.1 "), "%s: %s", framing, all)
	}
}

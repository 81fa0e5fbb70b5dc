package apifuzz

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// A wire is a request as bytes, which need not be HTTP.
type wire struct {
	caller caller
	bytes  string
}

// broken makes a request that something is wrong with on the wire.
func (g *generator) broken() wire {
	r := g.request()
	var b strings.Builder
	version := pick(g, []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "", "http/1.1"})
	fmt.Fprintf(&b, "%s %s %s\r\nConnection: close\r\n", r.method, r.target, version)
	fmt.Fprintf(&b, "Host: %s\r\n", pick(g, []string{"127.0.0.1", "example.com:1", "", "a b", "[::1]"}))
	for _, h := range r.header {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString(pick(g, []string{
		"", "", "Expect: 100-continue\r\n", "Expect: 200-ok\r\n", "Expect:\r\n", "Content-Length: -1\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
		"Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "Upgrade: h2c\r\nConnection: Upgrade\r\n",
		"X: " + strings.Repeat("x", 70_000) + "\r\n", "Bad Header: x\r\n", ": x\r\n", " folded\r\n", "Trailer: X\r\n", "Host: two\r\n",
	}))
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body)+pick(g, []int{0, 0, 5, -1}), r.body)
	raw := []byte(b.String())
	for range g.IntN(3) {
		raw[g.IntN(len(raw))] = byte(g.IntN(256))
	}
	if g.oneIn(4) {
		raw = raw[:g.IntN(len(raw))]
	}
	return wire{caller: r.caller, bytes: string(raw)}
}

// sendBroken sends bytes. There is no response, or one in our form.
func (w *world) sendBroken(i int, sent wire) {
	w.t.Helper()
	c, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(w.t, err)
	defer c.Close()                                                  // it may be broken
	require.NoError(w.t, c.SetDeadline(time.Now().Add(time.Minute))) // longer than any of the server's
	_, _ = io.WriteString(c, sent.bytes)                             // the server may hang up before the end
	_ = c.(*net.TCPConn).CloseWrite()                                // it may be broken
	response, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: strings.SplitN(sent.bytes, " ", 2)[0]})
	if err != nil {
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusContinue {
		return
	}
	w.check(i, sent.caller, response, body, sent.bytes)
	if response.StatusCode >= http.StatusBadRequest && len(body) > 0 && !busy(response.StatusCode, body) {
		var problem struct{ Code string }
		require.NoError(w.t, json.Unmarshal(body, &problem), "request %d of seed %d: %q: %s", i, *seed, sent.bytes, body)
		require.NotEmpty(w.t, problem.Code)
	}
}

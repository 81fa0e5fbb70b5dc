package web

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// net/http refuses some requests before any handler runs: a malformed request line or
// header, one that is too long, an unknown transfer encoding, version or Expect. It writes
// these responses straight to the connection, in a form of its own. The connections of
// Listen replace them by a 400 in the one form of errors (R38).

// maxHeader is how many bytes the request line and the header of a request may have
// together.
const maxHeader = 64 << 10

// netHTTPSlop is what net/http adds to Server.MaxHeaderBytes.
const netHTTPSlop = 4 << 10

// The times of a connection. Server is given the time of a response.
const (
	headerTime = 10 * time.Second
	readTime   = 30 * time.Second // header and body
	idleTime   = time.Minute

	refusalTime = 100 * time.Millisecond // of a connection over its address's share
)

// Server returns a server for a listener of Listen. response is the longest time that a
// handler may take until its response is written.
func Server(handler http.Handler, response time.Duration) *http.Server {
	return &http.Server{
		Handler:           handler,
		MaxHeaderBytes:    maxHeader - netHTTPSlop,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      response,
		IdleTimeout:       idleTime,

		DisableGeneralOptionsHandler: true, // it has no form of ours
	}
}

// A listener bounds how many connections are open, and watches what they write.
type listener struct {
	net.Listener

	slots  chan struct{}
	shares *shares
	closed chan struct{}
	once   sync.Once
	now    func() time.Time
}

// Listen returns a listener for Server. At most connections are open at the same time;
// further ones wait in the operating system's queue. The last quarter of them is for callers
// that have less than a quarter; connections of a trusted proxy are those of many callers.
func Listen(l net.Listener, connections int, trusted []netip.Prefix, now func() time.Time) net.Listener {
	return &listener{Listener: l, slots: make(chan struct{}, connections), shares: newShares(connections, trusted), closed: make(chan struct{}), now: now}
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		giveBack, ok := l.shares.take(c.RemoteAddr(), len(l.slots))
		if ok {
			return &conn{Conn: c, now: l.now, release: sync.OnceFunc(func() { giveBack(); <-l.slots })}, nil
		}
		_ = c.SetDeadline(time.Now().Add(refusalTime))
		_, _ = c.Write(tooManyConnections(l.now())) // it may hang up first
		_ = c.Close()
		<-l.slots
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type conn struct {
	net.Conn

	now     func() time.Time
	release func()
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.release()
	return err
}

// CloseWrite lets net/http end a connection whose client is still sending.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write writes a response, or in the place of one that is net/http's own, ours.
func (c *conn) Write(b []byte) (int, error) {
	status := refusedByNetHTTP(b)
	if status == 0 {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(plainRefusal(status, c.now())); err != nil {
		return 0, err
	}
	return len(b), nil
}

// netHTTPHeader is the header of the responses that net/http writes by itself.
const netHTTPHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// refusedByNetHTTP returns the status of a response that net/http wrote by itself; 0: it is
// a handler's, or not the beginning of one. No handler of ours returns 417.
func refusedByNetHTTP(b []byte) int {
	const version = "HTTP/1.1 "
	if len(b) < len(version)+3 || string(b[:len(version)]) != version {
		return 0
	}
	status, err := strconv.Atoi(string(b[len(version) : len(version)+3]))
	if err != nil || status < http.StatusBadRequest {
		return 0
	}
	end := bytes.IndexByte(b, '\r')
	if status == http.StatusExpectationFailed || end > 0 && bytes.HasPrefix(b[end:], []byte(netHTTPHeader)) {
		return status
	}
	return 0
}

// plainRefusal returns the response in the place of net/http's.
func plainRefusal(status int, at time.Time) []byte {
	failure := Invalid("request", "the request is not well-formed HTTP/1.1")
	switch status {
	case http.StatusExpectationFailed:
		failure = Invalid("Expect", "Expect knows 100-continue and nothing else; leave the header out")
	case http.StatusRequestHeaderFieldsTooLarge:
		failure = Invalid("header", "the address and the header of the request have more than %d KiB", maxHeader>>10)
	}
	return plainResponse("400 Bad Request", "", failure, at)
}

// tooManyConnections returns the response of a connection over its address's share.
func tooManyConnections(at time.Time) []byte {
	return plainResponse("429 Too Many Requests", "Retry-After: 1\r\n",
		syncs.Fail(CodeRateLimited, "this address has too many connections open; close some, or send more requests on each"), at)
}

func plainResponse(status, header string, failure error, at time.Time) []byte {
	f, _ := errors.AsType[*syncs.Failure](failure) // there is no other
	body, _ := Encode(Problem{Error: f.Message, Code: string(f.Code), Field: f.Field, Timestamp: Instant(at)})
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nDate: %s\r\n\r\n%s",
		status, header, len(body), at.UTC().Format(http.TimeFormat), body)
}

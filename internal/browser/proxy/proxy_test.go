package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T, o Options) *Proxy {
	t.Helper()
	p, err := Listen(o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// An echo is a server that returns what it gets, and counts who came.
type echo struct {
	net.Listener
	came atomic.Int32
}

func newEcho(t *testing.T, address string) *echo {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	e := &echo{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.came.Add(1)
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return e
}

func (e *echo) port() string {
	_, port, _ := net.SplitHostPort(e.Addr().String())
	return port
}

// ask asks a proxy for a host:port, as a browser does, and returns its reply.
func ask(t *testing.T, p *Proxy, address string) (net.Conn, reply) {
	t.Helper()
	c, err := net.Dial("tcp", p.listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	request := []byte{5, 1, 0, 5, 1, 0}
	switch ip, err := netip.ParseAddr(host); {
	case err != nil:
		request = append(request, 3, byte(len(host)))
		request = append(request, host...)
	case ip.Is4():
		request = append(append(request, 1), ip.AsSlice()...)
	default:
		request = append(append(request, 4), ip.AsSlice()...)
	}
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	_, err = c.Write(append(request, byte(n>>8), byte(n)))
	require.NoError(t, err)
	var answer [12]byte
	_, err = io.ReadFull(c, answer[:])
	require.NoError(t, err)
	return c, reply(answer[3])
}

func TestANamedHostIsReached(t *testing.T) {
	t.Parallel()
	e := newEcho(t, "127.0.0.1:0")
	for _, host := range []string{"127.0.0.1", "localhost", "clinic.localhost"} {
		address := net.JoinHostPort(host, e.port())
		p := listen(t, Options{Hosts: pims.HostPolicy{Named: []string{address}}})
		c, got := ask(t, p, address)
		require.Equal(t, replySucceeded, got, address)
		fmt.Fprintln(c, "Biscuit")
		line, err := bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "Biscuit\n", line)
		require.NoError(t, p.Failure(&url.URL{Scheme: "http", Host: address}))
	}
}

// loopback are the ways to write this machine's address.
var loopback = []string{
	"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0", "64:ff9b::127.0.0.1", "2002:7f00:1::",
	"localhost", "LOCALHOST", "clinic.localhost", "clinic.localhost.", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
}

func TestNothingOfThisMachineIsReached(t *testing.T) {
	t.Parallel()
	e := newEcho(t, ":0")
	p := listen(t, Options{Hosts: pims.HostPolicy{Named: []string{"192.168.7.7", "127.0.0.1:1"}, Known: []string{"localhost", "127.0.0.1"}}})
	for _, host := range loopback {
		_, got := ask(t, p, net.JoinHostPort(host, e.port()))
		require.NotEqual(t, replySucceeded, got, host)
	}
	require.Zero(t, e.came.Load())
}

func TestAProxyForNobodyRefusesEverything(t *testing.T) {
	t.Parallel()
	e := newEcho(t, "127.0.0.1:0")
	p := listen(t, Options{Closed: true, Hosts: pims.HostPolicy{Named: []string{"127.0.0.1"}}})
	_, got := ask(t, p, e.Addr().String())
	require.Equal(t, replyNotAllowed, got)
	require.Zero(t, e.came.Load())
}

// names is a resolver that answers each question for a name with the next of its addresses.
func names(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	go answerNames(server, addresses)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func answerNames(server net.PacketConn, addresses []string) {
	packet := make([]byte, 1500)
	for {
		n, from, err := server.ReadFrom(packet)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(packet[:n]); err != nil {
			return
		}
		m.Response, m.Additionals = true, nil
		question := m.Questions[0]
		if question.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[0]).As4()},
			}}
			if len(addresses) > 1 {
				addresses = addresses[1:]
			}
		}
		if answer, err := m.Pack(); err == nil {
			_, _ = server.WriteTo(answer, from)
		}
	}
}

func TestANameThatMovesIsCheckedEachTime(t *testing.T) {
	t.Parallel()
	e := newEcho(t, "127.0.0.1:0")
	u := &url.URL{Scheme: "https", Host: "pims.example.com:" + e.port()}
	// Nothing listens at the first, or it is out of reach: what counts is that it may be tried.
	p := listen(t, Options{
		Hosts:    pims.HostPolicy{Known: []string{"pims.example.com"}},
		Resolver: names(t, "127.0.0.2", "127.0.0.1"),
	})
	for range 2 {
		_, got := ask(t, p, u.Host)
		require.Equal(t, replyNotAllowed, got)
		require.ErrorIs(t, p.Failure(u), pims.ErrHostNotAllowed)
		require.ErrorContains(t, p.Failure(u), "resolves to a private address")
	}
	require.Zero(t, e.came.Load())

	named := listen(t, Options{Hosts: pims.HostPolicy{Named: []string{u.Host}}, Resolver: names(t, "127.0.0.1")})
	_, got := ask(t, named, u.Host)
	require.Equal(t, replySucceeded, got, "the same name reaches it where the operator named it")
}

// deaf returns an address that refuses connections: it is bound, so that nobody else gets it,
// and nothing listens there.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	return fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
}

func TestFailuresSayWhy(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "http", Host: deaf(t)}
	p := listen(t, Options{Hosts: pims.HostPolicy{Named: []string{u.Host}}})
	_, got := ask(t, p, u.Host)
	require.Equal(t, replyRefused, got)
	require.EqualError(t, p.Failure(u), u.Host+": the connection was refused: "+pims.ErrUnreachable.Error())
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	t.Parallel()
	p := listen(t, Options{})
	for name, test := range map[string]struct{ sent, want string }{
		"HTTP":                   {"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n" + strings.Repeat("x", 100), ""},
		"SOCKS 4":                {"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", ""},
		"a password":             {"\x05\x01\x02", "\x05\xff"},
		"to listen":              {"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", "\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"},
		"UDP":                    {"\x05\x01\x00\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50", "\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"},
		"an address of no kind":  {"\x05\x01\x00\x05\x01\x00\x09\x7f\x00\x00\x01\x00\x50", "\x05\x00"},
		"a name without letters": {"\x05\x01\x00\x05\x01\x00\x03\x00\x00\x50", "\x05\x00"},
	} {
		c, err := net.Dial("tcp", p.listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(c, test.sent)
		require.NoError(t, err, name)
		got, _ := io.ReadAll(c) // an end, or a reset
		require.Equal(t, test.want, string(got), name)
		require.NoError(t, c.Close())
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	e := newEcho(t, "127.0.0.1:0")
	policy := pims.HostPolicy{Named: []string{"127.0.0.1"}}

	p := listen(t, Options{Hosts: policy, MaxBytes: portion})
	c, got := ask(t, p, e.Addr().String())
	require.Equal(t, replySucceeded, got)
	require.NoError(t, p.Exceeded())
	go func() { _, _ = io.CopyN(c, zeros{}, 10*portion) }()
	n, _ := io.Copy(io.Discard, c)
	require.Less(t, n, int64(4*portion), "more is not passed on")
	require.ErrorIs(t, p.Exceeded(), ErrTooMuch)

	p = listen(t, Options{Hosts: policy, MaxConnections: 2})
	for range 2 {
		_, got := ask(t, p, e.Addr().String())
		require.Equal(t, replySucceeded, got)
	}
	refused, err := net.Dial("tcp", p.listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = refused.Close() }()
	_, err = refused.Read(make([]byte, 1))
	require.Error(t, err, "a third connection at once is closed")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestOnlyTheBrowsersProcessesAreServed(t *testing.T) {
	t.Parallel()
	e := newEcho(t, "127.0.0.1:0")
	policy := pims.HostPolicy{Named: []string{"127.0.0.1"}}
	own := listen(t, Options{Hosts: policy, Peer: PeerInGroup(syscall.Getpgrp())})
	_, got := ask(t, own, e.Addr().String())
	require.Equal(t, replySucceeded, got)

	child := exec.Command("sleep", "60") // another group of the same user
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	others := listen(t, Options{Hosts: policy, Peer: PeerInGroup(child.Process.Pid)})
	c, err := net.Dial("tcp", others.listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = io.WriteString(c, "\x05\x01\x00")
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err, "a process that is not the browser gets nothing, not even a greeting")
	require.EqualValues(t, 1, e.came.Load())
}

func TestCloseEndsConnections(t *testing.T) {
	t.Parallel()
	e := newEcho(t, "127.0.0.1:0")
	p := listen(t, Options{Hosts: pims.HostPolicy{Named: []string{"127.0.0.1"}}})
	c, got := ask(t, p, e.Addr().String())
	require.Equal(t, replySucceeded, got)
	silent, err := net.Dial("tcp", p.listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	p.Close()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

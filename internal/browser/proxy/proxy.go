package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// Options configure a Proxy.
type Options struct {
	// Hosts decides which addresses may be contacted: every public one, and those of the
	// hosts that it names. A proxy for no host at all is made by Closed.
	Hosts pims.HostPolicy

	// Closed refuses every connection.
	Closed bool

	// Peer reports whether a connection's other end belongs to the browser. Nil accepts
	// every local process.
	Peer func(client, proxy netip.AddrPort) bool

	// Resolver resolves names. Nil means the system's.
	Resolver *net.Resolver

	// Refused is told each host:port to which a connection was refused. Nil tells nobody.
	Refused func(address string)

	// Panicked gets a panic of a connection (R58).
	Panicked func(*panics.Error)

	MaxConnections int   // at once; further ones are refused. Zero: 100
	MaxBytes       int64 // from all servers together. Zero: 64 MiB
}

const (
	handshakeTimeout = 10 * time.Second
	dialTimeout      = 10 * time.Second
)

// ErrTooMuch is the error of a login whose page sent more than MaxBytes.
var ErrTooMuch = errors.New("the page is too large")

// A Proxy listens on a port of its own until it is closed. It is safe for concurrent use.
type Proxy struct {
	options  Options
	listener net.Listener
	life     context.Context
	end      context.CancelFunc
	running  sync.WaitGroup

	mu       sync.Mutex
	open     map[net.Conn]struct{}
	failures map[string]error // the latest of each host:port
	left     int64            // bytes
}

// Listen starts a proxy.
func Listen(o Options) (*Proxy, error) {
	if o.MaxConnections <= 0 {
		o.MaxConnections = 100
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	if o.Panicked == nil {
		o.Panicked = func(*panics.Error) {}
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	p := &Proxy{
		options:  o,
		listener: listener,
		open:     make(map[net.Conn]struct{}),
		failures: make(map[string]error),
		left:     o.MaxBytes,
	}
	p.life, p.end = context.WithCancel(context.Background())
	panics.GoIn(&p.running, p.accept, o.Panicked)
	return p, nil
}

// URL is how the browser is told of the proxy.
func (p *Proxy) URL() string { return "socks5://" + p.listener.Addr().String() }

// Close ends all connections and returns when none is left.
func (p *Proxy) Close() {
	p.end()
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// Failure returns why the latest connection to a URL's host failed, or nil where it did not
// fail: pims.ErrHostNotAllowed or pims.ErrUnreachable.
func (p *Proxy) Failure(u *url.URL) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures[addressOf(u)]
}

// Exceeded returns ErrTooMuch where the servers sent more than MaxBytes.
func (p *Proxy) Exceeded() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left < 0 {
		return fmt.Errorf("%w: it sent more than %d MiB", ErrTooMuch, p.options.MaxBytes>>20)
	}
	return nil
}

// addressOf is a URL's host:port, as a browser asks a proxy for it.
func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return // closed: nothing else ends a listener on loopback
		}
		if !p.keep(c) {
			_ = c.Close()
			continue
		}
		panics.GoIn(&p.running, func() {
			defer p.drop(c)
			p.serve(c)
		}, p.options.Panicked)
	}
}

// keep notes an open connection, so that Close finds it.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life.Err() != nil || len(p.open) >= 2*p.options.MaxConnections { // each has two ends
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *Proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// serve is one connection of the browser, from the handshake to its end.
func (p *Proxy) serve(client net.Conn) {
	_ = client.SetDeadline(time.Now().Add(handshakeTimeout))
	if !p.isBrowser(client) {
		return
	}
	address, err := readRequest(client)
	if err != nil {
		return
	}
	server, err := p.dial(address)
	p.note(address, err)
	if err != nil {
		p.options.Refused(address)
		_ = writeReply(client, replyFor(err))
		return
	}
	if !p.keep(server) {
		_ = server.Close()
		return
	}
	defer p.drop(server)
	if err := writeReply(client, replySucceeded); err != nil {
		return
	}
	_ = client.SetDeadline(time.Time{})
	p.join(client, server)
}

func (p *Proxy) isBrowser(client net.Conn) bool {
	if p.options.Peer == nil {
		return true
	}
	from, err := netip.ParseAddrPort(client.RemoteAddr().String())
	if err != nil {
		return false
	}
	to, err := netip.ParseAddrPort(client.LocalAddr().String())
	return err == nil && p.options.Peer(from, to)
}

// dial connects to host:port, where the policy permits the address that it resolves to.
func (p *Proxy) dial(address string) (net.Conn, error) {
	if p.options.Closed {
		return nil, pims.ErrHostNotAllowed
	}
	dialer := net.Dialer{
		Timeout:  dialTimeout,
		Resolver: p.options.Resolver,
		ControlContext: func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
			return panics.Catch(func() error { return p.check(address, resolved) })
		},
	}
	return dialer.DialContext(p.life, "tcp", withoutLocal(address))
}

// withoutLocal replaces a name below localhost, which is this machine wherever it is resolved
// (RFC 6761), and which few resolvers know.
func withoutLocal(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".localhost") {
		return address
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// check returns an error where the policy does not permit the IP address that a host:port
// was resolved to.
func (p *Proxy) check(address, resolved string) error {
	endpoint, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("%s resolves to no IP address: %w", address, pims.ErrHostNotAllowed)
	}
	u := &url.URL{Host: address}
	if err := p.options.Hosts.CheckAddress(u, endpoint.Addr()); err != nil {
		return err
	}
	if isOwn(endpoint.Addr()) {
		return p.options.Hosts.CheckAddress(u, netip.IPv6Loopback())
	}
	return nil
}

// isOwn reports whether an address is one of this machine's, public or not.
func isOwn(address netip.Addr) bool {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, o := range own {
		if prefix, err := netip.ParsePrefix(o.String()); err == nil && prefix.Addr().Unmap() == address.Unmap().WithZone("") {
			return true
		}
	}
	return false
}

func (p *Proxy) note(address string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil || p.life.Err() != nil {
		delete(p.failures, address)
		return
	}
	const most = 1000 // a hostile page can name any number of hosts
	if len(p.failures) < most {
		p.failures[address] = failure(address, err)
	}
}

// failure explains an error of dial without the system's own text.
func failure(address string, err error) error {
	var (
		resolution *net.DNSError
		operation  *net.OpError
	)
	why := "the connection failed"
	switch {
	case errors.Is(err, pims.ErrHostNotAllowed):
		if errors.As(err, &operation) {
			err = operation.Err
		}
		return err
	case errors.As(err, &resolution):
		why = "the name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "the connection was refused"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &operation) && operation.Timeout():
		why = "it does not connect within " + dialTimeout.String()
	}
	return fmt.Errorf("%s: %s: %w", address, why, pims.ErrUnreachable)
}

package pimshttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

const maxHeaderBytes = 64 << 10 // of an answer; cookies are a few hundred

// Transport returns the transport that a provider uses: the environment's own or a new one,
// inside the environment's wrapper.
func Transport(environment pims.Environment) http.RoundTripper {
	transport := environment.Base
	if transport == nil {
		transport = NewTransport(environment.Hosts)
	}
	if environment.Wrap != nil {
		transport = environment.Wrap(transport)
	}
	return transport
}

// NewTransport makes the transport that all sessions of a provider share. It refuses to
// connect to an address that the policy does not permit, however the host's name was
// resolved, and it uses no proxy.
func NewTransport(hosts pims.HostPolicy) *http.Transport {
	return &http.Transport{
		DialContext:            guardedDial(hosts),
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           200,
		MaxIdleConnsPerHost:    20, // the widest batch of enrichment, R4
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// guardedDial dials for the transport. The transport and package net call it and its check
// in their own goroutines, so a panic in it becomes the error of the request (R58).
func guardedDial(hosts pims.HostPolicy) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := net.Dialer{
			Timeout: 10 * time.Second,
			ControlContext: func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
				return panics.Catch(func() error { return checkAddress(hosts, address, resolved) })
			},
		}
		return dialer.DialContext(ctx, network, address)
	}
}

// checkAddress returns an error where the policy does not permit the IP address that a
// host:port was resolved to.
func checkAddress(hosts pims.HostPolicy, address, resolved string) error {
	endpoint, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return fmt.Errorf("%s resolves to no IP address: %w", address, pims.ErrHostNotAllowed)
	}
	return hosts.CheckAddress(&url.URL{Host: address}, endpoint.Addr())
}

// transportError explains why no answer came, or not all of one. Only the end of the
// caller's own context gives a context's error; the timeout of a try does not. The
// transport's own text is dropped, because it quotes URLs and text of servers (R40).
func (c *Client) transportError(ctx, limited context.Context, err error) error {
	if e := panics.In(err); e != nil {
		return e
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if limited.Err() != nil || errors.Is(err, pims.ErrTimedOut) { // the latter from a transport that replays (R52)
		return &retryable{error: fmt.Errorf("timed out after %s: %w", c.options.Timeout, pims.ErrTimedOut)}
	}
	var (
		certificate *tls.CertificateVerificationError
		operation   *net.OpError
		late        net.Error
	)
	switch {
	case errors.Is(err, pims.ErrHostNotAllowed):
		if errors.As(err, &operation) {
			err = operation.Err
		}
		return err
	case errors.As(err, &certificate):
		return fmt.Errorf("%s: %w", c.base.Host, pims.ErrCertificate)
	case isLongHeader(err):
		return fmt.Errorf("the answer's header is longer than %d bytes: %w", maxHeaderBytes, pims.ErrOverLimit)
	case errors.As(err, &late) && late.Timeout():
		return &retryable{error: fmt.Errorf("%s: timed out: %w", c.base.Host, pims.ErrTimedOut)}
	default:
		return &retryable{error: fmt.Errorf("%s: %s: %w", c.base.Host, reason(err), pims.ErrUnreachable)}
	}
}

// isLongHeader recognises net/http's errors by their texts, because they have no names.
// Over HTTP/2 a single long field is a COMPRESSION_ERROR.
func isLongHeader(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "response header list larger") ||
		strings.Contains(text, "COMPRESSION_ERROR")
}

func reason(err error) string {
	var resolution *net.DNSError
	switch {
	case errors.As(err, &resolution):
		return "the name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection broke off"
	default:
		return "the connection failed"
	}
}

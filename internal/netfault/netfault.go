// Package netfault says in plain words why a host could not be talked to. It repeats nothing of
// the system's or a library's own text, which may quote an address with a secret (R40).
package netfault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// Reason says why a connection failed, as the end of "the host is not reached: …"; empty: for
// none of the known reasons. limit is how long was waited.
func Reason(err error, limit time.Duration) string {
	var (
		certificate *tls.CertificateVerificationError
		resolution  *net.DNSError
		late        net.Error
		noTLS       tls.RecordHeaderError
		alert       tls.AlertError
	)
	switch {
	case errors.As(err, &certificate):
		return "its certificate is not valid for this name, or not trusted here"
	case errors.As(err, &resolution):
		return "its name cannot be resolved"
	case errors.As(err, &late) && late.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no response within %s", limit)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.As(err, &noTLS):
		return "there is no TLS at this port"
	case errors.As(err, &alert):
		return "the TLS handshake failed"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection without a response"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "its address cannot be reached"
	default:
		return ""
	}
}

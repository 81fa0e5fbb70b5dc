package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// SOCKS 5, RFC 1928: the part that a browser uses.
const (
	version       = 5
	noPassword    = 0
	connect       = 1
	atypIPv4      = 1
	atypName      = 3
	atypIPv6      = 4
	noMethodFits  = 0xFF
	addressPrefix = 4 // version, command, reserved, kind of the address
)

// A reply says what became of a request.
type reply byte

const (
	replySucceeded       reply = 0
	replyFailed          reply = 1
	replyNotAllowed      reply = 2
	replyHostUnreachable reply = 4
	replyRefused         reply = 5
	replyNoCommand       reply = 7
)

var errMalformed = errors.New("not a request of SOCKS 5")

// readRequest reads the handshake and the request to connect, and returns the host:port
// asked for.
func readRequest(c io.ReadWriter) (string, error) {
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return "", err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c, methods); err != nil {
		return "", err
	}
	if head[0] != version {
		return "", errMalformed
	}
	for _, m := range methods {
		if m == noPassword {
			if _, err := c.Write([]byte{version, noPassword}); err != nil {
				return "", err
			}
			return readConnect(c)
		}
	}
	_, err := c.Write([]byte{version, noMethodFits})
	return "", errors.Join(errMalformed, err)
}

func readConnect(c io.ReadWriter) (string, error) {
	var head [addressPrefix]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return "", err
	}
	if head[0] != version {
		return "", errMalformed
	}
	if head[1] != connect {
		return "", errors.Join(errMalformed, writeReply(c, replyNoCommand))
	}
	host, err := readHost(c, head[3])
	if err != nil {
		return "", err
	}
	var port [2]byte
	if _, err := io.ReadFull(c, port[:]); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port[0])<<8|int(port[1]))), nil
}

func readHost(c io.Reader, kind byte) (string, error) {
	length := map[byte]int{atypIPv4: 4, atypIPv6: 16}[kind]
	if kind == atypName {
		var n [1]byte
		if _, err := io.ReadFull(c, n[:]); err != nil {
			return "", err
		}
		length = int(n[0])
	}
	if length == 0 {
		return "", fmt.Errorf("%w: an address of kind %d", errMalformed, kind)
	}
	host := make([]byte, length)
	if _, err := io.ReadFull(c, host); err != nil {
		return "", err
	}
	if kind == atypName {
		return string(host), nil
	}
	address, _ := netip.AddrFromSlice(host)
	return address.String(), nil
}

// writeReply ends the handshake. The address in it is of no use to a browser.
func writeReply(c io.Writer, r reply) error {
	_, err := c.Write([]byte{version, byte(r), 0, atypIPv4, 0, 0, 0, 0, 0, 0})
	return err
}

func replyFor(err error) reply {
	var resolution *net.DNSError
	switch {
	case errors.Is(err, pims.ErrHostNotAllowed):
		return replyNotAllowed
	case errors.As(err, &resolution):
		return replyHostUnreachable
	case errors.Is(err, syscall.ECONNREFUSED):
		return replyRefused
	default:
		return replyFailed
	}
}

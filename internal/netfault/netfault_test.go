package netfault

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFaultIsNamedWithoutTheSystemsText(t *testing.T) { // R40
	t.Parallel()
	for want, err := range map[string]error{
		"its name cannot be resolved":                 &net.DNSError{Err: "no such host", Name: "s3cret.example"},
		"no response within 3s":                       &net.OpError{Op: "dial", Err: late{}},
		"the connection was refused":                  &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"it closed the connection without a response": fmt.Errorf("read: %w", io.ErrUnexpectedEOF),
		"its address cannot be reached":               syscall.EHOSTUNREACH,
		"":                                            errors.New("something else"),
	} {
		require.Equal(t, want, Reason(fmt.Errorf("https://example.com/s3cret: %w", err), 3*time.Second))
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	response, err := http.Get(server.URL)
	if err == nil {
		response.Body.Close()
	}
	require.Equal(t, "its certificate is not valid for this name, or not trusted here", Reason(err, 0))
}

type late struct{}

func (late) Error() string   { return "late" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return true }

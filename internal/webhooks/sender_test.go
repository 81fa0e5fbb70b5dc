package webhooks_test

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// speaks listens on loopback, reads one line from each caller, and says a text.
func speaks(t *testing.T, text string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = bufio.NewReader(conn).ReadString('\n')
				_, _ = conn.Write([]byte(text))
			}()
		}
	}()
	return listener.Addr().String()
}

func TestAFailureSaysWhatIsAtThePort(t *testing.T) { // R47
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	send := webhooks.NewSender(pims.HostPolicy{Named: []string{"127.0.0.1"}}, "test", time.Now)
	for address, want := range map[string]string{
		strings.Replace(plain.URL, "http://", "https://", 1): "there is no TLS at this port",
		untrusted.URL: "its certificate is not valid for this name, or not trusted here",
		"http://" + speaks(t, "220 mail ESMTP\n"):             "what it returned is not HTTP",
		"http://" + speaks(t, "HTTP/1.1 two hundred\r\n\r\n"): "what it returned is not HTTP",
		"http://" + speaks(t, ""):                             "it closed the connection without a response",
	} {
		require.EqualError(t, send.Post(t.Context(), address+"/hook", []byte("{}")), want, address)
	}
}

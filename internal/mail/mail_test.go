package mail

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// A server is a real SMTP server that wants STARTTLS and a password.
type server struct {
	mu    sync.Mutex
	mails []string
}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

type session struct {
	*server

	conn *smtp.Conn
	user string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "ops" || password != "s3cret" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication failed: " + password + " is wrong"}
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if _, encrypted := s.conn.TLSConnectionState(); !encrypted || s.user == "" {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "ada") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + ">: Ada Lovelace has no mailbox here\x07, see https://mail.example.com/?t=s3cret ref 4Zk9Qw"}
	}
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, string(b))
	return err
}

// start serves on loopback and returns the address and the certificates to trust.
func start(t *testing.T, s *server) (string, *tls.Config) {
	t.Helper()
	certificates := httptest.NewTLSServer(nil) // it has one for 127.0.0.1
	t.Cleanup(certificates.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	running := smtp.NewServer(s)
	running.Domain = "localhost"
	running.TLSConfig = &tls.Config{Certificates: certificates.TLS.Certificates}
	go running.Serve(listener) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = running.Close() })
	pool := x509.NewCertPool()
	pool.AddCert(certificates.Certificate())
	return listener.Addr().String(), &tls.Config{RootCAs: pool}
}

func TestAMailIsSentEncryptedAndWithThePassword(t *testing.T) { // R48
	t.Parallel()
	var s server
	address, roots := start(t, &s)
	m, err := New("smtp://ops:s3cret@"+address, "PIMS Sync <sync@example.com>", roots)
	require.NoError(t, err)
	require.NoError(t, m.Send(t.Context(), "ops@example.com", "Harbour Vets: the PIMS refuses the login", "Since nine.\n"))
	require.Len(t, s.mails, 1)
	require.Contains(t, s.mails[0], "Subject: Harbour Vets: the PIMS refuses the login")
	require.Contains(t, s.mails[0], "Since nine.")

	wrong, err := New("smtp://ops:wrong-password@"+address, "sync@example.com", roots)
	require.NoError(t, err)
	err = wrong.Send(t.Context(), "ops@example.com", "s", "t")
	require.ErrorContains(t, err, "did not take the mail: it returned 535 5.7.8 Authentication failed: … is wrong")
	require.NotContains(t, err.Error(), "wrong-password")
	untrusted, err := New("smtp://ops:s3cret@"+address, "sync@example.com", nil)
	require.NoError(t, err)
	require.Error(t, untrusted.Send(t.Context(), "ops@example.com", "s", "t"), "its certificate is not trusted")
	require.Len(t, s.mails, 1)

	err = m.Send(t.Context(), "ada.lovelace@example.com", "s", "t")
	require.ErrorContains(t, err, "it refused the recipient: 550 5.1.1 … has no mailbox … see … ref …")
	nowhere, err := New("smtp://127.0.0.1:1", "sync@example.com", roots)
	require.NoError(t, err)
	require.ErrorContains(t, nowhere.Send(t.Context(), "ops@example.com", "s", "t"), "127.0.0.1:1 did not take the mail: the connection was refused")
}

func TestAMailServerIsASettingThatIsCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"mail.example.com", "http://mail.example.com", "smtp://", "smtp://host/path", "smtp://host:99999", "smtp://host:0"} {
		_, err := New(bad, "sync@example.com", nil)
		require.ErrorContains(t, err, "SMTP_URL", bad)
	}
	_, err := New("smtp://mail.example.com", "nobody", nil)
	require.ErrorContains(t, err, "MAIL_FROM")
	off, err := New("", "", nil)
	require.NoError(t, err)
	require.ErrorIs(t, off.Send(t.Context(), "a@example.com", "s", "t"), ErrOff)
}

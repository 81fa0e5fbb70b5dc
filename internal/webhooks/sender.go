package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/netfault"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
	"github.com/pims-sync/pims-sync/internal/secret"
)

const (
	sendTimeout = 15 * time.Second
	keptOfBody  = 1 << 10 // of a response, in bytes; the rest is not read
)

// A Sender sends deliveries over HTTP. It checks each address when it connects, follows no
// redirect and reads only the beginning of a response. It is safe for concurrent use.
type Sender struct {
	client *http.Client
	hosts  pims.HostPolicy
	agent  string
	now    func() time.Time
}

// NewSender makes a Sender. hosts are those that the operator named: only these may be
// private or plain http.
func NewSender(hosts pims.HostPolicy, version string, now func() time.Time) *Sender {
	hosts = pims.HostPolicy{Named: hosts.Named}
	transport := pimshttp.NewTransport(hosts)
	transport.MaxIdleConnsPerHost = 2
	return &Sender{
		client: &http.Client{
			Transport:     transport,
			Timeout:       sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		hosts: hosts, agent: "pims-sync/" + version, now: now,
	}
}

// Send makes one try.
func (s *Sender) Send(ctx context.Context, e *Endpoint, d *Delivery, secrets []secret.Text) Attempt {
	if len(secrets) == 0 {
		return Attempt{At: s.now(), Error: "its secret cannot be opened: ENCRYPTION_KEY lacks the key that sealed it; list that key, or rotate the secret"}
	}
	return s.post(ctx, e.URL, d.Body, func(h http.Header, at time.Time) { sign(h, d.ID, at, d.Body, secrets) })
}

// Post sends a body without a signature, for an incoming webhook of a chat. The error says
// why it was not taken.
func (s *Sender) Post(ctx context.Context, address string, body []byte) error {
	if a := s.post(ctx, address, body, func(http.Header, time.Time) {}); a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

func (s *Sender) post(ctx context.Context, address string, body []byte, complete func(http.Header, time.Time)) Attempt {
	a := Attempt{At: s.now()}
	if err := CheckURL(address, s.hosts); err != nil { // what was permitted may be no more
		a.Error = err.Error()
		return a
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		a.Error = errURL.Error()
		return a
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.agent)
	complete(request.Header, a.At)
	began := time.Now()
	response, err := s.client.Do(request)
	a.Took = time.Since(began)
	if err != nil {
		a.Error = reason(err)
		return a
	}
	defer response.Body.Close()
	beginning, err := io.ReadAll(io.LimitReader(response.Body, keptOfBody))
	a.Status, a.Response = response.StatusCode, text(beginning)
	switch {
	case a.Status/100 == 2:
		// It has said that it took the message; what comes after does not matter.
	case a.Status/100 == 3:
		a.Error = fmt.Sprintf("it returned %d, a redirect; redirects are not followed", a.Status)
	case err != nil:
		a.Error = reason(err)
	default:
		a.Error = fmt.Sprintf("it returned %d %s", a.Status, http.StatusText(a.Status))
	}
	return a
}

// text returns what can be stored of a response and shown on a terminal.
func text(b []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), string(utf8.RuneError)))
}

// reason says in a few words why there was no response. The transport's own text quotes the
// URL, which may hold a secret (R40).
func reason(err error) string {
	var protocol textproto.ProtocolError
	switch why := netfault.Reason(err, sendTimeout); {
	case errors.Is(err, pims.ErrHostNotAllowed):
		return "its name resolves to a private address; name the host in PIMS_ALLOWED_HOSTS to permit it"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "there is no TLS at this port"
	case why != "":
		return why
	case errors.As(err, &protocol), strings.Contains(err.Error(), "malformed HTTP"):
		return "what it returned is not HTTP"
	default:
		return "the connection failed"
	}
}

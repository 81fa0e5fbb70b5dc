// Package mail sends e-mail by SMTP (docs/interface.md §Environment, SMTP_URL). It knows
// nothing of what the mails are about.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

const timeout = 20 * time.Second // of one mail, from the connection to its end

// ErrOff means that no SMTP server is configured.
var ErrOff = errors.New("no mail server is configured; set SMTP_URL and MAIL_FROM")

// A Mailer sends mails through one server. It is safe for concurrent use.
type Mailer struct {
	host    string
	port    int
	options []gomail.Option
	from    string
	hidden  []string // the user name and the password
}

// New makes a Mailer for SMTP_URL (smtp://user:password@host:587 with STARTTLS, or
// smtps://host:465) and MAIL_FROM. STARTTLS is required, except for a server on loopback.
// With an empty URL it returns nil, which sends nothing. roots are the trusted certificates;
// nil: the system's.
func New(rawURL, from string, roots *tls.Config) (*Mailer, error) {
	if rawURL == "" {
		return nil, nil //nolint:nilnil // nil sends nothing
	}
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("SMTP_URL must be such as smtp://user:password@mail.example.com:587 or smtps://mail.example.com:465")
	}
	if err := CheckAddress(from); err != nil {
		return nil, fmt.Errorf("MAIL_FROM: %w", err)
	}
	m := &Mailer{host: u.Hostname(), from: from, port: 587, options: []gomail.Option{gomail.WithTimeout(timeout)}}
	if u.Scheme == "smtps" {
		m.port = 465
		m.options = append(m.options, gomail.WithSSL())
	} else {
		m.options = append(m.options, gomail.WithTLSPolicy(policy(u.Hostname())))
	}
	if u.Port() != "" {
		if m.port, err = strconv.Atoi(u.Port()); err != nil || m.port < 1 || m.port > 65535 {
			return nil, errors.New("SMTP_URL needs a port from 1 to 65535")
		}
	}
	if roots != nil {
		roots = roots.Clone()
		roots.ServerName = u.Hostname()
		m.options = append(m.options, gomail.WithTLSConfig(roots))
	}
	m.options = append(m.options, gomail.WithPort(m.port))
	if u.User != nil {
		password, _ := u.User.Password()
		m.hidden = []string{u.User.Username(), password}
		m.options = append(m.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	return m, nil
}

// policy requires STARTTLS of a server that is not on this machine.
func policy(host string) gomail.TLSPolicy {
	address, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && address.IsLoopback() {
		return gomail.TLSOpportunistic
	}
	return gomail.TLSMandatory
}

// CheckAddress returns an error for a text that is no e-mail address.
func CheckAddress(text string) error {
	if _, err := netmail.ParseAddress(text); err != nil {
		return errors.New("it is not an e-mail address such as ops@example.com")
	}
	return nil
}

// Send sends one mail of plain text. The error says what the server refused, with its code and
// its words, without what may be secret or personal (R40).
func (m *Mailer) Send(ctx context.Context, to, subject, text string) error {
	if m == nil {
		return ErrOff
	}
	message := gomail.NewMsg()
	if err := errors.Join(message.From(m.from), message.To(to)); err != nil {
		return errors.New("the address of the mail cannot be used")
	}
	message.Subject(subject)
	message.SetDate()
	message.SetMessageID()
	message.SetBodyString(gomail.TypeTextPlain, text)
	client, err := gomail.NewClient(m.host, m.options...)
	if err != nil {
		return errors.New("the settings of SMTP_URL cannot be used")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("the mail server %s did not take the mail: %s", net.JoinHostPort(m.host, strconv.Itoa(m.port)), m.reason(err, to))
	}
	return nil
}

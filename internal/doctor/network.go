package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Network reaches hosts. The zero value uses the system's resolver and roots.
type Network struct {
	Hosts pims.HostPolicy
	Roots *x509.CertPool // nil: the system's
	Now   func() time.Time
}

const (
	dialTime        = 10 * time.Second
	certificateSoon = 14 * 24 * time.Hour
)

// Host checks name, addresses, connection and certificate of the PIMS of these clinics. It sends
// no request.
func (n Network) Host(address string, clinics ...string) Check {
	return Check{"PIMS host", func(ctx context.Context) []Finding {
		found := n.host(ctx, address)
		for i := range found {
			if found[i].State != OK && len(clinics) > 0 {
				found[i].Said += "; it is the PIMS of " + some(clinics)
			}
		}
		return found
	}}
}

func (n Network) host(ctx context.Context, address string) []Finding {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return []Finding{say("an address in the credentials is no URL").wrong("store the credentials again with `pims-sync credentials set`")}
	}
	if err := n.Hosts.CheckURL(u); err != nil {
		return Failed("", err, "look at the address in `pims-sync credentials show`")
	}
	began := time.Now()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil || len(addresses) == 0 {
		return []Finding{say("the name %s cannot be resolved%s", u.Hostname(), reason(err)).wrong("look at the name in `pims-sync credentials show`, and at this machine's DNS")}
	}
	resolved := time.Since(began)
	for _, a := range addresses {
		if err := n.Hosts.CheckAddress(u, a.Unmap()); err != nil {
			return Failed("", err, "look at the address in `pims-sync credentials show`")
		}
	}
	return n.connect(ctx, u, addresses[0].Unmap(), resolved)
}

func (n Network) connect(ctx context.Context, u *url.URL, to netip.Addr, resolved time.Duration) []Finding {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	began := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(to.String(), portOf(u)))
	if err != nil {
		return []Finding{say("%s cannot be reached%s", u.Host, reason(err)).wrong("look whether a firewall lets this machine connect to it, and whether the PIMS is up")}
	}
	defer func() { _ = conn.Close() }()
	connected := time.Since(began)
	times := fmt.Sprintf("name %s, connection %s", resolved.Round(time.Millisecond), connected.Round(time.Millisecond))
	if u.Scheme != "https" {
		return ok("%s can be reached over plain http (%s)", u.Host, times)
	}
	secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), RootCAs: n.Roots, Time: n.Now, MinVersion: tls.VersionTLS12})
	began = time.Now()
	if err := secure.HandshakeContext(ctx); err != nil {
		return []Finding{say("%s can be reached, but not over TLS%s", u.Host, reason(err)).wrong("look whether something between inspects TLS, whether this machine's root certificates are present and recent, and at its clock")}
	}
	times += fmt.Sprintf(", TLS %s", time.Since(began).Round(time.Millisecond))
	until := secure.ConnectionState().PeerCertificates[0].NotAfter
	if until.Sub(n.Now()) < certificateSoon {
		return []Finding{say("the certificate of %s ends on %s", u.Host, until.UTC().Format(time.DateOnly)).warning("tell whoever runs that host; afterwards every sync of its clinics fails")}
	}
	return ok("%s can be reached (%s)", u.Host, times)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	default:
		return "443"
	}
}

// reason returns the cause of a failed connection, without addresses.
func reason(err error) string {
	if err == nil {
		return ""
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return ": " + dns.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ": it took too long"
	}
	return ": " + err.Error()
}

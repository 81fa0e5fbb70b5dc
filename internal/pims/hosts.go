package pims

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// A HostPolicy says which hosts may be contacted. A host that the operator named (Named)
// may be private, on loopback, or plain http. A host that a provider knows (Known) must be
// public and https. docs/interface.md §Environment, PIMS_ALLOWED_HOSTS.
type HostPolicy struct {
	Known []string // "us.example.com", or "*.example.com" for all below it
	Named []string // "host" for every port of it, or "host:port"
}

// CheckURL returns ErrHostNotAllowed, with what to do, where u must not be contacted.
func (p HostPolicy) CheckURL(u *url.URL) error {
	if u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("URL with scheme %q: %w", u.Scheme, ErrHostNotAllowed)
	}
	if p.named(u) {
		return nil
	}
	if !p.known(u.Hostname()) {
		return fmt.Errorf("%s: %w; name it in PIMS_ALLOWED_HOSTS if it is the clinic's PIMS", u.Host, ErrHostNotAllowed)
	}
	if u.Scheme != "https" {
		return fmt.Errorf("%s over plain http: %w; name it in PIMS_ALLOWED_HOSTS to permit it", u.Host, ErrHostNotAllowed)
	}
	return nil
}

// CheckAddress refuses a private, loopback or otherwise local address of a host that the
// operator did not name, however its name was resolved.
func (p HostPolicy) CheckAddress(u *url.URL, address netip.Addr) error {
	address = address.Unmap()
	local := address.IsPrivate() || address.IsLoopback() || address.IsUnspecified() ||
		address.IsLinkLocalUnicast() || address.IsMulticast() || carrierNAT.Contains(address)
	if local && !p.named(u) {
		return fmt.Errorf("%s resolves to a private address: %w; name it in PIMS_ALLOWED_HOSTS to permit it", u.Host, ErrHostNotAllowed)
	}
	return nil
}

var carrierNAT = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func (p HostPolicy) named(u *url.URL) bool {
	for _, n := range p.Named {
		host, port, err := net.SplitHostPort(n)
		if err != nil {
			host, port = strings.Trim(n, "[]"), ""
		}
		if strings.EqualFold(host, u.Hostname()) && (port == "" || port == portOf(u)) {
			return true
		}
	}
	return false
}

func (p HostPolicy) known(host string) bool {
	host = strings.ToLower(host)
	for _, k := range p.Known {
		k = strings.ToLower(k)
		if k == host || strings.HasPrefix(k, "*.") && strings.HasSuffix(host, k[1:]) {
			return true
		}
	}
	return false
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

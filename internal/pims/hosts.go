package pims

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
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

// CheckAddress refuses an address that is not public ([IsPublic]) of a host that the operator
// did not name, however its name was resolved.
func (p HostPolicy) CheckAddress(u *url.URL, address netip.Addr) error {
	if !IsPublic(address) && !p.named(u) {
		return fmt.Errorf("%s resolves to a private address: %w; name it in PIMS_ALLOWED_HOSTS to permit it", u.Host, ErrHostNotAllowed)
	}
	return nil
}

// IsPublic reports whether an address belongs to the public internet. It returns false for
// every form of an address that is private, on loopback, of the link, for many receivers, or
// reserved, and for the addresses at which clouds give out credentials. An IPv6 address that
// carries an IPv4 address is judged by both.
func IsPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if !address.IsValid() {
		return false
	}
	for _, prefix := range notPublic {
		if prefix.Contains(address) {
			return false
		}
	}
	if carried, ok := carriedIPv4(address); ok {
		return IsPublic(carried)
	}
	return true
}

// carriedIPv4 returns the IPv4 address in one of NAT64 (RFC 6052) or 6to4 (RFC 3056).
func carriedIPv4(address netip.Addr) (netip.Addr, bool) {
	bytes := address.As16()
	switch {
	case nat64.Contains(address):
		return netip.AddrFrom4([4]byte(bytes[12:])), true
	case sixToFour.Contains(address):
		return netip.AddrFrom4([4]byte(bytes[2:6])), true
	default:
		return netip.Addr{}, false
	}
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

// notPublic follows IANA's registries of special-purpose addresses, and names the addresses
// of cloud services that lie outside them.
var notPublic = prefixes(`
	0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
	192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24
	203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
	168.63.129.16/32
	::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32 3fff::/20 5f00::/16
	fc00::/7 fe80::/10 fec0::/10 ff00::/8`)

func prefixes(list string) []netip.Prefix {
	var all []netip.Prefix
	for text := range strings.FieldsSeq(list) {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

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

// Reachable reports whether the host and the port of a URL can exist: a port from 1 to 65535
// (or none), and an IP address or a name whose parts have 1 to 63 letters, digits, hyphens
// and underscores, the last of them not only digits.
func Reachable(u *url.URL) bool {
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return true
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	parts := strings.Split(host, ".")
	for _, part := range parts {
		if len(part) < 1 || len(part) > 63 || part[0] == '-' || part[len(part)-1] == '-' || strings.ContainsFunc(part, neverInName) {
			return false
		}
	}
	return len(host) <= 253 && strings.Trim(parts[len(parts)-1], "0123456789") != ""
}

// neverInName reports whether a character cannot be in the name of a host. Those that are not
// ASCII are permitted: a client encodes them.
func neverInName(r rune) bool {
	return r < 0x80 && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
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

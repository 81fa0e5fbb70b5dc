package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// proxies are the networks of trusted proxies.
type proxies []netip.Prefix

// ParseProxies reads TRUSTED_PROXIES: addresses and networks such as 10.0.0.0/8, separated
// by commas. An empty text trusts no proxy.
func ParseProxies(list string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		prefix, err := parseProxy(item)
		if err != nil {
			return nil, fmt.Errorf("%q in TRUSTED_PROXIES is neither an address nor a network such as 10.0.0.0/8", item)
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

func parseProxy(item string) (netip.Prefix, error) {
	if strings.Contains(item, "/") {
		prefix, err := netip.ParsePrefix(item)
		return prefix.Masked(), err
	}
	address, err := netip.ParseAddr(item)
	if err != nil {
		return netip.Prefix{}, err
	}
	return address.Unmap().Prefix(address.Unmap().BitLen())
}

// client returns the address of the caller: the peer, or, where the peer is a
// trusted proxy, the last address in X-Forwarded-For that belongs to no trusted proxy. The
// caller wrote the addresses to the left of that, so they prove nothing.
func (p proxies) client(r *http.Request) netip.Addr {
	client := parseAddress(r.RemoteAddr)
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, item := range slices.Backward(chain) {
		if !p.trusts(client) {
			break
		}
		address := parseAddress(item)
		if !address.IsValid() {
			break
		}
		client = address
	}
	return client
}

func (p proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// parseAddress reads an address with or without a port. Any other text gives the zero Addr.
func parseAddress(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap()
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap()
}

// plainHost is a host, with or without a port, that needs no quoting anywhere.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9._-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$`)

// base returns where the caller found the server: the host that the request names, or,
// where the peer is a trusted proxy, the host that the proxy reports. A host in an
// impossible form is replaced by the default.
func (p proxies) base(r *http.Request) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if p.trusts(parseAddress(r.RemoteAddr)) {
		if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" {
			host = forwarded
		}
		if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			scheme = "https"
		}
	}
	if !plainHost.MatchString(host) {
		host = "127.0.0.1:3001"
	}
	return scheme + "://" + host
}

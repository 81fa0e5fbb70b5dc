package web

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// ParseHosts reads ALLOWED_HOSTS: names and addresses without a port, separated by commas.
// An empty text allows every host.
func ParseHosts(list string) ([]string, error) {
	var hosts []string
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		host := hostOf(item)
		if !plainHost.MatchString(item) || !strings.EqualFold(host, strings.Trim(item, "[]")) { // hostOf takes a port off, and a last dot
			return nil, fmt.Errorf("%q in ALLOWED_HOSTS is not a host without a port, such as sync.example.com", item)
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// hostOf returns the host of a Host header: without its port, in lower case.
func hostOf(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(text, "[]")), ".")
}

// knowsHost reports whether a request may be served: its Host is allowed, or what it asks
// for is the same under every name (probes and metrics, which are asked for by address).
func (c *chain) knowsHost(r *http.Request) bool {
	return len(c.o.Hosts) == 0 || slices.Contains(c.o.Hosts, hostOf(r.Host)) || slices.Contains(anyHost, r.URL.Path)
}

var anyHost = []string{"/health", "/ready", "/metrics"}

package web

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testTime = time.Date(2026, 1, 17, 12, 0, 0, 123456789, time.UTC)

func TestAnIPv6CallerIsItsNetwork(t *testing.T) {
	t.Parallel()
	for address, network := range map[string]string{
		"2001:db8::1": "2001:db8::", "2001:db8::ffff": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::", "fe80::1%eth0": "fe80::",
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7",
	} {
		require.Equal(t, network, Network(parseAddress(address)).String(), address)
	}
	require.Equal(t, parseAddress(""), Network(parseAddress("")), "an unknown address is one too")
}

func TestTheClientIsTheLastAddressThatNoTrustedProxyHas(t *testing.T) {
	t.Parallel()
	trusted, err := ParseProxies("10.0.0.0/8, 2001:db8::1,192.0.2.9")
	require.NoError(t, err)
	from := proxies(trusted)
	for name, test := range map[string]struct {
		peer    string
		forward []string
		want    string
	}{
		"no proxy":                    {"203.0.113.5:999", nil, "203.0.113.5"},
		"header of an untrusted peer": {"203.0.113.5:999", []string{"198.51.100.1"}, "203.0.113.5"},
		"one proxy":                   {"10.1.2.3:999", []string{"198.51.100.1"}, "198.51.100.1"},
		"two proxies":                 {"10.1.2.3:999", []string{"198.51.100.1, 192.0.2.9"}, "198.51.100.1"},
		"two headers":                 {"10.1.2.3:999", []string{"198.51.100.1", "10.9.9.9"}, "198.51.100.1"},
		"what the client wrote":       {"10.1.2.3:999", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"},
		"nonsense":                    {"10.1.2.3:999", []string{"198.51.100.1, unknown"}, "10.1.2.3"},
		"no header":                   {"10.1.2.3:999", nil, "10.1.2.3"},
		"only proxies":                {"10.1.2.3:999", []string{"10.0.0.1"}, "10.0.0.1"},
		"IPv6":                        {"[2001:db8::1]:999", []string{"[2001:db8:9::2]:443"}, "2001:db8:9::2"},
		"IPv4 in IPv6":                {"[::ffff:10.1.2.3]:999", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"a port":                      {"10.1.2.3:999", []string{"198.51.100.1:5000"}, "198.51.100.1"},
		"a socket":                    {"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forward}}
		require.Equal(t, test.want, from.client(r).String(), name)
	}
}

func TestAListOfProxiesIsReadOrRefusedWhole(t *testing.T) {
	t.Parallel()
	none, err := ParseProxies(" , ")
	require.NoError(t, err)
	require.Empty(t, none)
	masked, err := ParseProxies("10.1.2.3/8,::ffff:192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "[10.0.0.0/8 192.0.2.1/32]", fmt.Sprint(masked))
	for _, bad := range []string{"10.0.0.0/33", "proxy.example", "10.0.0.1,*"} {
		_, err := ParseProxies(bad)
		require.ErrorContains(t, err, "TRUSTED_PROXIES", bad)
	}
}

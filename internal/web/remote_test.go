package web

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The limit of the tests: 10 at once, then one in 6 s.
const (
	testBurst    = 10
	testInterval = 6 * time.Second
)

var testTime = time.Date(2026, 1, 17, 12, 0, 0, 123456789, time.UTC)

func TestTheLimiterRemembersOnlySoManyAddresses(t *testing.T) {
	t.Parallel()
	l := NewLimiter(testBurst, testInterval)
	for i := range 3 * maxAddresses {
		l.Take(parseAddress(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), testTime.Add(time.Duration(i)*time.Millisecond))
		require.LessOrEqual(t, len(l.full), maxAddresses)
	}
}

func TestTheLimiterForgetsWhoBehavesBeforeWhoDoesNot(t *testing.T) {
	t.Parallel()
	l := NewLimiter(testBurst, testInterval)
	bad := parseAddress("198.51.100.7")
	for i := range maxAddresses - 1 {
		l.Take(parseAddress(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), testTime)
	}
	later := testTime.Add(testInterval)
	for range testBurst {
		require.Zero(t, l.Take(bad, later))
	}
	require.Zero(t, l.Take(parseAddress("203.0.113.1"), later), "makes room")
	require.Len(t, l.full, 2)
	require.Positive(t, l.Take(bad, later))
}

func TestAnIPv6CallerIsItsNetwork(t *testing.T) {
	t.Parallel()
	l := NewLimiter(testBurst, testInterval)
	for i := range testBurst {
		require.Zero(t, l.Take(parseAddress(fmt.Sprintf("2001:db8::%x", i)), testTime))
	}
	require.Positive(t, l.Take(parseAddress("2001:db8::ffff"), testTime))
	require.Zero(t, l.Take(parseAddress("2001:db8:0:1::1"), testTime))
	require.Zero(t, l.Take(parseAddress(""), testTime), "an unknown address is one too")
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

package pims_test

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestCleanDropsNULAndReplacesWhatIsNotUTF8AndKeepsTheRest(t *testing.T) { // R7
	t.Parallel()
	require.Equal(t, "Zoë 🐕 ‮x‬", pims.Clean("Zoë 🐕 ‮x‬"))
	require.Equal(t, "ab", pims.Clean("a\x00b"))
	require.Equal(t, "a\uFFFDb", pims.Clean("a\xed\xa0\x80b"))
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		require.Equal(t, strings.ReplaceAll(s, "\x00", ""), pims.Clean(s))
		require.True(t, utf8.ValidString(pims.Clean(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))))
	})
}

func TestHostPolicyKnowsPublicHostsAndWhatTheOperatorNamed(t *testing.T) {
	t.Parallel()
	policy := pims.HostPolicy{Known: []string{"*.neo.example", "pims.example"}, Named: []string{"127.0.0.1:8080", "practice.internal", "[::1]:9000"}}
	for address, allowed := range map[string]bool{
		"https://us.neo.example":      true,
		"https://US.NEO.example/x":    true,
		"https://pims.example":        true,
		"http://pims.example":         false,
		"https://neo.example":         false,
		"https://evil-neo.example":    false,
		"https://pims.example.evil":   false,
		"http://127.0.0.1:8080/login": true,
		"http://127.0.0.1:8081":       false,
		"http://practice.internal:81": true,
		"http://[::1]:9000":           true,
		"ftp://pims.example":          false,
		"file:///etc/passwd":          false,
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		if allowed {
			require.NoError(t, policy.CheckURL(u), address)
		} else {
			require.ErrorIs(t, policy.CheckURL(u), pims.ErrHostNotAllowed, address)
		}
	}
}

func TestAKnownHostMayNotResolveToAPrivateAddress(t *testing.T) {
	t.Parallel()
	policy := pims.HostPolicy{Known: []string{"pims.example"}, Named: []string{"practice.internal"}}
	known, named := &url.URL{Scheme: "https", Host: "pims.example"}, &url.URL{Scheme: "http", Host: "practice.internal"}
	for _, a := range []string{"10.1.2.3", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "::ffff:10.0.0.1", "0.0.0.0", "100.64.0.1"} {
		require.ErrorIs(t, policy.CheckAddress(known, netip.MustParseAddr(a)), pims.ErrHostNotAllowed, a)
		require.NoError(t, policy.CheckAddress(named, netip.MustParseAddr(a)), a)
	}
	require.NoError(t, policy.CheckAddress(known, netip.MustParseAddr("9.9.9.9")))
}

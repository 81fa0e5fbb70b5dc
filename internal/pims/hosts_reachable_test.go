package pims_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestAHostAndAPortThatCannotExistAreTold(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://example.com", "https://example.com.:8443/x", "https://a-b_c.example.com", "http://localhost:1", "https://10.0.0.5:65535", "https://[::1]:80",
		"https://bücher.example", "https://xn--bcher-kva.example", "https://1password.com",
	} {
		u, err := url.Parse(good)
		require.NoError(t, err, good)
		require.True(t, pims.Reachable(u), good)
	}
	for _, bad := range []string{
		"https://example.com:99999", "https://example.com:0", "https://example.com:", "https://256.256.256.256", "https://1.2.3", "https://a..b", "https://-a.example.com",
		"https://a-.example.com", "https://ex*mple.com", "https://" + strings.Repeat("a", 64) + ".com", "https://" + strings.Repeat("abcdefg.", 32) + "com",
	} {
		u, err := url.Parse(bad)
		require.NoError(t, err, bad)
		require.False(t, pims.Reachable(u), bad)
	}
}

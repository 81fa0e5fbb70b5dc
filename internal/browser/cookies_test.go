package browser

import (
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"
)

func TestHeaderBytesAreThoseThatCame(t *testing.T) {
	t.Parallel()
	const from0x80To0x9F = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
	for b := range 256 {
		shown := string(rune(b))
		if b >= 0x80 && b <= 0x9F {
			shown = string([]rune(from0x80To0x9F)[b-0x80])
		}
		require.Equal(t, string([]byte{'a', byte(b)}), headerBytes("a"+shown))
	}
}

func TestCookiesOfAnotherSitesPageAreNotTheSessions(t *testing.T) {
	t.Parallel()
	partition := func(site string) *network.CookiePartitionKey { return &network.CookiePartitionKey{TopLevelSite: site} }
	for name, cookie := range map[string]*network.Cookie{
		"plain":       {Domain: "us.example.com"},
		"own":         {Domain: "us.example.com", PartitionKey: partition("https://example.com")},
		"own-host":    {Domain: "us.example.com", PartitionKey: partition("https://us.example.com")},
		"not-other":   {Domain: "us.example.com", PartitionKey: partition("https://example.org")},
		"not-below":   {Domain: "us.example.com", PartitionKey: partition("https://badexample.com")},
		"not-framed":  {Domain: "us.example.com", PartitionKey: &network.CookiePartitionKey{TopLevelSite: "https://example.com", HasCrossSiteAncestor: true}},
		"not-opaque":  {Domain: "us.example.com", PartitionKeyOpaque: true},
		"not-ours":    {Domain: "eu.example.com"},
		"domain-wide": {Domain: ".example.com"},
	} {
		cookie.Name = name
		got := cookiesFor([]string{"us.example.com"}, []*network.Cookie{cookie})
		require.Equal(t, name[:3] != "not", len(got) == 1, name)
		if len(got) == 1 {
			require.Equal(t, cookie.PartitionKey != nil, got[0].Partitioned)
		}
	}
}

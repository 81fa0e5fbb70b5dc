package browser

import (
	"strings"

	"github.com/chromedp/cdproto/network"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// cookiesFor picks the cookies that a browser would send to one of the hosts.
func cookiesFor(hosts []string, jar []*network.Cookie) []pims.Cookie {
	var cookies []pims.Cookie
	for _, c := range jar {
		for _, host := range hosts {
			if matches(host, c.Domain) {
				cookies = append(cookies, newCookie(c))
				break
			}
		}
	}
	return cookies
}

// matches tells whether a cookie's domain covers a host: with a leading dot, it and
// all below it; without, it alone.
func matches(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(domain)
	parent, wide := strings.CutPrefix(domain, ".")
	return host == parent || wide && strings.HasSuffix(host, domain)
}

func newCookie(c *network.Cookie) pims.Cookie {
	cookie := pims.Cookie{
		Name:     c.Name,
		Value:    c.Value,
		Path:     c.Path,
		Secure:   c.Secure,
		HTTPOnly: c.HTTPOnly,
	}
	if domain, wide := strings.CutPrefix(c.Domain, "."); wide {
		cookie.Domain = domain
	} else {
		cookie.Host = c.Domain
	}
	if n := len(c.Value); n >= 2 && c.Value[0] == '"' && c.Value[n-1] == '"' {
		cookie.Value, cookie.Quoted = c.Value[1:n-1], true
	}
	return cookie
}

package browser

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chromedp/cdproto/network"
	"golang.org/x/text/encoding/charmap"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// cookiesFor returns the cookies that a browser would send to one of the hosts, in the
// order of the jar: longer paths first, then older cookies.
func cookiesFor(hosts []string, jar []*network.Cookie) []pims.Cookie {
	var cookies []pims.Cookie
	for _, c := range jar {
		for _, host := range hosts {
			if matches(host, c.Domain) && isOwn(host, c) {
				cookies = append(cookies, newCookie(c))
				break
			}
		}
	}
	return cookies
}

// matches reports whether a cookie's domain covers a host. With a leading dot it covers
// itself and all hosts below, without one only itself.
func matches(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(domain)
	parent, wide := strings.CutPrefix(domain, ".")
	return host == parent || wide && strings.HasSuffix(host, domain)
}

func newCookie(c *network.Cookie) pims.Cookie {
	cookie := pims.Cookie{
		Name:        c.Name,
		Value:       c.Value,
		Path:        c.Path,
		Secure:      c.Secure,
		HTTPOnly:    c.HTTPOnly,
		Partitioned: c.PartitionKey != nil,
	}
	if domain, wide := strings.CutPrefix(c.Domain, "."); wide {
		cookie.Domain = domain
	} else {
		cookie.Host = c.Domain
	}
	if !c.Session && c.Expires > 0 {
		cookie.Expires = time.UnixMicro(int64(c.Expires * 1e6)).UTC()
	}
	return cookie
}

// isOwn reports whether a browser sends a cookie to a host when the page is of that host's
// site. It does not send a cookie that was set inside a page of another site.
func isOwn(host string, c *network.Cookie) bool {
	if c.PartitionKeyOpaque {
		return false
	}
	if c.PartitionKey == nil {
		return true
	}
	site, err := url.Parse(c.PartitionKey.TopLevelSite)
	return err == nil && !c.PartitionKey.HasCrossSiteAncestor && matches(host, "."+site.Hostname())
}

// setCookies are the Set-Cookie lines that a tab received. The browser's own list of its
// cookies leaves out bytes that are invalid UTF-8, although it sends them.
type setCookies struct {
	lines []string
	bytes int // of all lines
}

// note adds the lines of an answer's headers.
func (s *setCookies) note(headers network.Headers) {
	for name, value := range headers {
		if text, ok := value.(string); ok && strings.EqualFold(name, "Set-Cookie") && s.bytes+len(text) <= maxCookies {
			s.bytes += len(text)
			s.lines = append(s.lines, strings.Split(headerBytes(text), "\n")...)
		}
	}
}

// exact restores a cookie's bytes from the latest line that can have set it.
func (s *setCookies) exact(c *network.Cookie) {
	for _, line := range slices.Backward(s.lines) {
		pair, _, _ := strings.Cut(line, ";")
		name, value, named := strings.Cut(pair, "=")
		if !named {
			name, value = "", name
		}
		name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
		if isRemnant(c.Name, name) && isRemnant(c.Value, value) {
			c.Name, c.Value = name, value
			return
		}
	}
}

// isRemnant reports whether left is the rest of whole after removal of bytes that are
// invalid UTF-8, and of some of their neighbours.
func isRemnant(left, whole string) bool {
	if left == whole || utf8.ValidString(whole) {
		return left == whole
	}
	for i := range len(whole) {
		if left != "" && left[0] == whole[i] {
			left = left[1:]
		}
	}
	return left == ""
}

// headerBytes returns the bytes of a header that the DevTools protocol shows. The protocol
// shows them as windows-1252, whatever their encoding.
func headerBytes(shown string) string {
	var b strings.Builder
	for _, r := range shown {
		c, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			c = byte(r & 0xFF)
		}
		b.WriteByte(c)
	}
	return b.String()
}

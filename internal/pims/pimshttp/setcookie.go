package pimshttp

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

const (
	maxPairBytes      = 4096 // of a cookie's name and value
	maxAttributeBytes = 1024 // a longer attribute is as if it were not there
	maxLife           = 400 * 24 * time.Hour
	blanks            = " \t"
)

// A setCookie is a parsed Set-Cookie line, read as Chromium reads it.
type setCookie struct {
	name, value                         string
	path, domain, maxAge, expires, site string
	secure, httpOnly, partitioned       bool
}

// parseSetCookie reads a line; ok is false for one that Chromium ignores. Every byte of the
// value counts, quotes included.
func parseSetCookie(line string) (c setCookie, ok bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, named := strings.Cut(pair, "=")
	if !named {
		name, value = "", name
	}
	c.name, c.value = strings.Trim(name, blanks), strings.Trim(value, blanks)
	switch {
	case c.name == "" && c.value == "",
		len(c.name)+len(c.value) > maxPairBytes,
		strings.ContainsFunc(c.name+c.value, isControl),
		c.name == "" && strings.ContainsRune(c.value, '='):
		return setCookie{}, false
	}
	for attributes != "" {
		var attribute string
		attribute, attributes, _ = strings.Cut(attributes, ";")
		c.setAttribute(attribute)
	}
	return c, true
}

func isControl(r rune) bool { return r < ' ' || r == 0x7F }

// setAttribute reads an attribute. The last one of a name counts.
func (c *setCookie) setAttribute(text string) {
	name, value, _ := strings.Cut(text, "=")
	value = strings.Trim(value, blanks)
	if len(value) > maxAttributeBytes {
		return
	}
	switch strings.ToLower(strings.Trim(name, blanks)) {
	case "path":
		c.path = value
	case "domain":
		c.domain = value
	case "max-age":
		c.maxAge = value
	case "expires":
		c.expires = value
	case "samesite":
		c.site = value
	case "secure":
		c.secure = true
	case "httponly":
		c.httpOnly = true
	case "partitioned":
		c.partitioned = true
	}
}

// cookieFrom returns the cookie that an answer from u sets; ok is false where Chromium
// refuses it. ahead is how far our clock is ahead of the server's.
func (c setCookie) cookieFrom(u *url.URL, now time.Time, ahead time.Duration) (cookie pims.Cookie, ok bool) {
	cookie = pims.Cookie{
		Name: c.name, Value: c.value, Secure: c.secure, HTTPOnly: c.httpOnly, Partitioned: c.partitioned,
		Path: c.path, Expires: c.expiry(now, ahead),
	}
	if !strings.HasPrefix(c.path, "/") {
		cookie.Path = defaultPath(u.EscapedPath())
	}
	if !scope(&cookie, c.domain, strings.ToLower(u.Hostname())) {
		return pims.Cookie{}, false
	}
	refused := c.secure && !isTrusted(u) ||
		!c.secure && (c.partitioned || strings.EqualFold(c.site, "none")) ||
		!c.prefixHolds(cookie)
	return cookie, !refused
}

// scope sets the hosts for which a cookie is valid.
func scope(c *pims.Cookie, domain, host string) bool {
	given := domain != ""
	domain = strings.ToLower(strings.TrimPrefix(domain, "."))
	switch {
	case !given, domain == host && (isAddress(host) || !strings.Contains(host, ".")):
		c.Host = host
	case isAddress(host), !strings.Contains(domain, "."), !isBelow(host, domain):
		return false
	default:
		c.Domain = domain
	}
	return true
}

// prefixHolds reports whether a cookie meets the requirements of the prefix in its name.
func (c setCookie) prefixHolds(cookie pims.Cookie) bool {
	switch name := strings.ToLower(cmp.Or(c.name, c.value)); {
	case strings.HasPrefix(name, "__secure-"):
		return c.name != "" && c.secure
	case strings.HasPrefix(name, "__host-"):
		return c.name != "" && c.secure && cookie.Host != "" && c.path == "/"
	default:
		return true
	}
}

// defaultPath returns the directory of a URL's path, RFC 6265 §5.1.4.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || path[0] != '/' {
		return "/"
	}
	return path[:i]
}

// expiry returns when a cookie expires; zero means with the session. Max-Age takes
// precedence over Expires, which is a time of the server's clock.
func (c setCookie) expiry(now time.Time, ahead time.Duration) time.Time {
	if end, ok := afterMaxAge(c.maxAge, now); ok {
		return end
	}
	end, ok := parseCookieTime(c.expires)
	if !ok {
		return time.Time{}
	}
	if end = end.Add(ahead); end.After(now.Add(maxLife)) {
		return now.Add(maxLife)
	}
	return end
}

func afterMaxAge(text string, now time.Time) (end time.Time, ok bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	switch {
	case strings.HasPrefix(text, "-"), err == nil && seconds == 0:
		return time.Unix(1, 0), true
	case err != nil || seconds > int64(maxLife/time.Second):
		return now.Add(maxLife), true
	default:
		return now.Add(time.Duration(seconds) * time.Second), true
	}
}

// parseCookieTime reads the formats of an Expires, RFC 6265 §5.1.1 as in Chromium: a day, a
// month's name, a year and a time in any order.
func parseCookieTime(text string) (at time.Time, ok bool) {
	var day, year, hour, minute, second int
	var month time.Month
	var hasDay, hasYear, hasTime bool
	for _, token := range strings.FieldsFunc(text, isTimeDelimiter) {
		switch {
		case token[0] < '0' || token[0] > '9':
			if month == 0 {
				month = monthOf(token)
			}
		case strings.Contains(token, ":"):
			if !hasTime {
				hour, minute, second, hasTime = clockOf(token)
			}
		case !hasDay && len(token) <= 2:
			day, hasDay = leadingNumber(token), true
		case !hasYear && len(token) <= 5:
			year, hasYear = leadingNumber(token), true
		}
	}
	switch {
	case year >= 70 && year <= 99:
		year += 1900
	case year >= 0 && year <= 69:
		year += 2000
	}
	if !hasDay || !hasYear || !hasTime || month == 0 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	at = time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	return at, at.Day() == day && at.Month() == month
}

func isTimeDelimiter(r rune) bool {
	return r != ':' && (r == '\t' || r >= ' ' && r <= '/' || r >= ';' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~')
}

func monthOf(token string) time.Month {
	for m := time.January; m <= time.December; m++ {
		if len(token) >= 3 && strings.EqualFold(token[:3], m.String()[:3]) {
			return m
		}
	}
	return 0
}

// clockOf reads the hh:mm:ss at the beginning of a token.
func clockOf(token string) (hour, minute, second int, ok bool) {
	parts := strings.SplitN(token, ":", 3)
	if len(parts) < 3 || parts[1] == "" || parts[2] == "" || parts[2][0] < '0' || parts[2][0] > '9' {
		return 0, 0, 0, false
	}
	return leadingNumber(parts[0]), leadingNumber(parts[1]), leadingNumber(parts[2]), true
}

func leadingNumber(token string) int {
	n := 0
	for _, r := range token {
		if r < '0' || r > '9' || n > 99_999 {
			break
		}
		n = 10*n + int(r-'0')
	}
	return n
}

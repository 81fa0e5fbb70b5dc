package pimshttp

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A jar holds a session's cookies. It sends and renews them as Chromium does, byte for
// byte. net/http's cookies are not usable: they drop or change commas, blanks, quotes and
// non-ASCII text in values, and refuse cookies without a name.
//
// Differences from Chromium: Chromium refuses a cookie for every public suffix, such as
// co.uk; a jar refuses one for a domain without a dot. Chromium ignores a cookie with
// control characters; net/http refuses the whole answer. Requests count as made by a page
// of the same site, like those of the PIMS's own scripts.
type jar struct {
	mu      sync.Mutex
	cookies []pims.Cookie // by their creation, the oldest first
}

// newJar fills a jar with the cookies of a browser after a login to base.
func newJar(cookies []pims.Cookie, base *url.URL) *jar {
	j := &jar{cookies: slices.Clone(cookies)}
	for i := range j.cookies {
		c := &j.cookies[i]
		c.Domain = strings.ToLower(strings.TrimPrefix(c.Domain, "."))
		c.Path = cmp.Or(c.Path, "/")
		if c.Domain == "" {
			c.Host = strings.ToLower(cmp.Or(c.Host, base.Hostname()))
		}
	}
	return j
}

// all returns the present cookies.
func (j *jar) all() []pims.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.cookies)
}

// header returns the Cookie header of a request to u: longer paths first, then older
// cookies. It is empty where no cookie is valid for u.
func (j *jar) header(u *url.URL, now time.Time) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sent []pims.Cookie
	for _, c := range j.cookies {
		if isSentTo(c, u) && !expired(c, now) {
			sent = append(sent, c)
		}
	}
	slices.SortStableFunc(sent, func(a, b pims.Cookie) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	pairs := make([]string, len(sent))
	for i, c := range sent {
		pairs[i] = c.Value
		if c.Name != "" {
			pairs[i] = c.Name + "=" + c.Value
		}
	}
	return strings.Join(pairs, "; ")
}

// take applies the Set-Cookie lines of an answer from u.
func (j *jar) take(u *url.URL, header http.Header, now time.Time) {
	lines := header["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	var ahead time.Duration // our clock, seen from the server's
	if served, err := http.ParseTime(header.Get("Date")); err == nil {
		ahead = now.Sub(served)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range lines {
		if parsed, ok := parseSetCookie(line); ok {
			if c, ok := parsed.cookieFrom(u, now, ahead); ok {
				j.keep(u, c, now)
			}
		}
	}
}

// keep replaces the cookie with the same identity. A new value makes it a new cookie. An
// expired cookie only removes the old one.
func (j *jar) keep(u *url.URL, c pims.Cookie, now time.Time) {
	if !isTrusted(u) && slices.ContainsFunc(j.cookies, func(old pims.Cookie) bool { return shields(old, c) }) {
		return
	}
	i := slices.IndexFunc(j.cookies, func(old pims.Cookie) bool { return isSame(old, c) })
	if i >= 0 && j.cookies[i].Value == c.Value && !expired(c, now) {
		j.cookies[i] = c
		return
	}
	if i >= 0 {
		j.cookies = slices.Delete(j.cookies, i, i+1)
	}
	if !expired(c, now) {
		j.cookies = append(j.cookies, c)
	}
}

func isSame(a, b pims.Cookie) bool {
	return a.Name == b.Name && a.Host == b.Host && a.Domain == b.Domain && a.Path == b.Path && a.Partitioned == b.Partitioned
}

// shields reports whether a secure cookie prevents an answer over plain HTTP from setting
// another of its name where both would be sent.
func shields(old, c pims.Cookie) bool {
	host, other := cmp.Or(old.Host, old.Domain), cmp.Or(c.Host, c.Domain)
	return old.Secure && old.Name == c.Name && (isBelow(host, other) || isBelow(other, host)) && isUnder(c.Path, old.Path)
}

func expired(c pims.Cookie, now time.Time) bool { return !c.Expires.IsZero() && !c.Expires.After(now) }

func isSentTo(c pims.Cookie, u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if c.Domain != "" && !isBelow(host, c.Domain) || c.Domain == "" && host != c.Host {
		return false
	}
	return isUnder(cmp.Or(u.EscapedPath(), "/"), c.Path) && (!c.Secure || isTrusted(u))
}

// isBelow reports whether a host is the domain or below it.
func isBelow(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain) && !isAddress(host)
}

// isUnder reports whether a request's path is the cookie's path or below it.
func isUnder(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && (rest == "" || strings.HasSuffix(parent, "/") || rest[0] == '/')
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isTrusted reports whether secure cookies may come from u and go to it: over TLS, or on
// this machine.
func isTrusted(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	host := strings.ToLower(u.Hostname())
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

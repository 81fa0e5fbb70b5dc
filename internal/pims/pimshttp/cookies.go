package pimshttp

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A jar holds a session's cookies. The standard jar decides which of them go with
// a request; what it cannot do is tell what it holds, so that is kept beside it.
type jar struct {
	*cookiejar.Jar
	mu      sync.Mutex
	cookies []pims.Cookie // by identity, in order of their first appearance
}

// newJar fills a jar with what a browser held after a login to base.
func newJar(cookies []pims.Cookie, base *url.URL) (*jar, error) {
	standard, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	j := &jar{Jar: standard}
	for _, c := range cookies {
		host := cmp.Or(c.Host, strings.TrimPrefix(c.Domain, "."), base.Hostname())
		origin := &url.URL{Scheme: "https", Host: host, Path: c.Path}
		j.SetCookies(origin, []*http.Cookie{{
			Name: c.Name, Value: c.Value, Quoted: c.Quoted,
			Domain: c.Domain, Path: c.Path,
			Secure: c.Secure, HttpOnly: c.HTTPOnly,
		}})
	}
	return j, nil
}

// SetCookies implements http.CookieJar: it takes what an answer from u set.
func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.Jar.SetCookies(u, cookies)
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		j.keep(kept(u, c), c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()))
	}
}

func (j *jar) keep(cookie pims.Cookie, gone bool) {
	i := slices.IndexFunc(j.cookies, func(old pims.Cookie) bool {
		return old.Name == cookie.Name && old.Host == cookie.Host && old.Domain == cookie.Domain && old.Path == cookie.Path
	})
	switch {
	case gone && i >= 0:
		j.cookies = slices.Delete(j.cookies, i, i+1)
	case gone:
	case i >= 0:
		j.cookies[i] = cookie
	default:
		j.cookies = append(j.cookies, cookie)
	}
}

// all are the cookies at this moment.
func (j *jar) all() []pims.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.cookies)
}

// kept is a cookie with the host and path that RFC 6265 §5.3 gives it where it
// does not say.
func kept(u *url.URL, c *http.Cookie) pims.Cookie {
	cookie := pims.Cookie{
		Name: c.Name, Value: c.Value, Quoted: c.Quoted,
		Domain: strings.ToLower(strings.TrimPrefix(c.Domain, ".")), Path: c.Path,
		Secure: c.Secure, HTTPOnly: c.HttpOnly,
	}
	if cookie.Domain == "" {
		cookie.Host = u.Hostname()
	}
	if !strings.HasPrefix(cookie.Path, "/") {
		cookie.Path = defaultPath(u.Path)
	}
	return cookie
}

// defaultPath is the folder of a URL's path, RFC 6265 §5.1.4.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || path[0] != '/' {
		return "/"
	}
	return path[:i]
}

package pimshttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

func TestRenewedCookiesBecomeTheSession(t *testing.T) {
	t.Parallel()
	var seen []string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "new", Path: "/", HttpOnly: true})
		http.SetCookie(w, &http.Cookie{Name: "gone", Path: "/", MaxAge: -1})
		http.SetCookie(w, &http.Cookie{Name: "past", Path: "/", Expires: time.Unix(1, 0)})
		http.SetCookie(w, &http.Cookie{Name: "here", Value: "1"})
		_, _ = io.WriteString(w, `{}`)
	})
	cookies := pimshttp.NewCookies(pims.BrowserSession{
		URL: "https://landed.example.com/dashboard", UserAgent: "Browser/1.0",
		Cookies: []pims.Cookie{
			{Name: "session", Value: "old", Host: "127.0.0.1", Path: "/", HTTPOnly: true},
			{Name: "gone", Value: "1", Host: "127.0.0.1", Path: "/"},
			{Name: "past", Value: "1", Host: "127.0.0.1", Path: "/"},
			{Name: "shared", Value: "1", Domain: ".example.com", Path: "/"},
		},
	}, server.URL)
	client := newClient(t, server, pimshttp.Options{Authorizer: cookies})
	require.NoError(t, client.GetJSON(t.Context(), request, readValue))
	require.NoError(t, client.GetJSON(t.Context(), request, readValue))
	require.Equal(t, []string{"session=old; gone=1; past=1", "here=1; session=new"}, seen)
	require.Equal(t, pims.BrowserSession{
		URL: "https://landed.example.com/dashboard", UserAgent: "Browser/1.0",
		Cookies: []pims.Cookie{
			{Name: "shared", Value: "1", Domain: "example.com", Path: "/"},
			{Name: "session", Value: "new", Host: "127.0.0.1", Path: "/", HTTPOnly: true},
			{Name: "here", Value: "1", Host: "127.0.0.1", Path: "/things"},
		},
	}, cookies.Session())
}

func TestCookiesGoWhereABrowserWouldSendThem(t *testing.T) {
	t.Parallel()
	cookies := []pims.Cookie{
		{Name: "host", Value: "1", Host: "us.example.com", Path: "/"},
		{Name: "domain", Value: "1", Domain: ".example.com", Path: "/"},
		{Name: "secure", Value: "1", Host: "us.example.com", Path: "/", Secure: true},
		{Name: "unsaid", Value: "1"},
		{Name: "other", Value: "1", Host: "eu.example.com", Path: "/"},
	}
	for base, want := range map[string]string{
		"https://us.example.com": "host=1; domain=1; secure=1; unsaid=1",
		"http://us.example.com":  "host=1; domain=1; unsaid=1",
		"https://eu.example.com": "domain=1; unsaid=1; other=1",
	} {
		var got string
		client, err := pimshttp.New(pimshttp.Options{
			Base:       base,
			Authorizer: pimshttp.NewCookies(pims.BrowserSession{Cookies: cookies}, base),
			Hosts:      pims.HostPolicy{Named: []string{"us.example.com", "eu.example.com"}},
			Transport: transport(func(r *http.Request) (*http.Response, error) {
				got = r.Header.Get("Cookie")
				return nil, io.EOF
			}),
			Backoff: time.Nanosecond,
		})
		require.NoError(t, err)
		require.Error(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/"}, readValue))
		require.Equal(t, want, got, base)
	}
}

// Where Chromium's own rules cannot be seen on this machine: hosts that are not trusted
// over plain HTTP.
func TestPlainHTTPNeitherSetsNorReplacesSecureCookies(t *testing.T) {
	t.Parallel()
	var sent []string
	answers := []http.Header{
		{"Set-Cookie": {"kept=plain", "new=1; Secure", "other=plain; Path=/other", "free=2"}},
		{"Set-Cookie": {"kept=; Max-Age=0"}},
		{},
	}
	const base = "http://pims.example.com"
	cookies := pimshttp.NewCookies(pims.BrowserSession{Cookies: []pims.Cookie{
		{Name: "kept", Value: "secure", Domain: "example.com", Path: "/", Secure: true},
		{Name: "free", Value: "1", Host: "pims.example.com", Path: "/"},
	}}, base)
	client, err := pimshttp.New(pimshttp.Options{
		Base:       base,
		Hosts:      pims.HostPolicy{Named: []string{"pims.example.com"}},
		Authorizer: cookies,
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, r.Header.Get("Cookie"))
			return &http.Response{StatusCode: http.StatusOK, Header: answers[len(sent)-1], Body: io.NopCloser(strings.NewReader("{}"))}, nil
		}),
	})
	require.NoError(t, err)
	for range answers {
		require.NoError(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/"}, readValue))
	}
	require.Equal(t, []string{"free=1", "free=2", "free=2"}, sent)
	require.Contains(t, cookies.Session().Cookies, pims.Cookie{Name: "kept", Value: "secure", Domain: "example.com", Path: "/", Secure: true})
}

func TestACookieEndsInTimeByTheServersClock(t *testing.T) {
	t.Parallel()
	var sent []string
	served := time.Now().Add(-10 * time.Hour) // by its clock, nothing below is over
	const base = "https://pims.example.com"
	client, err := pimshttp.New(pimshttp.Options{
		Base:  base,
		Hosts: pims.HostPolicy{Named: []string{"pims.example.com"}},
		Authorizer: pimshttp.NewCookies(pims.BrowserSession{Cookies: []pims.Cookie{
			{Name: "over", Value: "1", Expires: time.Now().Add(-time.Hour)}, {Name: "live", Value: "1", Expires: time.Now().Add(time.Hour)},
		}}, base),
		Transport: transport(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, r.Header.Get("Cookie"))
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{
				"Date":       {served.UTC().Format(http.TimeFormat)},
				"Set-Cookie": {"hour=1; Expires=" + served.Add(time.Hour).UTC().Format(http.TimeFormat), "gone=1; Expires=" + served.Add(-time.Hour).UTC().Format(http.TimeFormat)},
			}}, nil
		}),
	})
	require.NoError(t, err)
	require.NoError(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/"}, readValue))
	require.NoError(t, client.GetJSON(t.Context(), pimshttp.Request{Path: "/"}, readValue))
	require.Equal(t, []string{"live=1", "live=1; hour=1"}, sent)
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

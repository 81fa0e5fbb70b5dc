package pimshttp_test

import (
	"io"
	"net/http"
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
	client := newClient(t, server, pimshttp.Options{
		Browser: pims.BrowserSession{
			URL: "https://landed.example.com/dashboard", UserAgent: "Browser/1.0",
			Cookies: []pims.Cookie{
				{Name: "session", Value: "old", Host: "127.0.0.1", Path: "/", HTTPOnly: true},
				{Name: "gone", Value: "1", Host: "127.0.0.1", Path: "/"},
				{Name: "past", Value: "1", Host: "127.0.0.1", Path: "/"},
				{Name: "shared", Value: "1", Domain: ".example.com", Path: "/"},
			},
		},
	})
	require.NoError(t, client.GetJSON(t.Context(), request, readValue))
	require.NoError(t, client.GetJSON(t.Context(), request, readValue))
	require.Equal(t, []string{"session=old; gone=1; past=1", "here=1; session=new"}, seen)
	require.Equal(t, pims.BrowserSession{
		URL: "https://landed.example.com/dashboard", UserAgent: "Browser/1.0",
		Cookies: []pims.Cookie{
			{Name: "session", Value: "new", Host: "127.0.0.1", Path: "/", HTTPOnly: true},
			{Name: "shared", Value: "1", Domain: "example.com", Path: "/"},
			{Name: "here", Value: "1", Host: "127.0.0.1", Path: "/things"},
		},
	}, client.Browser())
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
			Base:    base,
			Browser: pims.BrowserSession{Cookies: cookies},
			Hosts:   pims.HostPolicy{Named: []string{"us.example.com", "eu.example.com"}},
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

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

package pimshttp_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

func TestATokenIsSentInAHeaderAndShownNowhere(t *testing.T) { // R53, R40
	t.Parallel()
	var got *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "new"})
		_, _ = io.WriteString(w, `{}`)
	})
	token := pimshttp.Bearer("s3cret")
	client := newClient(t, server, pimshttp.Options{Authorizer: token})
	for range 2 {
		require.NoError(t, client.GetJSON(t.Context(), request, readValue))
	}
	require.Equal(t, "Bearer s3cret", got.Header.Get("Authorization"))
	require.Empty(t, got.Header.Get("Cookie"), "a token is all that signs")
	require.NotContains(t, got.URL.String(), "s3cret")

	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("Signed in", "authorizer", token)
	require.NotContains(t, log.String()+fmt.Sprintf("%v %+v %#v %s", token, token, token, token), "s3cret")
}

func TestAFormIsPostedAndTriedAgain(t *testing.T) {
	t.Parallel()
	var bodies []string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Method+" "+r.Header.Get("Content-Type")+" "+string(body))
		if len(bodies) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"access_token": "t"}`)
	})
	client := newClient(t, server, pimshttp.Options{})
	form := url.Values{"grant_type": {"client_credentials"}, "client_secret": {"a&b=ü"}}
	require.NoError(t, client.PostForm(t.Context(), pimshttp.Request{Operation: "login", Path: "/token"}, form, readValue))
	const sent = "POST application/x-www-form-urlencoded client_secret=a%26b%3D%C3%BC&grant_type=client_credentials"
	require.Equal(t, []string{sent, sent}, bodies)

	require.NoError(t, client.PostForm(t.Context(), request, nil, readValue))
	require.Equal(t, "POST application/x-www-form-urlencoded ", bodies[2], "an empty form is a form")
	server.Close()
	err := client.PostForm(t.Context(), request, form, readValue)
	require.ErrorContains(t, err, "POST /things/7: after 3 tries")
	require.NotContains(t, err.Error(), "client")
}

func TestARefusalMeansWhatItsBodySays(t *testing.T) {
	t.Parallel()
	forbidden := errors.New("the app lacks a permission")
	explain := func(status int, d *jsontext.Decoder) error {
		switch value, err := d.ReadValue(); {
		case err != nil:
			return nil //nolint:nilerr // a body that cannot be read says nothing; the status decides
		case strings.Contains(string(value), "invalid_client"):
			return pims.ErrAuthRejected
		case status == http.StatusForbidden:
			return forbidden
		default:
			return nil
		}
	}
	for _, c := range []struct {
		status      int
		kind, body  string
		want        error
		wanted, not string
	}{
		{401, "application/json", `{"error": "invalid_client"}`, pims.ErrAuthRejected, "HTTP 401", ""},
		{400, "application/json", `{"error": "invalid_client", "name": "Zz"}`, pims.ErrAuthRejected, "HTTP 400", "Zz"},
		{401, "application/json", `{"error": "other"}`, pims.ErrSessionExpired, "", ""},
		{401, "application/json", `{`, pims.ErrSessionExpired, "", ""},
		{403, "application/json", `{"detail": "Zz"}`, forbidden, "HTTP 403", "Zz"},
		{401, "text/html", `<html>invalid_client</html>`, pims.ErrSessionExpired, "", ""},
		{429, "application/json", `{"error": "invalid_client"}`, pims.ErrRateLimited, "", ""},
		{500, "application/json", `{"error": "invalid_client"}`, pims.ErrRemote, "", ""},
	} {
		server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		err := newClient(t, server, pimshttp.Options{}).GetJSON(t.Context(), pimshttp.Request{Path: "/token", Explain: explain}, readValue)
		require.ErrorIs(t, err, c.want, c)
		require.ErrorContains(t, err, c.wanted)
		if c.not != "" {
			require.NotContains(t, err.Error(), c.not)
		}
	}
}

func TestAnEnvironmentWrapsTheTransport(t *testing.T) { // R52, R53
	t.Parallel()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	host := strings.TrimPrefix(server.URL, "http://")
	var seen []string
	wrapped := pimshttp.Transport(pims.Environment{
		Hosts: pims.HostPolicy{Named: []string{host}},
		Wrap: func(inner http.RoundTripper) http.RoundTripper {
			return transport(func(r *http.Request) (*http.Response, error) {
				seen = append(seen, r.URL.Path)
				return inner.RoundTrip(r)
			})
		},
	})
	require.NoError(t, newClient(t, server, pimshttp.Options{Transport: wrapped}).GetJSON(t.Context(), request, readValue))
	require.Equal(t, []string{"/things/7"}, seen)

	bare := pimshttp.Transport(pims.Environment{Wrap: func(inner http.RoundTripper) http.RoundTripper { return inner }})
	err := newClient(t, server, pimshttp.Options{Transport: bare}).GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, pims.ErrHostNotAllowed, "the checks of the address stay")
}

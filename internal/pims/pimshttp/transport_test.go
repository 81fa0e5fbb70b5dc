package pimshttp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

func TestAHostThatNobodyAllowedIsNeverAsked(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]string{
		"an unknown host":         "https://other.example.com",
		"a known host over http":  "http://pims.example.com",
		"another scheme":          "ftp://pims.example.com",
		"a host that looks known": "https://pims.example.com.evil.example",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pimshttp.New(pimshttp.Options{Base: base, Hosts: pims.HostPolicy{Known: []string{"pims.example.com"}}})
			require.ErrorIs(t, err, pims.ErrHostNotAllowed)
		})
	}
	for _, base := range []string{"", "pims.example.com", "://", "https://"} {
		_, err := pimshttp.New(pimshttp.Options{Base: base})
		require.Error(t, err, base)
	}
}

func TestAKnownNameThatLeadsHomeIsNotDialled(t *testing.T) {
	t.Parallel()
	var requests counter
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.add() }))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)

	hosts := pims.HostPolicy{Known: []string{"localhost"}}
	client, err := pimshttp.New(pimshttp.Options{
		Base:      "https://localhost:" + address.Port(),
		Hosts:     hosts,
		Transport: pimshttp.NewTransport(hosts),
	})
	require.NoError(t, err, "the name is known")
	start := time.Now()
	err = client.GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, pims.ErrHostNotAllowed)
	require.NotErrorIs(t, err, pims.ErrUnreachable)
	require.ErrorContains(t, err, "PIMS_ALLOWED_HOSTS")
	require.Zero(t, requests.value())
	require.Less(t, time.Since(start), pimshttp.DefaultBackoff, "asking again would change nothing")
}

func TestACertificateThatNobodySignedIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	err := newClient(t, server, pimshttp.Options{}).GetJSON(t.Context(), request, readValue)
	require.ErrorIs(t, err, pims.ErrUnreachable)
	require.ErrorContains(t, err, "certificate")
	require.NotContains(t, err.Error(), "tries")
}

package recordings_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const canary = "Zanzibar-5f1d"

type pimsThat func(*http.Request) *http.Response

func (p pimsThat) RoundTrip(r *http.Request) (*http.Response, error) { return p(r), nil }

// recorded returns what a recording holds of one request and its answer.
func recorded(t *testing.T, method, address, form string) (e recordings.Exchange, whole string) {
	t.Helper()
	tape := recordings.NewTape(syncs.Run{Type: syncs.TypeInbound}, time.Unix(1, 0))
	r, err := http.NewRequestWithContext(tape.Recording(t.Context()), method, address, strings.NewReader(form))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+canary)
	transport := recordings.Transport{Next: pimsThat(func(*http.Request) *http.Response {
		header := http.Header{}
		header.Set("Location", "https://sso.example/a/login?code="+canary+"#access_token="+canary)
		header.Set("Set-Cookie", "kept="+canary+"; Path=/")
		header.Set("Content-Type", "application/json")
		header.Set("Date", "Mon, 30 Nov 2026 14:00:00 GMT")
		header.Set("Retry-After", "Mon, 30 Nov 2026 14:01:30 GMT")
		return &http.Response{StatusCode: http.StatusFound, Header: header, Body: io.NopCloser(strings.NewReader("{}"))}
	})}
	response, err := transport.RoundTrip(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	recording := tape.End(syncs.StatusCompleted, syncs.Result{})
	require.Len(t, recording.Exchanges, 1)
	document, err := recording.Encode()
	require.NoError(t, err)
	read, err := recordings.Decode(document)
	require.NoError(t, err)
	e = read.Exchanges[0]
	text, err := e.Body.Bytes()
	require.NoError(t, err)
	whole = e.URL + e.Form + string(text)
	for name, value := range e.Header {
		whole += name + value
	}
	return e, whole
}

func TestARequestThatCarriesASecretIsWithheld(t *testing.T) { // R52
	t.Parallel()
	for address, form := range map[string]string{
		"https://neo.example/login":                           "user=a&password=" + canary,
		"https://neo.example/oauth":                           `{"user":"a=b","password":"` + canary + `"}`,
		"https://neo.example/nested":                          "user%5Bp%61ssword%5D=" + canary,
		"https://neo.example/a?access_token=" + canary:        "",
		"https://neo.example/b?x=1&pwd=" + canary:             "",
		"https://neo.example/c?sid=" + canary + "&day=monday": "",
	} {
		e, whole := recorded(t, http.MethodPost, address, form)
		require.True(t, e.Withheld, address)
		require.Empty(t, e.Header, address)
		require.NotContains(t, whole, canary, address)
	}
}

func TestAnAnswerIsRecordedWithoutWhatSignsIn(t *testing.T) { // R52
	t.Parallel()
	e, whole := recorded(t, http.MethodGet, "https://neo.example/consultations/search?author=7&page=1&passport=2&considered=1", "")
	require.False(t, e.Withheld)
	require.Equal(t, map[string]string{"Location": "https://sso.example/a/login", "Set-Cookie": "kept", "Content-Type": "application/json", "Retry-After": "90"}, e.Header)
	require.Contains(t, whole, "passport=2&considered=1{}")
	require.NotContains(t, whole, canary)
}

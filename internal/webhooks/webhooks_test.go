package webhooks

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/secret"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// verifier names the program that tools/standardwebhooks/run gives: the official library for
// JavaScript.
var verifier = flag.String("verifier", "", "verify.mjs of tools/standardwebhooks beside its library; empty: the official library for Go alone")

// verdicts returns what the official libraries say of a message.
func verdicts(t *testing.T, secret string, h http.Header, body []byte) (good []bool) {
	t.Helper()
	official, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	good = append(good, official.Verify(body, h) == nil)
	if *verifier == "" {
		return good
	}
	headers := make(map[string]string)
	for name := range h {
		headers[strings.ToLower(name)] = h.Get(name)
	}
	line, err := json.Marshal(map[string]any{"secret": secret, "headers": headers, "body": string(body)})
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), "node", *verifier)
	command.Stdin = bytes.NewReader(append(line, '\n'))
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s", said)
	t.Logf("%s: %s", h.Get("webhook-id"), said)
	return append(good, string(said) == "good\n")
}

func TestTheOfficialLibraryAcceptsEachValidSecretAndNothingElse(t *testing.T) { // R47
	t.Parallel()
	present, former, other := NewSecret(), NewSecret(), NewSecret()
	body := []byte(`{"type":"case.changed","name":"Zoë"}`)
	h := make(http.Header)
	sign(h, uuid.New(), time.Now(), body, []secret.Text{secret.New(present), secret.New(former)})
	for text, good := range map[string]bool{present: true, former: true, other: false} {
		for _, verdict := range verdicts(t, text, h, body) {
			require.Equal(t, good, verdict)
		}
		for _, verdict := range verdicts(t, text, h, append([]byte(" "), body...)) {
			require.False(t, verdict, "another body")
		}
	}
	sign(h, uuid.New(), time.Now().Add(-time.Hour), body, []secret.Text{secret.New(present)})
	for _, verdict := range verdicts(t, present, h, body) {
		require.False(t, verdict, "it is old")
	}
}

func TestTriesComeAtTheTimesOfTheRule(t *testing.T) { // R47
	t.Parallel()
	e, d := Endpoint{}, Delivery{}
	at := monday
	var waits []time.Duration
	for {
		v := Judge(&e, &d, Attempt{At: at, Status: 500, Error: "it returned 500"})
		d.Tries++
		if v.State != Pending {
			require.Equal(t, Failed, v.State)
			break
		}
		waits = append(waits, v.NextTryAt.Sub(at))
		at = v.NextTryAt
	}
	require.Equal(t, []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}, waits)
}

func TestAnEndpointIsDisabledWhenItIsGoneAndAfterFiveDays(t *testing.T) { // R47
	t.Parallel()
	failed := Attempt{At: monday, Status: 503, Error: "it returned 503"}
	require.Equal(t, ReasonGone, Judge(&Endpoint{}, &Delivery{}, Attempt{At: monday, Status: 410, Error: "it returned 410"}).Disable)
	require.Empty(t, Judge(&Endpoint{FailingAt: monday.Add(-disableAfter + time.Second)}, &Delivery{}, failed).Disable)
	require.Equal(t, ReasonFailing, Judge(&Endpoint{FailingAt: monday.Add(-disableAfter)}, &Delivery{}, failed).Disable)
	require.Equal(t, Verdict{State: Delivered}, Judge(&Endpoint{FailingAt: monday.Add(-disableAfter)}, &Delivery{}, Attempt{At: monday, Status: 200}))
	require.Equal(t, time.Second, pauseAfter(1))
	require.Equal(t, maxPause, pauseAfter(40))
}

func TestAnEndpointsURLMustBePublicHTTPSUnlessItsHostIsNamed(t *testing.T) { // R47
	t.Parallel()
	named := pims.HostPolicy{Named: []string{"127.0.0.1:8080", "hooks.lan"}}
	for _, good := range []string{"https://example.com/hooks?token=x", "http://127.0.0.1:8080/", "http://hooks.lan/a"} {
		require.NoError(t, CheckURL(good, named), good)
	}
	for _, bad := range []string{
		"", "example.com", "http://example.com/", "https://10.0.0.5/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/",
		"http://127.0.0.1:9090/", "ftp://hooks.lan/", "https://user:pass@example.com/", "https://example.com/#x",
	} {
		require.Error(t, CheckURL(bad, named), bad)
	}
	require.ErrorContains(t, CheckURL("https://example.com/"+strings.Repeat("a", 2000), named), "longer than 2000 characters")
	require.Error(t, CheckTypes(nil))
	require.Error(t, CheckTypes([]string{"case.deleted"}))
	require.NoError(t, CheckTypes(feed.Types()))
}

func TestASenderFollowsNoRedirectReadsLittleAndConnectsToNoPrivateAddress(t *testing.T) { // R47
	t.Parallel()
	elsewhere := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/elsewhere":
			elsewhere++
		case "/long":
			w.WriteHeader(http.StatusTeapot)
			for range 1000 {
				_, _ = w.Write([]byte(strings.Repeat("x\x00", 500)))
			}
		}
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	named := NewSender(pims.HostPolicy{Named: []string{u.Host}}, "test", time.Now)
	try := func(s *Sender, address string) Attempt {
		return s.Send(t.Context(), &Endpoint{URL: address}, &Delivery{ID: uuid.New(), Body: []byte("{}")}, []secret.Text{secret.New(NewSecret())})
	}
	require.Empty(t, try(named, server.URL+"/").Error)
	require.Contains(t, try(named, server.URL+"/redirect").Error, "redirect")
	require.Zero(t, elsewhere)
	long := try(named, server.URL+"/long")
	require.Equal(t, "it returned 418 I'm a teapot", long.Error)
	require.Len(t, long.Response, keptOfBody/2)

	unnamed := NewSender(pims.HostPolicy{}, "test", time.Now)
	require.Contains(t, try(unnamed, server.URL).Error, "https")
	require.Contains(t, try(unnamed, "https://localhost.localdomain:"+u.Port()).Error, "name", "whatever it resolves to")
	require.Contains(t, named.Send(t.Context(), &Endpoint{URL: server.URL}, &Delivery{}, nil).Error, "ENCRYPTION_KEY")
}

func TestADueDeliverySaysWhatItWaitsFor(t *testing.T) { // R47
	t.Parallel()
	d := Delivery{EndpointID: uuid.MustParse("01900000-0000-7000-8000-000000000001")}
	require.Contains(t, d.Due(), "a running replica sends it")
	d.HeldBy = HeldByEndpoint
	require.Contains(t, d.Due(), "pims-sync webhooks enable 01900000-0000-7000-8000-000000000001")
	d.HeldBy = HeldByOrder
	require.Contains(t, d.Due(), "after one before it")
}

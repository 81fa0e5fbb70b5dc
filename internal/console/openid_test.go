package console

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/signin"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// A provider is a small OpenID Connect provider. It checks what a provider must check, and
// signs in whoever is set. `make oidc` runs the same sign-in at a provider of others.
type provider struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // the request that each code answers
	claims map[string]any        // of the next ID token, over the sound ones
	secret string                // of the client
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	p := &provider{key: key, codes: map[string]url.Values{}, claims: map[string]any{}, secret: "client secret"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		}
		send(w, reply)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		public := map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}
		send(w, map[string]any{"keys": []any{public}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// authorize leads back with a code, as after a login.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("response_type") != "code" || query.Get("code_challenge_method") != "S256" || query.Get("state") == "" || query.Get("nonce") == "" {
		http.Error(w, "state, nonce and PKCE are needed", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = query
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {query.Get("state")}}.Encode(), http.StatusSeeOther)
}

// token exchanges a code once, for who proves to be the one who asked for it.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	id, secret, basic := r.BasicAuth()
	secret, err := url.QueryUnescape(secret)
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if err != nil || !known || !basic || id != "pims-sync" || secret != p.secret || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Get("code_challenge") {
		http.Error(w, `{"error": "invalid_grant", "error_description": "SECRETDETAIL"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{
		"iss": p.URL, "sub": "1", "aud": "pims-sync", "nonce": asked.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"email": "ada@example.com", "email_verified": true, "name": "Ada Marlow",
	}
	maps.Copy(claims, p.claims)
	send(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.sign(claims)})
}

// encoded is a value as JSON.
func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // ours
	}
	return text
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(encoded(v))
}

func (p *provider) sign(claims map[string]any) string {
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(encoded(v)) }
	signed := part(map[string]any{"alg": "RS256", "kid": "1"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// say sets claims of the next ID tokens.
func (p *provider) say(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// newOpenIDSite serves a console whose people sign in at a provider.
func newOpenIDSite(t *testing.T) (*site, *provider) {
	t.Helper()
	p := newProvider(t)
	s := newSite(t, func(o *Options) {
		o.OpenID = &signin.OpenID{Issuer: p.URL, ClientID: "pims-sync", ClientSecret: secret.New("client secret")}
	})
	_, err := s.people.Invite(t.Context(), root, peopleOf("ada@example.com", access.RoleOperator))
	require.NoError(t, err)
	return s, p
}

func TestAnInvitedPersonSignsInAtAProvider(t *testing.T) { // R43
	t.Parallel()
	s, _ := newOpenIDSite(t)
	v := s.visitor(t)
	require.Contains(t, v.get(t, "/console/sign-in").body, `href="/console/openid"`)
	v.get(t, "/console/openid")
	require.Equal(t, "/console", v.page.path)
	require.Contains(t, v.page.body, "Ada Marlow")
	s.requireNoFault(t)
}

// issuer is the provider at which the browser signs in: `make oidc` gives the address of an
// oidc-provider from npm.
var issuer = flag.String("issuer", "", "sign in at this provider, in place of the test's own")

func TestAPersonSignsInInABrowserAtAProvider(t *testing.T) { // R43
	t.Parallel()
	address, except := *issuer, []string{*issuer, "https://fonts.googleapis.com/"} // which the pages of oidc-provider name
	if address == "" {
		address = newProvider(t).URL
		except = []string{address}
	}
	s := newSite(t, func(o *Options) {
		o.OpenID = &signin.OpenID{Issuer: address, ClientID: "pims-sync", ClientSecret: secret.New("client secret")}
	})
	_, err := s.people.Invite(t.Context(), root, peopleOf("ada@example.com", access.RoleOperator))
	require.NoError(t, err)
	w := s.window(t, except...)
	w.open(t, "/console/sign-in?next=/console/people")
	w.requireAccessible(t, "sign-in with OpenID Connect")
	w.do(t, chromedp.Click(`a[href="/console/openid"]`))
	if *issuer != "" {
		w.do(t, chromedp.SendKeys(`input[name="login"]`, "Ada@example.com"), chromedp.SendKeys(`input[name="password"]`, "any"),
			chromedp.Click(`button[type="submit"]`), chromedp.WaitReady(`input[value="consent"]`),
			chromedp.Submit(`input[value="consent"]`))
	}
	w.do(t, chromedp.WaitVisible("#fleet"))
	require.Equal(t, "Ada Marlow", evaluate[string](t, w, `document.querySelector(".who-name").textContent`))
	require.NotContains(t, evaluate[string](t, w, `document.cookie`), "pims_sync", "no script sees the session")
	s.requireNoFault(t)
}

func TestAProvidersWordIsChecked(t *testing.T) { // R43
	t.Parallel()
	for name, c := range map[string]struct {
		claims map[string]any
		status int
		text   string
	}{
		"not invited":           {map[string]any{"email": "eve@example.com"}, 403, "is invited"},
		"not verified":          {map[string]any{"email_verified": false}, 403, "has not verified"},
		"nothing of verified":   {map[string]any{"email_verified": nil}, 403, "has not verified"},
		"verified as a text":    {map[string]any{"email_verified": "true"}, 200, "Ada Marlow"},
		"no address":            {map[string]any{"email": ""}, 403, "is invited"},
		"another nonce":         {map[string]any{"nonce": "x"}, 502, "does not work"},
		"for another client":    {map[string]any{"aud": "other"}, 502, "does not work"},
		"of another issuer":     {map[string]any{"iss": "https://evil.example"}, 502, "does not work"},
		"expired":               {map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, 502, "does not work"},
		"another letter's case": {map[string]any{"email": "ADA@Example.com"}, 200, "Ada Marlow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := newOpenIDSite(t)
			p.say(c.claims)
			v := s.visitor(t)
			page := v.get(t, "/console/openid")
			require.Equal(t, c.status, page.status, page.body)
			require.Contains(t, page.body, c.text)
			if c.status != 200 {
				require.Equal(t, "/console/sign-in", v.get(t, "/console").path)
			}
		})
	}
}

func TestTheSecondAccountOfAnAddressIsRefused(t *testing.T) { // R43
	t.Parallel()
	s, p := newOpenIDSite(t)
	require.Equal(t, 200, s.visitor(t).get(t, "/console/openid").status)
	p.say(map[string]any{"sub": "2"})
	page := s.visitor(t).get(t, "/console/openid")
	require.Equal(t, 403, page.status)
	require.Contains(t, page.body, "another account")
}

func TestACallbackNeedsTheBrowserThatBegan(t *testing.T) { // R43
	t.Parallel()
	s, _ := newOpenIDSite(t)
	v := s.visitor(t)
	var callback string
	v.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/console/openid/callback") {
			callback = r.URL.RequestURI()
			return http.ErrUseLastResponse
		}
		return nil
	}
	v.get(t, "/console/openid")
	require.NotEmpty(t, callback)
	victim := s.visitor(t)
	require.Equal(t, 403, victim.get(t, callback).status, "an attacker's code in another browser")
	victim.still().get(t, "/console/openid") // a sign-in of its own
	require.Equal(t, 403, victim.get(t, callback).status)
	require.Equal(t, "/console", v.get(t, callback).path, "the browser that began")
	require.Equal(t, 403, v.get(t, callback).status, "once")
	require.Equal(t, 403, v.get(t, "/console/openid/callback?error=access_denied&state=x").status)
}

func TestAProviderThatDoesNotWorkSaysSo(t *testing.T) { // R40, R43
	t.Parallel()
	s, p := newOpenIDSite(t)
	p.mu.Lock()
	p.secret = "another"
	p.mu.Unlock()
	page := s.visitor(t).get(t, "/console/openid")
	require.Equal(t, 502, page.status)
	require.Contains(t, s.log.String(), "OIDC_CLIENT_SECRET")
	require.NotContains(t, s.log.String()+page.body, "SECRETDETAIL")
	require.NotContains(t, s.log.String(), "client secret")

	down := newSite(t, func(o *Options) {
		o.OpenID = &signin.OpenID{Issuer: "http://127.0.0.1:1", ClientID: "pims-sync"}
	})
	require.Equal(t, 502, down.visitor(t).get(t, "/console/openid").status)
	require.Equal(t, 200, down.visitor(t).get(t, "/console/sign-in").status, "passwords work all the same")
}

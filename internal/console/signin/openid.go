package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/web"
)

// OpenID says where people sign in with OpenID Connect.
type OpenID struct {
	Issuer       string
	ClientID     string
	ClientSecret secret.Text
	Client       *http.Client // nil: one with limits

	mu       sync.Mutex
	provider *oidc.Provider
}

const (
	openIDTimeout  = 10 * time.Second // of one request to the provider
	openIDLife     = 10 * time.Minute // of one sign-in
	openIDCallback = page.Root + "/openid/callback"
)

// context returns a context for requests to the provider.
func (o *OpenID) context(ctx context.Context) context.Context {
	client := o.Client
	if client == nil {
		client = &http.Client{Timeout: openIDTimeout}
	}
	return oidc.ClientContext(ctx, client)
}

// discover reads the provider's configuration, once it can be reached.
func (o *OpenID) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider != nil {
		return o.provider, nil
	}
	// The provider keeps the context for its keys: it must not end with this request.
	provider, err := oidc.NewProvider(o.context(context.WithoutCancel(ctx)), o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("asking the sign-in provider %s for its configuration: %w", o.Issuer, err)
	}
	o.provider = provider
	return provider, nil
}

// config returns the client's configuration for a server that people find at base.
func (o *OpenID) config(provider *oidc.Provider, base string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret.Reveal(), Endpoint: provider.Endpoint(),
		RedirectURL: base + openIDCallback, Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// cookieOpenID is the cookie of a sign-in that has begun.
const cookieOpenID = "pims_sync_openid"

// The three values of one sign-in (R43) follow from one secret, which only the browser that
// began it has. So nothing is stored, and any replica can end what another began.
func openIDState(secret string) string { return people.Derive(secret, "state") }

func openIDNonce(secret string) string { return people.Derive(secret, "nonce") }

func openIDVerifier(secret string) string { return people.Derive(secret, "verifier") }

// openIDStart leads to the provider.
func (s *screens) openIDStart(w http.ResponseWriter, r *http.Request) {
	if s.o.OpenID == nil {
		s.site.Nothing(w, r)
		return
	}
	if s.insecure(r) != "" {
		s.writeSignIn(w, r, http.StatusForbidden, signInView{})
		return
	}
	provider, err := s.o.OpenID.discover(r.Context())
	if err != nil {
		s.openIDFailed(w, r, err)
		return
	}
	secret := oauth2.GenerateVerifier()
	base := s.site.Base(r)
	s.site.SetCookie(w, r, cookieOpenID, secret, openIDLife)
	address := s.o.OpenID.config(provider, base.Scheme+"://"+base.Host).AuthCodeURL(openIDState(secret),
		oidc.Nonce(openIDNonce(secret)), oauth2.S256ChallengeOption(openIDVerifier(secret)))
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // it is the provider's, from its configuration
}

// openIDCallback is where the provider leads back to.
func (s *screens) openIDCallback(w http.ResponseWriter, r *http.Request) {
	if s.o.OpenID == nil {
		s.site.Nothing(w, r)
		return
	}
	secret := s.site.Cookie(r, cookieOpenID)
	s.site.SetCookie(w, r, cookieOpenID, "", 0)
	query := r.URL.Query()
	here := r.Clone(r.Context()) // the page does not repeat the code
	here.URL.Path, here.URL.RawQuery = page.Root+"/sign-in", ""
	if secret == "" || subtle.ConstantTimeCompare([]byte(openIDState(secret)), []byte(query.Get("state"))) != 1 {
		s.writeSignIn(w, here, http.StatusForbidden, signInView{Next: page.Root, Problem: "This sign-in was begun in another browser or took too long. Begin again."})
		return
	}
	if query.Get("error") != "" { // its text is the provider's, not ours to repeat
		s.writeSignIn(w, here, http.StatusUnauthorized, signInView{Next: page.Root, Problem: "The sign-in provider refused. Begin again, or sign in with a password."})
		return
	}
	who, err := s.identity(r, secret)
	if err != nil {
		s.openIDFailed(w, here, err)
		return
	}
	token, err := s.o.People.SignInWithIdentity(r.Context(), who, page.Remote(r))
	if problem := refusal(err); problem != "" {
		s.writeSignIn(w, here, http.StatusForbidden, signInView{Next: page.Root, Problem: problem})
		return
	}
	if err != nil {
		s.site.Fail(w, r, s.site.Stranger(r), err)
		return
	}
	s.enter(w, r, token, page.Root)
}

// openIDFailed says that the provider cannot be used, and logs why.
func (s *screens) openIDFailed(w http.ResponseWriter, r *http.Request, err error) {
	web.EntryOf(r.Context()).Cause = err
	s.writeSignIn(w, r, http.StatusBadGateway, signInView{Next: page.Root, Problem: "The sign-in provider does not work at the moment. Try again, or sign in with a password."})
}

// identity exchanges the code and returns what the provider says of the account.
func (s *screens) identity(r *http.Request, secret string) (people.Identity, error) {
	provider, err := s.o.OpenID.discover(r.Context())
	if err != nil {
		return people.Identity{}, err
	}
	ctx := s.o.OpenID.context(r.Context())
	base := s.site.Base(r)
	config := s.o.OpenID.config(provider, base.Scheme+"://"+base.Host)
	token, err := config.Exchange(ctx, r.URL.Query().Get("code"), oauth2.VerifierOption(openIDVerifier(secret)))
	if err != nil {
		return people.Identity{}, exchangeError(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return people.Identity{}, errors.New("the sign-in provider returned no ID token")
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: s.o.OpenID.ClientID, Now: s.o.Now}).Verify(ctx, raw)
	if err != nil {
		return people.Identity{}, fmt.Errorf("checking the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(openIDNonce(secret))) != 1 {
		return people.Identity{}, errors.New("the ID token belongs to another sign-in")
	}
	return claims(ctx, provider, verified, token)
}

// exchangeError returns the error of an exchange without the body of the response, which may
// hold anything (R40).
func exchangeError(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("the sign-in provider refused the code with status %d; check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET", refused.Response.StatusCode)
	}
	return fmt.Errorf("exchanging the code: %w", err)
}

// claims returns the e-mail address and the name of an account: from the ID token, or where
// it lacks them from the provider's endpoint for them.
func claims(ctx context.Context, provider *oidc.Provider, id *oidc.IDToken, token *oauth2.Token) (people.Identity, error) {
	var said struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // some providers send it as a text
		Name     string `json:"name"`
	}
	if err := id.Claims(&said); err != nil {
		return people.Identity{}, fmt.Errorf("reading the ID token: %w", err)
	}
	if said.Email == "" && provider.UserInfoEndpoint() != "" {
		info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return people.Identity{}, fmt.Errorf("asking the sign-in provider for the e-mail address: %w", err)
		}
		if info.Subject != id.Subject {
			return people.Identity{}, errors.New("the sign-in provider told of another account")
		}
		if err := info.Claims(&said); err != nil {
			return people.Identity{}, fmt.Errorf("reading what the sign-in provider says: %w", err)
		}
	}
	verified, ok := said.Verified.(bool)
	verified = ok && verified || said.Verified == "true"
	return people.Identity{Issuer: id.Issuer, Subject: id.Subject, Email: said.Email, Verified: verified, Name: said.Name}, nil
}

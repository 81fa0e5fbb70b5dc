package replay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// invented stands for what a recording does not hold.
const invented = "recorded"

// credentialsFor invents what a provider needs to sign in at the recorded address.
func credentialsFor(d pims.Declaration, base string) (pims.Credentials, error) {
	c := pims.Credentials{}
	for _, f := range d.Fields {
		switch {
		case f.Name == pims.FieldBaseURL && base != "":
			c[f.Name] = base
		case f.Required && f.Default == "":
			c[f.Name] = invented
		}
	}
	c = d.Complete(c)
	if err := d.Check(c); err != nil {
		return nil, fmt.Errorf("the provider accepts no invented credentials: %w", err)
	}
	return c, nil
}

// hostsOf permits the hosts of a recording, which nothing connects to.
func hostsOf(r *recordings.Recording) (policy pims.HostPolicy) {
	for _, origin := range append([]string{r.Base}, landings(r)...) {
		if u, err := url.Parse(origin); err == nil && u.Host != "" {
			policy.Named = append(policy.Named, u.Hostname())
		}
	}
	return policy
}

func landings(r *recordings.Recording) (origins []string) {
	for i := range r.Logins {
		origins = append(origins, r.Logins[i].Landed)
	}
	return origins
}

// A browser logs in as it was recorded.
type browser struct {
	player *player
	base   string

	mu     sync.Mutex
	logins []recordings.Login
}

// Login implements pims.Browser.
func (b *browser) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	login, ok := b.next()
	if !ok {
		return pims.BrowserSession{}, fmt.Errorf("the recording holds no further login: %w", pims.ErrBrowserUnavailable)
	}
	landed := login.Landed
	if landed == "" {
		landed = b.base
	}
	session := pims.BrowserSession{URL: landed + "/", UserAgent: invented}
	if u, err := url.Parse(landed); err == nil {
		session.Cookies = []pims.Cookie{{Name: invented, Value: invented, Host: u.Hostname(), Path: "/"}}
	}
	var err error
	for range login.Asked {
		err = form.Accepted(ctx, session)
		if _, notYet := errors.AsType[*pims.NotYet](err); !notYet {
			break
		}
	}
	if login.Outcome == pims.Kind(nil) || err != nil && pims.Kind(err) == login.Outcome {
		return session, err
	}
	return pims.BrowserSession{}, b.failure(ctx, login.Outcome)
}

// next returns the next login. A rehearsal is always let in, and uses none up.
func (b *browser) next() (recordings.Login, bool) {
	if b.player.rehearsing {
		return recordings.Login{Asked: 1, Outcome: pims.Kind(nil)}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.logins) == 0 {
		return recordings.Login{}, false
	}
	login := b.logins[0]
	b.logins = b.logins[1:]
	return login, true
}

// failures are the errors by their words in pims.Kind.
var failures = []error{
	pims.ErrAuthRejected, pims.ErrAuthChallenge, pims.ErrLoginFormChanged, pims.ErrBrowserUnavailable, pims.ErrSessionExpired,
	pims.ErrRateLimited, pims.ErrTooManyRows, pims.ErrSchemaDrift, pims.ErrNotFound, pims.ErrIncomplete, pims.ErrHostNotAllowed, pims.ErrTimedOut,
	pims.ErrRecordRefused, pims.ErrRemote, &pims.FieldError{Field: invented, Reason: "was refused"},
}

func (b *browser) failure(ctx context.Context, outcome string) error {
	for _, err := range failures {
		if pims.Kind(err) == outcome {
			return err
		}
	}
	if b.player.endedBy != nil {
		return b.player.ended(ctx)
	}
	return errors.New("the login failed, as recorded")
}

// keyring makes a keyring for invented credentials.
func keyring() (*seal.Keyring, error) { return seal.ParseKeyring(seal.NewKey()) }

package idexxneo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

const (
	// Name is this provider's name in the database, in credentials and in metrics.
	Name = "idexx_neo"

	// Alias is accepted for Name on input.
	Alias = "idexx"

	// DefaultBaseURL is the address of a clinic's Neo where the clinic has no other. W2.
	DefaultBaseURL = "https://neo.idexxpetlabs.com"
)

// KnownHosts returns the hosts of Neo's regions and generations, in the form of
// pims.HostPolicy. They may always be contacted.
func KnownHosts() []string { return []string{"*.idexxneo.com", "*.idexxpetlabs.com"} }

// New makes the provider. It is a pims.Constructor.
func New(environment pims.Environment) pims.Provider {
	p := &provider{Environment: environment}
	p.Hosts.Known = slices.Concat(p.Hosts.Known, KnownHosts())
	p.Base = pimshttp.Transport(p.Environment)
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	return p
}

type provider struct {
	pims.Environment
	maxBytes int64 // of one answer; 0: pimshttp.DefaultMaxBytes
}

// correctedFor is for how long after a consultation was closed its notes may be corrected.
// NEO.md §Consultations.
const correctedFor = 45 // days

// How long a session is tried before a new login (R36).
const (
	sessionIdle = 20 * time.Minute
	sessionAge  = 8 * time.Hour
)

// Declaration implements pims.Provider. The practice id is for login forms that ask for one
// (R37).
func (*provider) Declaration() pims.Declaration {
	return pims.Declaration{
		Name:    Name,
		Title:   "IDEXX Neo",
		Aliases: []string{Alias},
		Hosts:   KnownHosts(),
		Fields: []pims.Field{
			{Name: pims.FieldBaseURL, Label: "Address of the clinic's Neo", Required: true, Default: DefaultBaseURL, Check: pims.CheckOrigin},
			{Name: pims.FieldUsername, Label: "User name", Required: true},
			{Name: pims.FieldPassword, Label: "Password", Secret: true, Required: true},
			{Name: pims.FieldPracticeID, Label: "Practice id, if the login page asks for one"},
		},
		CorrectedFor: correctedFor,
		Decides:      decides,
		Wire:         wireWords(),
	}
}

// decides reports whether a field of the calendar, or of a looked-up appointment, decides
// identity, time or presence (R51).
func decides(endpoint, field string) bool {
	return strings.HasPrefix(endpoint, "/appointments/") && decisive[field]
}

var decisive = pims.WordSet(
	"id appointment_id appointmentId appointment.id patient_id patientId patient.id",
	"start end",
	"current_status status status_label is_block is_roster className",
)

// Open implements pims.Provider.
func (p *provider) Open(account pims.Account, state pims.State) (pims.Session, error) {
	saved, err := decodeState(state.Data)
	if err != nil {
		return nil, err
	}
	s, err := p.open(account, saved, state.Until)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (p *provider) open(account pims.Account, saved savedState, until time.Time) (*session, error) {
	if account.Location == nil {
		return nil, errors.New("open a Neo session: the account has no time zone")
	}
	cookies := pimshttp.NewCookies(saved.Browser, saved.Base)
	client, err := pimshttp.New(pimshttp.Options{
		Base:        saved.Base,
		Authorizer:  cookies,
		Hosts:       p.Hosts,
		Transport:   p.Base,
		Header:      http.Header{"X-Requested-With": {"XMLHttpRequest"}},
		IsLoginURL:  isLoginURL,
		IsLoginPage: isLoginPage,
		Limiter:     p.Limiter,
		Observe:     p.Observe,
		Logger:      p.Logger,
		Timeout:     p.Timeout,
		Backoff:     p.Backoff,
		MaxBytes:    p.maxBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("open a Neo session: %w", err)
	}
	return &session{client: client, cookies: cookies, base: saved.Base, location: account.Location, now: p.Now, until: until}, nil
}

// Login implements pims.Provider.
func (p *provider) Login(ctx context.Context, account pims.Account) (pims.State, error) {
	start := time.Now()
	state, err := p.login(ctx, account)
	if p.Observe != nil {
		p.Observe(ctx, pims.Observation{Operation: pims.OpLogin, Outcome: pims.Kind(err), Duration: time.Since(start)})
	}
	if err != nil {
		return pims.State{}, fmt.Errorf("log in to Neo: %w", err)
	}
	return state, nil
}

func (p *provider) login(ctx context.Context, account pims.Account) (pims.State, error) {
	if err := p.Declaration().Check(account.Credentials); err != nil {
		return pims.State{}, err
	}
	base, err := origin(account.Credentials[pims.FieldBaseURL])
	if err != nil {
		return pims.State{}, err
	}
	if err := p.Hosts.CheckURL(base); err != nil {
		return pims.State{}, err
	}
	if p.Browser == nil {
		return pims.State{}, pims.ErrBrowserUnavailable
	}
	var state pims.State
	form := loginForm(base.String(), account.Credentials, p.Hosts)
	form.Accepted = func(ctx context.Context, found pims.BrowserSession) (err error) {
		state, err = p.prove(ctx, account, base, found)
		return err
	}
	found, err := p.Browser.Login(ctx, form)
	if err == nil && state.Data == nil { // a browser that did not ask
		err = form.Accepted(ctx, found)
	}
	if notYet, ok := errors.AsType[*pims.NotYet](err); ok {
		err = notYet.Err
	}
	if err != nil {
		return pims.State{}, err
	}
	return state, nil
}

// prove makes the state of the session that the PIMS itself confirms. A clinic's Neo may be
// on another host than its login page; then the session is valid at the address where the
// browser ended.
//
// Some PIMS show further pages before the dashboard. Until they are over, the PIMS answers
// with such a page, a redirect to it, a refusal or the login page: that is a pims.NotYet.
func (p *provider) prove(ctx context.Context, account pims.Account, base *url.URL, found pims.BrowserSession) (pims.State, error) {
	bases := []string{base.String()}
	if landed, err := origin(found.URL); err == nil && landed.String() != bases[0] && p.Hosts.CheckURL(landed) == nil {
		bases = append(bases, landed.String())
	}
	var refused error
	for _, candidate := range bases {
		s, err := p.open(account, savedState{Base: candidate, Browser: found}, p.Now().Add(sessionAge))
		if err != nil {
			return pims.State{}, err
		}
		switch err := s.Prove(ctx); {
		case err == nil:
			return s.State()
		case errors.Is(err, pims.ErrSchemaDrift), errors.Is(err, pimshttp.ErrRefused):
			refused = cmp.Or(refused, err)
		case !errors.Is(err, pims.ErrSessionExpired):
			return pims.State{}, err
		}
	}
	// This is not "expired", because a new login would end here again.
	return pims.State{}, &pims.NotYet{Err: cmp.Or(refused, errNotAccepted)}
}

var errNotAccepted = fmt.Errorf("the browser was let in, but the session that it got is not accepted: %w", pims.ErrRemote)

// origin returns the scheme and host of a URL.
func origin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, &pims.FieldError{Field: pims.FieldBaseURL, Reason: "is no URL"}
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

// loginForm describes the login page, see NEO.md §Hosts and login.
func loginForm(base string, credentials pims.Credentials, hosts pims.HostPolicy) pims.LoginForm {
	return pims.LoginForm{
		URL: base + "/login",
		Fields: []pims.LoginField{
			{Name: pims.FieldUsername, Selectors: []string{`input[name="username"]`, `input[type="email"]`}, Value: credentials[pims.FieldUsername]},
			{Name: pims.FieldPassword, Selectors: []string{`input[name="password"]`}, Value: credentials[pims.FieldPassword]},
			{Name: pims.FieldPracticeID, Selectors: []string{`input[name="company_id"]`}, Value: credentials[pims.FieldPracticeID], Optional: true},
		},
		Submit:   []string{`button[type="submit"]`},
		Refusals: []string{".error-message", ".alert-danger"},
		Challenges: []string{
			`iframe[src*="captcha"]` + visibleCaptcha, captchaBox + visibleCaptcha + `[data-sitekey]`, captchaBox + visibleCaptcha + `:has(iframe:not(` + badge + `), img, canvas, input:not([type="hidden"]))`,
			`input[autocomplete="one-time-code"]`, `input[name="otp"]`, `input[name*="mfa"]`, `input[name*="two_factor"]`,
		},
		Hosts: hosts,
	}
}

// How to distinguish a captcha that asks a person from an invisible one. The invisible one
// shows a badge at the edge of the page, a note that the page is protected, or nothing.
const (
	badge          = `[src*="size=invisible"], [src*="checkbox-invisible"], .grecaptcha-badge *`
	captchaBox     = `:is([class*="captcha" i], [id*="captcha" i], [name*="captcha" i]):not(button, input[type="submit"], form, body, html)`
	visibleCaptcha = `:not([data-size="invisible"], .grecaptcha-badge, ` + badge + `, [data-size="invisible"] *)`
)

// isLoginURL reports whether an address is that of the login page.
func isLoginURL(u *url.URL) bool {
	return slices.Contains(strings.Split(strings.ToLower(u.Path), "/"), "login")
}

// isLoginPage reports whether a page asks for a password. Only the login page does.
func isLoginPage(html []byte) bool {
	return loginInput(html, "name") || loginInput(html, "type")
}

func loginInput(html []byte, attribute string) bool {
	html = bytes.ToLower(html)
	for _, quote := range []string{`"`, `'`, ``} {
		if bytes.Contains(html, []byte(attribute+"="+quote+"password"+quote)) {
			return true
		}
	}
	return false
}

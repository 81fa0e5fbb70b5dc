package check

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Login is how a browser's login went, without any value.
type Login struct {
	Page    string   // host and path of the form
	Fields  []string // names of the credential's fields that have a value
	Asks    []Ask    // when the PIMS was asked whether it accepts the session
	Ended   string   // host and path of the last page
	Cookies []string // names of the session's cookies
	Took    time.Duration

	// Failed is what the page shows on which the login failed; nil: it did not fail, or the browser
	// cannot tell.
	Failed *pims.FailedForm
}

// An Ask is one question whether the session is good.
type Ask struct {
	After   time.Duration // since the login began
	Page    string        // host and path of the page at that time
	Outcome string        // of pims.Kind
}

// A Browser passes logins on and notes how the last one went. It is safe for concurrent use.
type Browser struct {
	pims.Browser
	Now func() time.Time

	mu   sync.Mutex
	last Login
}

// Last returns the last login; the zero Login where there was none.
func (b *Browser) Last() Login {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// Login implements pims.Browser.
func (b *Browser) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	began := b.Now()
	login := Login{Page: place(form.URL)}
	for _, f := range form.Fields {
		if f.Value != "" {
			login.Fields = append(login.Fields, f.Name)
		}
	}
	if accepted := form.Accepted; accepted != nil {
		form.Accepted = func(ctx context.Context, found pims.BrowserSession) error {
			err := accepted(ctx, found)
			login.found(found)
			login.Asks = append(login.Asks, Ask{b.Now().Sub(began), place(found.URL), pims.Kind(err)})
			return err
		}
	}
	seeing := pims.SeeFailedForm(ctx, func(f pims.FailedForm) {
		f.Page = idInPath.ReplaceAllString(f.Page, "/{id}")
		login.Failed = &f
		if f.Page != "" {
			login.Ended = f.Page
		}
		if len(f.Cookies) > 0 {
			login.Cookies = f.Cookies
		}
	})
	session, err := b.Browser.Login(seeing, form)
	login.Took = b.Now().Sub(began)
	if err == nil {
		login.found(session)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = login
	return session, err
}

// found notes what the browser holds.
func (l *Login) found(session pims.BrowserSession) {
	l.Ended, l.Cookies = place(session.URL), nil
	for _, c := range session.Cookies {
		l.Cookies = append(l.Cookies, c.Name)
	}
	slices.Sort(l.Cookies)
}

// Waits reports whether the browser was let in and stayed at a page with fields or buttons, where
// the PIMS accepted no session.
func (l *Login) Waits() bool {
	isAccepted := slices.ContainsFunc(l.Asks, func(ask Ask) bool { return ask.Outcome == pims.Kind(nil) })
	return len(l.Asks) > 0 && !isAccepted && l.Failed != nil && slices.ContainsFunc(l.Failed.Parts, func(p pims.PagePart) bool { return !p.Hidden })
}

// place returns host and path of a URL, with ids masked and without its query.
func place(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") { // Chromium's own page about an error
		return ""
	}
	return u.Host + idInPath.ReplaceAllString(u.Path, "/{id}")
}

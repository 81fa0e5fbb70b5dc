package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/browser/refusal"
	"github.com/pims-sync/pims-sync/internal/pims"
)

const (
	// askAgain is how long to wait before asking about the same session again. It doubles
	// each time, up to mostBetween.
	askAgain    = 500 * time.Millisecond
	mostBetween = 5 * time.Second

	// decisionTime is how long a page must stay that says that the user is logged in already.
	// Pages that say so and go on by themselves are left sooner.
	decisionTime = 6 * time.Second

	// leastBetween is the least time between two requests about a session.
	leastBetween = 250 * time.Millisecond
)

// awaitEnd waits until the browser has left the login page and the PIMS accepts the
// session, or refuses. A page between the form and the end may load others by itself, so
// the browser waits as long as the session is not accepted. A text on another page does not
// count as a refusal: dashboards show alerts of their own. A page that has the login page's
// address and not its form may be the end, if the PIMS accepts the session.
func (v *visit) awaitEnd() (pims.BrowserSession, error) {
	var session pims.BrowserSession
	var still stillness
	err := v.watch(func(seen sight) (bool, error) {
		u, ok := v.parse(seen.URL)
		if !ok {
			return false, nil // about:blank, or the browser's own page about an error
		}
		v.said.dialogs, v.said.entry = append(v.said.dialogs, v.guard.takeDialogs()...), seen.Entry
		doubtful := len(seen.Refusals) > 0
		stood := still.since(seen.URL, doubtful)
		isLogin := v.isLogin(u, seen)
		if isLogin {
			if err := v.refusal(seen, stood); err != nil {
				return false, err
			}
			if v.hasForm(seen) || v.form.Accepted == nil {
				return false, v.heed(stood, doubtTime)
			}
		}
		need := settleTime
		if isLogin || doubtful || u.Host != v.login[0].Host {
			need = doubtTime
		}
		if seen.Ready == "loading" || v.guard.isLoading() || stood < need {
			return false, nil
		}
		var accepted bool
		var err error
		if session, accepted, err = v.accepted(u); err != nil || accepted {
			return accepted, err
		}
		return false, v.heed(stood, need)
	})
	return session, err
}

// accepted collects the session, and reports whether it has cookies and the PIMS accepts it.
func (v *visit) accepted(u *url.URL) (session pims.BrowserSession, accepted bool, err error) {
	session, err = v.harvest(u)
	if err == nil && len(session.Cookies) > 0 {
		accepted, err = v.ask(session)
	}
	return session, accepted, err
}

// unsubmitted returns the error for a form that the browser itself does not submit, because a field
// of it is required and not filled in, or holds what the page does not take.
func (v *visit) unsubmitted(stood time.Duration) error {
	if stood < doubtTime || v.guard.sentSoFar() != v.sent {
		return nil
	}
	field, err := v.tab.unfilled()
	if err != nil || !field.Found {
		return err
	}
	v.submitted = false
	reason := "does not take what is stored for it"
	if field.Missing {
		reason = "is required and not filled in"
	}
	return fmt.Errorf("%w: its field %q %s, so that the form was not submitted", pims.ErrLoginFormChanged, withoutDigits(field.Name), reason)
}

// withoutDigits returns the name of a field, in which a digit may be of an id (R40).
func withoutDigits(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '9'
		}
		return r
	}, name)
}

// refusal returns the error for what the login page says, or nil where it says nothing, or
// has not said it long enough to be a final message. What it said before the form was
// submitted is no answer, also where the page comes anew. A form that is not submitted is
// told, too.
func (v *visit) refusal(seen sight, stood time.Duration) error {
	isNotice := func(text string) bool { return slices.Contains(v.notices, text) }
	for _, text := range slices.DeleteFunc(slices.Concat(seen.Refusals, v.said.dialogs), isNotice) {
		switch err := refusal.Meaning(text, v.typed()); {
		case errors.Is(err, pims.ErrAuthChallenge):
			return v.challenge(text, refusal.AsksPerson)
		case err != nil:
			return err
		}
	}
	if len(seen.Refusals) > 0 && stood >= doubtTime {
		return v.unclear()
	}
	return v.unsubmitted(stood)
}

// unclear is the error for a refusal whose text says neither that the credentials are wrong
// nor that a person must act.
func (v *visit) unclear() error {
	if err := v.guard.scriptProblem(); err != nil {
		return err
	}
	return fmt.Errorf("%w: it refuses the login, and not because of the credentials", pims.ErrRemote)
}

// said is the text of a page without an accepted session.
type said struct {
	dialogs []string
	text    string
	entry   bool // something can be entered on the page
	read    time.Time
}

// heed reads the text of a page that has not changed for as long as it needs. It returns an
// error where a page that has not changed for decisionTime asks whether to end another
// session, because such a page waits for a person's decision.
func (v *visit) heed(stood, need time.Duration) error {
	if stood < need || time.Since(v.said.read) < askAgain {
		return nil
	}
	text, err := v.tab.text()
	if err != nil {
		return err
	}
	v.said.text, v.said.read = text, time.Now()
	if stood < decisionTime {
		return nil
	}
	return v.challengeSaid(refusal.InUse)
}

// challengeSaid returns ErrAuthChallenge where the text that was read last asks a person to
// act.
func (v *visit) challengeSaid(asks func(sentence string) bool) error {
	for _, text := range append(v.said.dialogs, v.said.text) {
		if slices.ContainsFunc(refusal.Sentences(text), asks) {
			return v.challenge(text, asks)
		}
	}
	return nil
}

// challenge is the error for a text that asks a person to act. It quotes the text.
func (v *visit) challenge(text string, asks func(sentence string) bool) error {
	if words := refusal.Quote(text, asks, v.typed()); words != "" {
		return fmt.Errorf("%w; its page says %q", pims.ErrAuthChallenge, words)
	}
	return pims.ErrAuthChallenge
}

// typed returns the values of the form's fields.
func (v *visit) typed() []string {
	typed := make([]string, len(v.form.Fields))
	for i, field := range v.form.Fields {
		typed[i] = field.Value
	}
	return typed
}

// A proof is what is known about whether a session is accepted.
type proof struct {
	of      pims.BrowserSession // the latest that was asked about
	asked   time.Time
	wait    time.Duration // before it is asked about again
	refused error         // what the login ends with if no session is accepted
}

// An answerError is an error of the form's Accepted.
type answerError struct{ error }

func (e *answerError) Unwrap() error { return e.error }

// ask reports whether the PIMS accepts a session. It asks at once where the page or the
// cookies are new, else after a pause, which grows each time.
func (v *visit) ask(session pims.BrowserSession) (accepted bool, err error) {
	if v.form.Accepted == nil {
		return true, nil
	}
	p := &v.proof
	if p.of.URL != session.URL || !slices.Equal(p.of.Cookies, session.Cookies) {
		p.of, p.wait = session, min(p.wait, leastBetween)
	}
	if !p.asked.IsZero() && time.Since(p.asked) < p.wait {
		return false, nil
	}
	err = v.form.Accepted(v.context, session)
	p.asked, p.wait = time.Now(), min(max(2*p.wait, askAgain), mostBetween)
	if notYet, ok := errors.AsType[*pims.NotYet](err); ok {
		p.refused = notYet.Err
		return false, nil
	}
	if err != nil {
		return false, &answerError{err}
	}
	return true, nil
}

// harvest collects the session. It has no cookies where the final host has none.
func (v *visit) harvest(u *url.URL) (pims.BrowserSession, error) {
	jar, err := chromedp.CallBrowser(v.tab.context, storage.GetCookies, storage.GetCookiesParams{
		BrowserContextID: v.tab.isolation,
	})
	if err != nil {
		return pims.BrowserSession{}, protocolError(err)
	}
	v.guard.exactCookies(jar.Cookies)
	session := pims.BrowserSession{URL: u.String(), UserAgent: v.userAgent}
	if len(cookiesFor([]string{u.Hostname()}, jar.Cookies)) > 0 {
		session.Cookies = cookiesFor(v.guard.documentHosts(), jar.Cookies)
	}
	return session, nil
}

// cookieNames returns the names of the cookies that the browser has, in order.
func (v *visit) cookieNames(ctx context.Context) (names []string) {
	jar, err := chromedp.CallBrowser(ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: v.tab.isolation})
	if err != nil {
		return nil
	}
	for _, c := range jar.Cookies {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A stillness measures for how long a page has looked the same.
type stillness struct {
	url      string
	doubtful bool
	began    time.Time
}

func (s *stillness) since(url string, doubtful bool) time.Duration {
	if s.began.IsZero() || s.url != url || s.doubtful != doubtful {
		*s = stillness{url, doubtful, time.Now()}
	}
	return time.Since(s.began)
}

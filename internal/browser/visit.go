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

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/browser/refusal"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/downtime"
)

const (
	// lookInterval is how often a page is looked at.
	lookInterval = 25 * time.Millisecond

	// settleTime is how long a page must stay unchanged before it counts as the end of a
	// login. Intermediate pages are left sooner.
	settleTime = 100 * time.Millisecond

	// doubtTime replaces settleTime where the end is on another host, or where there is a
	// text that may be a refusal. A refusal that is not understood must stay that long,
	// too.
	doubtTime = 2 * time.Second

	// maxTries is how often a value is typed that the page does not keep.
	maxTries = 20
)

// A visit is one login from the form's URL to its end.
type visit struct {
	context   context.Context // the caller's, without the visit's time limit
	form      pims.LoginForm
	limit     time.Duration
	userAgent string
	tab       *tab
	guard     *guard
	network   connections

	login     []*url.URL // the login page: where it was found, and where it was asked for
	loaded    bool       // it has come
	submitted bool       // the PIMS may have seen the login
	sent      int        // what guard.sentSoFar said before that
	held      []string   // what the fields hold when the form is submitted
	notices   []string   // what would be a refusal if it had not stood there before
	proof     proof
	said      said
}

func (v *visit) run() (pims.BrowserSession, error) {
	if err := v.open(); err != nil {
		return pims.BrowserSession{}, err
	}
	for deadline := time.Now().Add(2 * v.patience()); ; {
		if err := v.fillIn(); err != nil {
			return pims.BrowserSession{}, err
		}
		held, err := v.submit()
		if err != nil {
			return pims.BrowserSession{}, err
		}
		if held {
			return v.awaitEnd()
		}
		if time.Now().After(deadline) {
			return pims.BrowserSession{}, fmt.Errorf("%w: its fields do not keep what is typed into them", pims.ErrLoginFormChanged)
		}
	}
}

// overtime is the error of a visit that ran out of time.
func (v *visit) overtime() error {
	if v.tab == nil {
		return fmt.Errorf("%w: it opened no page within %s", pims.ErrBrowserUnavailable, v.limit)
	}
	if err := v.guard.excess(); err != nil {
		return err
	}
	if !v.loaded {
		return fmt.Errorf("%w: its login page did not come within %s", pims.ErrUnreachable, v.limit)
	}
	if !v.submitted {
		return fmt.Errorf("%w: it could not be filled in within %s", pims.ErrLoginFormChanged, v.limit)
	}
	if err := v.guard.scriptProblem(); err != nil && v.proof.refused == nil {
		return err
	}
	if err := v.challengeSaid(refusal.AsksPerson); err != nil {
		return err
	}
	if isDown(v.said.entry, v.said.text) {
		return errDown
	}
	if v.proof.refused != nil {
		return v.proof.refused
	}
	return fmt.Errorf("%w: the form was submitted, but within %s the page was neither left nor refused", pims.ErrLoginFormChanged, v.limit)
}

// patience returns how long a loaded page may take to show its form.
func (v *visit) patience() time.Duration { return v.limit / 4 }

// open goes to the login page.
func (v *visit) open() error {
	answer, err := chromedp.Call(v.tab.context, page.Navigate, page.NavigateParams{URL: v.form.URL})
	if err != nil {
		return protocolError(err)
	}
	if answer.ErrorText == "" {
		return nil
	}
	return v.guard.failure(answer.ErrorText)
}

// watch looks at the page again and again until step reports that it is done. Where the
// page cannot be loaded or asks for a person, it returns that error without calling step.
func (v *visit) watch(step func(sight) (done bool, err error)) error {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		seen, err := v.tab.look()
		if err == nil && seen.Challenge {
			_, ours := v.parse(seen.URL)
			v.loaded = v.loaded || ours
			return pims.ErrAuthChallenge
		}
		if problem := v.guard.problem(); problem != nil {
			return problem
		}
		done := false
		if err == nil {
			done, err = step(seen)
		}
		if !errors.Is(err, errNavigating) && (done || err != nil) {
			return err
		}
		select {
		case <-ticker.C:
		case <-v.tab.context.Done():
			return v.tab.context.Err()
		}
	}
}

// fillIn waits for the form and types the values into it, again where a script drops them
// or the page reloads itself. It is done when a look finds all values in the form.
func (v *visit) fillIn() error {
	deadline := time.Now().Add(v.patience())
	tries := 0
	return v.watch(func(seen sight) (bool, error) {
		late := time.Now().After(deadline)
		if err := v.check(seen); err != nil {
			if late {
				return false, v.orClosed(seen, err)
			}
			return false, nil
		}
		if v.guard.isLoading() || seen.Ready != "complete" && !late {
			return false, nil // its scripts may not be there yet
		}
		dropped, err := v.fill(seen)
		if err != nil || dropped < 0 {
			return err == nil, err
		}
		if tries++; tries > maxTries {
			return false, fmt.Errorf("%w: its %s does not keep what is typed into it", pims.ErrLoginFormChanged, v.nameOf(dropped))
		}
		return false, nil
	})
}

// check returns the error for what the page lacks of the form.
func (v *visit) check(seen sight) error {
	if seen.Ready == "loading" {
		return fmt.Errorf("%w: its login page did not come to an end", pims.ErrUnreachable)
	}
	if _, ok := v.parse(seen.URL); !ok {
		return fmt.Errorf("%w: what it shows comes from no allowed host", pims.ErrLoginFormChanged)
	}
	v.loaded = true
	var status string
	if code := v.guard.documentStatus(); code >= 400 {
		status = fmt.Sprintf(" (HTTP %d)", code)
	}
	if field := v.missing(seen); field >= 0 {
		return fmt.Errorf("%w: it shows no %s%s", pims.ErrLoginFormChanged, v.nameOf(field), status)
	}
	if err := v.unanswered(seen); err != nil {
		return err
	}
	if !seen.Submit {
		return fmt.Errorf("%w: it shows no button to submit it%s", pims.ErrLoginFormChanged, status)
	}
	return v.checkAction(seen)
}

// orClosed returns the error for a page that says that the PIMS is closed for maintenance, in
// the place of the error that its form is missing.
func (v *visit) orClosed(seen sight, missing error) error {
	if !errors.Is(missing, pims.ErrLoginFormChanged) || v.guard.documentStatus() >= 400 {
		return missing
	}
	if text, err := v.tab.text(); err != nil || !isDown(seen.Entry, text) {
		return missing
	}
	return errDown
}

// isDown reports whether a page says that the PIMS is closed for maintenance. A page on
// which something can be entered is none of those.
func isDown(entry bool, text string) bool { return !entry && downtime.Says(text) }

var errDown = fmt.Errorf("%w: its page says that the PIMS is closed for maintenance", pims.ErrServer)

// checkAction refuses a form that is sent to a host that is not allowed, before anything is
// typed into it.
func (v *visit) checkAction(seen sight) error {
	if !strings.HasPrefix(seen.Action, "http:") && !strings.HasPrefix(seen.Action, "https:") {
		return nil // a script sends it
	}
	u, err := url.Parse(seen.Action)
	if err != nil {
		return fmt.Errorf("its form is sent to an address that cannot be read: %w", pims.ErrHostNotAllowed)
	}
	if err := v.form.Hosts.CheckURL(u); err != nil {
		return fmt.Errorf("its form is sent elsewhere: %w", err)
	}
	return nil
}

// expected is what must not change about a page after a look at it.
func expected(seen sight) expectation {
	u, err := url.Parse(seen.URL)
	if err != nil {
		return expectation{}
	}
	return expectation{Origin: u.Scheme + "://" + u.Host, Action: seen.Action}
}

// unanswered refuses a form with a required field for which we have no value: submitting it
// would look like a wrong password.
func (v *visit) unanswered(seen sight) error {
	for i, field := range v.form.Fields {
		if seen.Fields[i] && field.Optional && field.Value == "" {
			return &pims.FieldError{Field: field.Name, Reason: "is asked for by the login page, in its " + v.nameOf(i) + ", and is not stored"}
		}
	}
	return nil
}

// missing returns the first required field that the page does not show, or -1.
func (v *visit) missing(seen sight) int {
	for i, field := range v.form.Fields {
		if !seen.Fields[i] && !field.Optional {
			return i
		}
	}
	return -1
}

// fill types the values that the fields do not hold, and returns the last such field, or
// -1.
func (v *visit) fill(seen sight) (dropped int, err error) {
	dropped = -1
	values := make([]string, len(v.form.Fields))
	for i, field := range v.form.Fields {
		values[i] = field.Value
	}
	v.held = make([]string, len(values))
	for i, field := range v.form.Fields {
		if !seen.Fields[i] {
			continue
		}
		value, kind, err := v.tab.read(i)
		if err != nil {
			return i, err
		}
		v.held[i] = value
		if value == field.Value || kind == "email" && sameAddress(value, field.Value) {
			continue
		}
		dropped = i
		if err := v.tab.write(i, arguments{values, expected(seen)}); err != nil {
			return i, err
		}
	}
	return dropped, nil
}

// sameAddress reports whether a field for mail addresses shows the typed one. Such a field
// removes white space around it and writes its domain in ASCII.
func sameAddress(shown, typed string) bool {
	typed = strings.TrimSpace(typed)
	user, domain, _ := strings.Cut(typed, "@")
	return shown == typed || !isASCII(domain) && strings.HasPrefix(shown, user+"@")
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// nameOf names a field by its first selector.
func (v *visit) nameOf(field int) string {
	if selectors := v.form.Fields[field].Selectors; len(selectors) > 0 {
		return "field " + selectors[0]
	}
	return fmt.Sprintf("field %d", field+1)
}

// submit presses the button as soon as it can be pressed. From then on the login may have
// happened. held is false, and nothing is submitted, where a field no longer holds its
// value.
func (v *visit) submit() (held bool, err error) {
	deadline := time.Now().Add(v.patience())
	var at sight
	err = v.watch(func(seen sight) (bool, error) {
		if seen.Submit && seen.Enabled {
			at = seen
			if err := v.checkAction(seen); err != nil {
				return false, err
			}
			if err := v.noteLogin(seen.URL); err != nil {
				return false, err
			}
			v.notices = append(v.notices, seen.Refusals...)
			return true, v.tab.forget()
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("%w: its button cannot be pressed", pims.ErrLoginFormChanged)
		}
		return false, nil
	})
	if err != nil {
		return false, err
	}
	v.guard.takeDialogs()
	v.submitted, v.sent = true, v.guard.sentSoFar()
	held, err = v.tab.submit(arguments{v.held, expected(at)})
	if errors.Is(err, errNavigating) {
		return true, nil
	}
	v.submitted = held || err != nil
	return held, err
}

// noteLogin records which page is the login page: the one with the form. The address that
// was requested counts as the login page, too.
func (v *visit) noteLogin(found string) error {
	v.login = nil
	for _, address := range []string{found, v.form.URL} {
		u, err := url.Parse(address)
		if err != nil {
			return fmt.Errorf("%w: its URL is malformed", pims.ErrLoginFormChanged)
		}
		v.login = append(v.login, u)
	}
	return nil
}

// parse returns a page's URL, and whether the page belongs to the PIMS.
func (v *visit) parse(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	return u, err == nil && v.form.Hosts.CheckURL(u) == nil
}

// hasForm reports whether a page shows the form.
func (v *visit) hasForm(seen sight) bool {
	return slices.Contains(seen.Fields, true) && v.missing(seen) < 0
}

// isLogin reports whether the page is still the login page: by its path, one below it, or
// because the form is there. A refusal may be shown with the form under the path that the
// form was sent to.
func (v *visit) isLogin(u *url.URL, seen sight) bool {
	return v.hasForm(seen) || slices.ContainsFunc(v.login, func(login *url.URL) bool {
		path, start := strings.TrimRight(u.Path, "/"), strings.TrimRight(login.Path, "/")
		return path == start || start != "" && strings.HasPrefix(path, start+"/")
	})
}

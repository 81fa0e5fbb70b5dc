package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/browser/lastpage"
	"github.com/pims-sync/pims-sync/internal/browser/proxy"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// Why a login ends early, as causes of its context.
var (
	errTimeLimit = errors.New("the login's time is over")
	errCrashed   = errors.New("the page's process crashed")
)

// A lostError means that the browser died during a login. It is a
// pims.ErrBrowserUnavailable.
type lostError struct {
	cause     error
	submitted bool // the PIMS may have seen the login
}

func (e *lostError) Error() string {
	when := "before"
	if e.submitted {
		when = "after"
	}
	return fmt.Sprintf("the browser was lost %s the form was submitted (%v): %v", when, e.cause, pims.ErrBrowserUnavailable)
}

func (e *lostError) Unwrap() error { return pims.ErrBrowserUnavailable }

// login runs one login in its own browser context and tab.
func (p *process) login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	v := &visit{context: ctx, form: form, limit: p.opts.LoginTimeout, userAgent: p.agent.text}
	session, err := p.visit(ctx, v)
	said, isAnswer := errors.AsType[*answerError](err)
	switch {
	case err == nil:
		return session, nil
	case panics.In(err) != nil: // R58: to log in again would end here again
		return pims.BrowserSession{}, err
	case isAnswer:
		return pims.BrowserSession{}, said.error
	case ctx.Err() != nil:
		return pims.BrowserSession{}, ctx.Err()
	case errors.Is(err, errTimeLimit):
		err = v.overtime()
	case !isOutcome(err):
		return pims.BrowserSession{}, &lostError{cause: p.whyLost(err), submitted: v.submitted}
	}
	return pims.BrowserSession{}, fmt.Errorf("log in at %s: %w", hostOf(form.URL), err)
}

// isOutcome reports whether an error is the outcome of a login, and not a failure of the
// browser or the context.
func isOutcome(err error) bool {
	switch pims.Kind(err) {
	case "error", "timeout", "cancelled":
		return false
	default:
		return true
	}
}

// whyLost explains the error of a command. Where the browser's end caused it, whyLost
// returns that and makes sure that the browser gets no further login.
func (p *process) whyLost(err error) error {
	select {
	case <-p.tabs.Done():
	case <-chromedp.FromContext(p.tabs).Browser.LostConnection: // comes first
	default:
		return err
	}
	p.kill(errExited) // unless it was killed for a better reason
	return context.Cause(p.lifetime)
}

// visit opens a tab for a visit and closes it afterwards. Where the visit was ended before
// it had an outcome, the error is the reason of that end.
func (p *process) visit(ctx context.Context, v *visit) (pims.BrowserSession, error) {
	crashable, end := context.WithCancelCause(p.tabs)
	defer end(nil)
	limited, cancel := context.WithTimeoutCause(crashable, v.limit, errTimeLimit)
	defer cancel()
	panicked := func(e *panics.Error) { end(e) }
	p.visits.Add(1)
	defer p.visits.Add(-1)
	network, err := p.connect(v, panicked)
	if err != nil {
		return pims.BrowserSession{}, err
	}
	defer network.Close()
	v.network = network
	isolation, err := p.isolate(network)
	if err != nil {
		return pims.BrowserSession{}, err
	}
	defer p.dispose(isolation)
	defer panics.AfterEnd(ctx, cancel, panicked)()

	var helpers sync.WaitGroup
	defer helpers.Wait()
	tabContext, closeTab := chromedp.NewContext(limited,
		chromedp.WithExistingBrowserContext(isolation),
		chromedp.WithDetachOnCancel(), // dispose closes it
	)
	defer closeTab()

	var session pims.BrowserSession
	if err = p.prepare(tabContext, v, end, &helpers); err == nil {
		session, err = v.run()
	}
	if errors.Is(err, errCrashed) {
		err = p.crashed()
	}
	if err != nil {
		p.tell(v)
	}
	if _, isAnswer := errors.AsType[*answerError](err); err != nil && !isAnswer && limited.Err() != nil && !isOutcome(err) {
		err = context.Cause(limited)
	}
	return session, err
}

// tell tells whoever asked about the page of a failed visit.
func (p *process) tell(v *visit) {
	if v.tab != nil && v.context.Err() == nil {
		ctx, cancel := context.WithTimeout(p.tabs, p.opts.HangTimeout)
		defer cancel()
		lastpage.Tell(ctx, v.context, target.ID(v.tab.frame), v.form, lastpage.When{Ours: v.loaded, Submitted: v.submitted, Cookies: v.cookieNames(ctx)})
	}
}

// connect makes a visit's way to the network (R36).
func (p *process) connect(v *visit, panicked func(*panics.Error)) (*proxy.Proxy, error) {
	return proxy.Listen(proxy.Options{
		Hosts:    v.form.Hosts,
		Peer:     proxy.PeerInGroup(chromedp.FromContext(p.tabs).Browser.Process().Pid),
		Resolver: p.opts.resolver,
		Refused:  p.opts.refused,
		Panicked: panicked,
	})
}

// isolate makes a browser context, which keeps cookies and all other data apart from other
// logins. All of its traffic goes through the visit's proxy, to this machine's own addresses
// too.
func (p *process) isolate(network *proxy.Proxy) (cdp.BrowserContextID, error) {
	created, err := chromedp.CallBrowser(p.tabs, target.CreateBrowserContext, target.CreateBrowserContextParams{
		DisposeOnDetach: new(true),
		ProxyServer:     network.URL(),
		ProxyBypassList: bypassNothing,
	})
	if err != nil {
		return "", err
	}
	id := created.BrowserContextID
	_, err = chromedp.CallBrowser(p.tabs, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior:         browser.SetDownloadBehaviorBehaviorDeny,
		BrowserContextID: id,
	})
	return id, err
}

// dispose closes a browser context with its tabs and forgets its cookies. A browser that
// fails to do so is not used again.
func (p *process) dispose(id cdp.BrowserContextID) {
	ctx, cancel := context.WithTimeout(p.tabs, p.opts.HangTimeout)
	defer cancel()
	if _, err := chromedp.CallBrowser(ctx, target.DisposeBrowserContext, target.DisposeBrowserContextParams{BrowserContextID: id}); err != nil {
		p.kill(errHung)
	}
}

// prepare opens the tab and sets it up for a visit. Helpers run until it closes.
func (p *process) prepare(ctx context.Context, v *visit, end context.CancelCauseFunc, helpers *sync.WaitGroup) error {
	if err := chromedp.Do(ctx); err != nil { // opens it
		return err
	}
	opened := chromedp.FromContext(ctx)
	frame := cdp.FrameID(opened.Target.TargetID) // of a page, they are one
	v.tab = &tab{context: ctx, frame: frame, isolation: opened.BrowserContextID, form: newForm(v.form)}
	v.guard = newGuard(frame, v.form.Hosts, v.network)

	panicked := func(e *panics.Error) { end(e) }
	if err := v.guard.start(ctx, helpers, panicked); err != nil {
		return err
	}
	closeDialogs(ctx, v.guard, helpers, end)
	err := listen(ctx, func(event any) {
		if _, ok := event.(*inspector.EventTargetCrashed); ok {
			end(p.crashed())
		}
	}, panicked)
	if err != nil {
		return err
	}
	return chromedp.Do(ctx,
		// chromedp's own model of the page is not needed.
		command(css.Disable, cdp.Empty{}),
		command(dom.Disable, cdp.Empty{}),
		command(log.Disable, cdp.Empty{}),
		command(runtime.Disable, cdp.Empty{}), // what scripts write to the console would come, too

		command(emulation.SetUserAgentOverride, p.agent.override()),
		command(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}),
		command(network.SetBypassServiceWorker, network.SetBypassServiceWorkerParams{Bypass: true}), // the guard sees no documents of those
	)
}

// listen calls observe, in chromedp's loop, for every event of a tab. A panic of observe is
// passed to panicked (R58).
func listen(tab context.Context, observe func(event any), panicked func(*panics.Error)) error {
	return chromedp.Listen(tab, panics.Guarded(observe, panicked))
}

// closeDialogs closes the dialogs of scripts, because an open dialog stops the page. It
// answers a question with no: the question may be whether to end another person's session.
func closeDialogs(ctx context.Context, g *guard, helpers *sync.WaitGroup, end context.CancelCauseFunc) {
	dialogs := chromedp.Events(ctx, page.JavascriptDialogOpening)
	panics.GoIn(helpers, func() {
		closed := 0
		for dialog, err := range dialogs {
			if err != nil {
				return
			}
			if closed++; closed > maxDialogs {
				end(errDialogs)
				return
			}
			question := dialog.Type == page.DialogTypeConfirm || dialog.Type == page.DialogTypePrompt
			if dialog.Type != page.DialogTypeBeforeunload {
				g.noteDialog(dialog.Message)
			}
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: !question})
		}
	}, func(e *panics.Error) { end(e) })
}

func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, c, params)
		return err
	})
}

// hostOf names a URL in errors by its host. Its path and query may contain secrets.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "a malformed URL"
	}
	return u.Host
}

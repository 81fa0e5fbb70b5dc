package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A guard controls the requests of a tab. A document of the main frame must come from a
// host that the policy allows, and so must each hop of a redirect. Nothing may come from a
// private address whose host was not named. Other resources may come from anywhere else: a
// login page has its fonts and its captcha there.
//
// A guard also records how documents were loaded, which no script in a page can see.
type guard struct {
	frame  cdp.FrameID // the main one
	policy pims.HostPolicy

	mu      sync.Mutex
	blocked error             // the first document that was not let through
	failed  error             // the latest document, where it did not come
	loading network.RequestID // the latest document, while it is on its way
	status  int64             // of the latest document that came
	worst   int64             // the highest status that scripts were answered with
	hosts   []string          // where documents came from
	checked map[string]error  // by host
	cookies setCookies
	dialogs []string // what scripts said in dialogs
}

func newGuard(frame cdp.FrameID, policy pims.HostPolicy) *guard {
	return &guard{frame: frame, policy: policy, checked: make(map[string]error)}
}

// start intercepts a tab's requests until its context ends. The caller then waits for the
// group. A panic is passed to panicked, which ends the visit.
func (g *guard) start(tab context.Context, group *sync.WaitGroup, panicked func(*panics.Error)) error {
	if err := listen(tab, g.observe, panicked); err != nil {
		return err
	}
	requests := chromedp.Events(tab, fetch.RequestPaused)
	panics.GoIn(group, func() {
		for request, err := range requests {
			if err != nil {
				return
			}
			panics.GoIn(group, func() { g.answer(tab, request) }, panicked) // it may wait for a name's address
		}
	}, panicked)
	_, err := chromedp.Call(tab, fetch.Enable, fetch.EnableParams{})
	return err
}

// answer lets a request pass or fail. An error means that the tab is gone.
func (g *guard) answer(tab context.Context, request fetch.EventRequestPaused) {
	if err := g.admit(tab, request); err != nil {
		reason := network.ErrorReasonNameNotResolved
		if errors.Is(err, pims.ErrHostNotAllowed) {
			reason = network.ErrorReasonBlockedByClient
		}
		_, _ = chromedp.Call(tab, fetch.FailRequest, fetch.FailRequestParams{RequestID: request.RequestID, ErrorReason: reason})
		return
	}
	_, _ = chromedp.Call(tab, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: request.RequestID})
}

func (g *guard) admit(ctx context.Context, request fetch.EventRequestPaused) error {
	u, err := url.Parse(request.Request.URL)
	if err != nil {
		return fmt.Errorf("malformed URL: %w", pims.ErrHostNotAllowed)
	}
	document := g.isDocument(request.ResourceType, request.FrameID)
	if document {
		err = g.policy.CheckURL(u)
	}
	if err == nil {
		err = g.checkAddress(ctx, u)
	}
	if document {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.noteDocument(u.Hostname(), err)
	}
	return err
}

// noteDocument is called with the lock held.
func (g *guard) noteDocument(host string, err error) {
	switch {
	case err == nil && !slices.Contains(g.hosts, host):
		g.hosts = append(g.hosts, host)
	case errors.Is(err, pims.ErrHostNotAllowed) && g.blocked == nil:
		g.blocked = err
	}
}

// checkAddress refuses a host with a private address, however its name is resolved.
func (g *guard) checkAddress(ctx context.Context, u *url.URL) error {
	if g.policy.CheckAddress(u, netip.IPv6Loopback()) == nil {
		return nil // named: any address will do
	}
	host := u.Hostname()
	g.mu.Lock()
	checked, known := g.checked[host]
	g.mu.Unlock()
	if known {
		return checked
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, address := range addresses {
		err = errors.Join(err, g.policy.CheckAddress(u, address))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checked[host] = err
	return err
}

// observe records the events of documents. It runs in chromedp's loop and must not wait for
// anything.
func (g *guard) observe(event any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if g.isDocument(e.Type, e.FrameID) {
			g.loading, g.failed = e.RequestID, nil
		}
	case *network.EventResponseReceived:
		switch {
		case g.isDocument(e.Type, e.FrameID):
			g.loading, g.status = "", e.Response.Status
			g.checkRemote(e.Response)
		case e.Type == network.ResourceTypeXHR || e.Type == network.ResourceTypeFetch:
			g.worst = max(g.worst, e.Response.Status)
		}
	case *network.EventResponseReceivedExtraInfo:
		g.cookies.note(e.Headers)
	case *network.EventLoadingFailed:
		if e.RequestID == g.loading {
			g.loading = ""
			if !e.Canceled {
				g.failed = loadError(e.ErrorText)
			}
		}
	}
}

// checkRemote checks the address that a document really came from: the name may have been
// resolved to another address than when it was admitted.
func (g *guard) checkRemote(response *network.Response) {
	u, err := url.Parse(response.URL)
	if err != nil {
		return
	}
	address, err := netip.ParseAddr(response.RemoteIPAddress)
	if err != nil {
		return // from a cache
	}
	g.noteDocument(u.Hostname(), g.policy.CheckAddress(u, address))
}

func (g *guard) isDocument(kind network.ResourceType, frame cdp.FrameID) bool {
	return kind == network.ResourceTypeDocument && frame == g.frame
}

// problem returns why the tab cannot show the page that it was sent to, or nil.
func (g *guard) problem() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.blocked != nil:
		return g.blocked
	case g.failed != nil:
		return g.failed
	default:
		return statusError(g.status)
	}
}

// scriptProblem returns why requests of the page's scripts failed, or nil.
func (g *guard) scriptProblem() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return statusError(g.worst)
}

// isLoading reports whether a document is being loaded.
func (g *guard) isLoading() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.loading != ""
}

// documentHosts returns the hosts that documents came from.
func (g *guard) documentHosts() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.hosts)
}

// exactCookies restores the bytes that the browser sends in its cookies.
func (g *guard) exactCookies(jar []*network.Cookie) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range jar {
		g.cookies.exact(c)
	}
}

// noteDialog records the text of a script's dialog.
func (g *guard) noteDialog(message string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dialogs = append(g.dialogs, message)
}

// takeDialogs returns the texts of dialogs since its last call.
func (g *guard) takeDialogs() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	said := g.dialogs
	g.dialogs = nil
	return said
}

func (g *guard) documentStatus() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

func statusError(status int64) error {
	switch {
	case status == 429:
		return fmt.Errorf("%w: HTTP 429", pims.ErrRateLimited)
	case status >= 500:
		return fmt.Errorf("%w: HTTP %d", pims.ErrRemote, status)
	default:
		return nil
	}
}

// loadError says why a document was not loaded, in Chromium's words: they name a network
// error such as net::ERR_CONNECTION_REFUSED, and nothing else.
func loadError(text string) error {
	switch text {
	case "net::ERR_HTTP_RESPONSE_CODE_FAILURE": // an error status without a page
		return fmt.Errorf("%w, without a page", pims.ErrRemote)
	case "net::ERR_ABORTED":
		return fmt.Errorf("%w: what came is not a page", pims.ErrLoginFormChanged)
	default:
		return fmt.Errorf("%w: %s", pims.ErrUnreachable, text)
	}
}

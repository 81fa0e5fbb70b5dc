package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A guard decides which documents a tab may load: one of the main frame must come from a
// host that the policy allows, and so must each hop of a redirect, and a form of any frame
// is sent to such a host only. Other resources may come from anywhere that the proxy
// connects to: a login page has its fonts and its captcha there.
//
// A guard also records how documents were loaded, which no script in a page can see.
type guard struct {
	frame   cdp.FrameID // the main one
	policy  pims.HostPolicy
	network connections

	mu       sync.Mutex
	blocked  error             // the first document that was not let through
	failed   error             // the latest document, where it did not come
	loading  network.RequestID // the latest document, while it is on its way
	document *url.URL          // the latest document's address
	status   int64             // of the latest document that came
	answered bool              // the server has returned something for the latest document
	worst    int64             // the highest status that scripts were answered with
	hosts    []string          // where documents came from
	cookies  setCookies
	dialogs  []string // what scripts said in dialogs
	requests int
	sent     int // requests for the page itself, and those of its scripts that send something
}

// connections tell what the proxy knows.
type connections interface {
	Failure(u *url.URL) error // why the latest connection to a host failed
	Exceeded() error          // whether servers sent too much
}

func newGuard(frame cdp.FrameID, policy pims.HostPolicy, known connections) *guard {
	return &guard{frame: frame, policy: policy, network: known}
}

// start intercepts a tab's documents until its context ends. The caller then waits for the
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
			g.answer(tab, request)
		}
	}, panicked)
	_, err := chromedp.Call(tab, fetch.Enable, fetch.EnableParams{
		Patterns: []*fetch.RequestPattern{{ResourceType: network.ResourceTypeDocument}, {ResourceType: network.ResourceTypeMedia}},
	})
	return err
}

// answer lets a request pass or fail. An error means that the tab is gone.
func (g *guard) answer(tab context.Context, request fetch.EventRequestPaused) {
	if err := g.admit(request); err != nil {
		_, _ = chromedp.Call(tab, fetch.FailRequest, fetch.FailRequestParams{RequestID: request.RequestID, ErrorReason: network.ErrorReasonBlockedByClient})
		return
	}
	_, _ = chromedp.Call(tab, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: request.RequestID})
}

func (g *guard) admit(request fetch.EventRequestPaused) error {
	if request.ResourceType == network.ResourceTypeMedia {
		return pims.ErrHostNotAllowed // no login needs a film
	}
	u, err := url.Parse(request.Request.URL)
	if err != nil {
		return fmt.Errorf("malformed URL: %w", pims.ErrHostNotAllowed)
	}
	main := g.isDocument(request.ResourceType, request.FrameID)
	if main || request.Request.Method != http.MethodGet {
		err = g.policy.CheckURL(u)
	}
	if main {
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
	case err != nil && g.blocked == nil:
		g.blocked = err
	}
}

// observe records the events of documents. It runs in chromedp's loop and must not wait for
// anything.
func (g *guard) observe(event any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		g.requests++
		isDocument := g.isDocument(e.Type, e.FrameID)
		if isDocument || e.Request.Method != http.MethodGet {
			g.sent++
		}
		if isDocument {
			g.loading, g.failed = e.RequestID, nil
			g.document, _ = url.Parse(e.Request.URL)
			if strings.HasPrefix(e.Request.URL, "http") { // nothing is requested of others, such as mailto
				g.answered = false
			}
		}
	case *network.EventResponseReceived:
		switch {
		case g.isDocument(e.Type, e.FrameID):
			g.loading, g.status, g.answered = "", e.Response.Status, true
		case e.Type == network.ResourceTypeXHR || e.Type == network.ResourceTypeFetch:
			g.worst = max(g.worst, e.Response.Status)
		}
	case *network.EventResponseReceivedExtraInfo:
		g.cookies.note(e.Headers)
		// Of what is no redirect, the answer itself comes, unless the tab's process has ended.
		g.answered = g.answered || e.RequestID == g.loading && e.StatusCode >= 300 && e.StatusCode < 400
	case *network.EventLoadingFailed:
		if e.RequestID == g.loading {
			g.loading = ""
			if !e.Canceled {
				g.failed = g.loadError(e.ErrorText)
			}
		}
	}
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
	case g.exceeded() != nil:
		return g.exceeded()
	case g.failed != nil:
		return g.failed
	default:
		return statusError(g.status)
	}
}

// excess returns which limit of requests and bytes the page has passed, or nil.
func (g *guard) excess() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.exceeded()
}

// exceeded is excess, called with the lock held.
func (g *guard) exceeded() error {
	switch {
	case g.network.Exceeded() != nil:
		return errTooLarge
	case g.requests > maxRequests:
		return errFlood
	default:
		return nil
	}
}

// scriptProblem returns why requests of the page's scripts failed, or nil.
func (g *guard) scriptProblem() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return statusError(g.worst)
}

// sentSoFar returns how many requests there were that may have sent the form.
func (g *guard) sentSoFar() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent
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
	g.dialogs = append(g.dialogs, message[:min(len(message), maxSaid)])
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
		return fmt.Errorf("%w: HTTP %d", pims.ErrServer, status)
	default:
		return nil
	}
}

// failure returns why a navigation failed that ended with a text of Chromium.
func (g *guard) failure(text string) error {
	if err := g.problem(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.loadError(text)
}

// loadError says why a document was not loaded: in the proxy's words where it refused or
// could not connect, else in Chromium's, which name a network error such as
// net::ERR_CERT_AUTHORITY_INVALID, and nothing else. It is called with the lock held.
func (g *guard) loadError(text string) error {
	if g.document != nil && strings.HasPrefix(text, "net::ERR_SOCKS_") {
		if err := g.network.Failure(g.document); err != nil {
			return err
		}
	}
	switch text {
	case "net::ERR_HTTP_RESPONSE_CODE_FAILURE": // an error status without a page
		return fmt.Errorf("%w, without a page", pims.ErrRemote)
	case "net::ERR_ABORTED":
		if !g.answered { // nothing came, and nobody cancelled: the tab's process ended meanwhile
			return errCrashed
		}
		return fmt.Errorf("%w: what came is not a page", pims.ErrLoginFormChanged) // a download, nothing, a mail address
	case "net::ERR_TOO_MANY_REDIRECTS":
		return pims.ErrRedirects
	default:
		if reason, ok := certificateErrors[text]; ok {
			return fmt.Errorf("%s (%s): %w", reason, text, pims.ErrCertificate)
		}
		return fmt.Errorf("%w: %s", pims.ErrUnreachable, text)
	}
}

// certificateErrors say in plain words what Chromium says of a certificate.
var certificateErrors = map[string]string{
	"net::ERR_CERT_AUTHORITY_INVALID":        "this machine does not trust who issued the certificate",
	"net::ERR_CERT_COMMON_NAME_INVALID":      "the certificate is for another host name",
	"net::ERR_CERT_DATE_INVALID":             "the certificate has expired or is not valid yet",
	"net::ERR_CERT_REVOKED":                  "the certificate is revoked",
	"net::ERR_CERT_INVALID":                  "the certificate is malformed",
	"net::ERR_CERT_WEAK_SIGNATURE_ALGORITHM": "the certificate's signature is weak",
	"net::ERR_CERT_WEAK_KEY":                 "the certificate's key is weak",
}

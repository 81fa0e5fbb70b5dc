package console

import (
	"context"
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/trends"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Root is the address of the console, and the beginning of every address in it.
const Root = "/console"

// A Fleet knows the state of every clinic.
type Fleet interface {
	// Conditions returns what is known of every clinic at present, ordered by name.
	Conditions(ctx context.Context) ([]scheduler.Condition, error)

	// Condition returns what is known of one clinic. The error is clinic.ErrNotFound where
	// there is none.
	Condition(ctx context.Context, clinicID uuid.UUID) (scheduler.Condition, error)
}

// Options are what the console needs.
type Options struct {
	People *people.Service
	Fleet  Fleet
	OpenID *OpenID // nil: nobody signs in with OpenID Connect

	Clinics  Clinics
	Runs     Runs
	Cases    Cases
	Restores Restores
	Queue    Queue
	Log      access.Log
	Events   Events
	Plans    Plans

	// Service does what operators do with clinics, credentials and keys.
	Service *fleet.Service

	// Practice has the practices' pages, and the links to them (R61).
	Practice *practice.Service

	// Trends has what all syncs of each day came to.
	Trends trends.Store

	// PublicURL is where people find the server, such as https://sync.example.com; nil:
	// where the request says.
	PublicURL *url.URL

	Version string
	Now     func() time.Time // nil: time.Now
}

// console serves the pages.
type console struct {
	o     Options
	pages []Page
	mux   *http.ServeMux
	views map[string]*template.Template
}

// New returns what is to be served, behind the chain of package web: Root and everything
// below it.
func New(o Options) ([]web.Mount, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &console{o: o, mux: http.NewServeMux()}
	c.pages = c.screens()
	var err error
	if c.views, err = parseViews(c.pages); err != nil {
		return nil, err
	}
	for _, p := range c.pages {
		c.handle("GET", p.Path, c.show(p))
		if len(p.Acts)+len(p.Lives) > 0 || p.Searches {
			c.handle("POST", p.Path, c.act(p))
		}
		if p.CSV != nil {
			c.handle("GET", "/"+p.Template+".csv", c.csv(p))
		}
	}
	c.handle("GET", "/sign-in", c.signInPage)
	c.handle("POST", "/sign-in", c.signIn)
	c.handle("GET", "/link", c.linkPage)
	c.handle("POST", "/link", c.followLink)
	c.handle("POST", "/sign-out", c.signOut)
	c.handle("POST", "/theme", c.setTheme)
	c.handle("GET", "/openid", c.openIDStart)
	c.handle("GET", "/openid/callback", c.openIDCallback)
	c.handle("GET", "/static/{file}", c.static)
	c.mux.HandleFunc("GET "+practice.Root+"{token}", c.status)
	c.mux.HandleFunc("GET "+Root+"/{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, Root, http.StatusSeeOther) })
	c.mux.HandleFunc("/", c.nothing)
	return []web.Mount{{Pattern: Root, Handler: c}, {Pattern: Root + "/", Handler: c}, {Pattern: practice.Root, Handler: c}}, nil
}

// handle serves a method of an address below Root.
func (c *console) handle(method, path string, handler http.HandlerFunc) {
	pattern := strings.TrimSuffix(Root+path, "/")
	c.mux.HandleFunc(method+" "+pattern, func(w http.ResponseWriter, r *http.Request) {
		web.EntryOf(r.Context()).Route = pattern
		handler(w, r)
	})
}

// policy is the Content-Security-Policy of every page: nothing but our own files, no inline
// script or style, no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm is the largest body of a form, in bytes.
const maxForm = 1 << 20

// ServeHTTP sets the headers of every page.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "same-origin") // with no-referrer, a browser's forms have the origin null
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	c.mux.ServeHTTP(w, r)
}

// base returns where people find the server: PUBLIC_URL, except on the server's own machine.
func (c *console) base(r *http.Request) *url.URL {
	found, err := url.Parse(web.EntryOf(r.Context()).BaseURL(r))
	if err != nil {
		found = &url.URL{Scheme: "http"}
	}
	if c.o.PublicURL != nil && !loopback(found) {
		return c.o.PublicURL
	}
	return found
}

// remote returns the address of the caller, behind trusted proxies.
func remote(r *http.Request) netip.Addr { return web.EntryOf(r.Context()).Remote }

// loopback reports whether an address is on this machine.
func loopback(u *url.URL) bool {
	address := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || address != nil && address.IsLoopback()
}

// fail shows the page of an error, whose cause is logged and not shown.
func (c *console) fail(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	web.EntryOf(r.Context()).Cause = err
	c.message(w, v, http.StatusInternalServerError, message{
		Title: "Something went wrong",
		Text:  "The server could not do this. The log says why; search it for the request's id.",
		Extra: w.Header().Get("X-Request-Id"),
	})
}

// nothing shows that an address does not exist, or not with this method.
func (c *console) nothing(w http.ResponseWriter, r *http.Request) {
	v, err := c.visit(r)
	if err != nil {
		v = c.stranger(r)
	}
	c.message(w, v, http.StatusNotFound, message{
		Title: "There is no such page",
		Text:  "The address is mistyped, or what it showed is gone.",
	})
}

// ParsePublicURL reads PUBLIC_URL: http or https, a host, and no path. Empty means none.
func ParsePublicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // none is not an error
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("PUBLIC_URL must be like https://sync.example.com, without a path")
	}
	return u, nil
}

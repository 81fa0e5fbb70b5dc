package console

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/clinicpages"
	"github.com/pims-sync/pims-sync/internal/console/eventpages"
	"github.com/pims-sync/pims-sync/internal/console/fleetpages"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/practicepages"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/console/signin"
	"github.com/pims-sync/pims-sync/internal/console/syncpages"
	"github.com/pims-sync/pims-sync/internal/console/systempages"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/trends"
	"github.com/pims-sync/pims-sync/internal/web"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

//go:embed templates static
var files embed.FS

// Options are what the console needs.
type Options struct {
	People *people.Service
	Fleet  screen.Fleet
	OpenID *signin.OpenID // nil: nobody signs in with OpenID Connect

	Clinics screen.Clinics
	Runs    syncpages.Runs
	Cases   syncpages.Cases
	Queue   screen.Queue
	Log     access.Log
	Events  systempages.Events
	Plans   syncpages.Plans

	// Service does what operators do with clinics, credentials and keys.
	Service *fleet.Service

	// Practice has the practices' pages, and the links to them (R61).
	Practice *practice.Service

	// Trends has what all syncs of each day came to.
	Trends trends.Store

	// What others learn: what arrived, and who is told by webhooks and notifications.
	Arrivals  eventpages.Arrivals
	Endpoints *webhooks.Service
	Channels  *notify.Service

	// System reads how the installation is.
	System func(context.Context) (fleet.System, error)

	// PublicURL is where people find the server, such as https://sync.example.com; nil:
	// where the request says.
	PublicURL *url.URL

	// TraceURL is where the traces of a sync are looked at, with syncpages.TracedSync for
	// its id; empty: nowhere.
	TraceURL string

	Version string
	Now     func() time.Time // nil: time.Now
}

// site returns what all pages have.
func (o *Options) site() *page.Site {
	return page.New(page.Options{People: o.People, PublicURL: o.PublicURL, Version: o.Version, Now: o.Now})
}

// New returns what is to be served, behind the chain of package web: page.Root and
// practice.Root, and everything below them.
func New(o Options) ([]web.Mount, error) {
	site := o.site()
	if err := site.Serve(files, screens(site, &o)); err != nil {
		return nil, err
	}
	signin.Mount(site, signin.Options{People: o.People, OpenID: o.OpenID, Now: o.Now})
	return []web.Mount{{Pattern: page.Root, Handler: site}, {Pattern: page.Root + "/", Handler: site}, {Pattern: practice.Root, Handler: site}}, nil
}

// screens lists the pages; those of the navigation in its order.
func screens(site *page.Site, o *Options) []page.Page {
	sources := &screen.Sources{People: o.People, Fleet: o.Fleet, Clinics: o.Clinics, Queue: o.Queue, Log: o.Log, Service: o.Service}
	syncs := syncpages.New(syncpages.Options{Sources: sources, Runs: o.Runs, Cases: o.Cases, Plans: o.Plans, TraceURL: o.TraceURL})
	events, outgoing := eventpages.Pages(eventpages.Options{Sources: sources, Arrivals: o.Arrivals, Endpoints: o.Endpoints, Channels: o.Channels})
	return slices.Concat(
		fleetpages.Pages(sources),
		syncs.Pages(),
		clinicpages.Pages(clinicpages.Options{Sources: sources, Runs: o.Runs, Syncs: syncs}),
		[]page.Page{practicepages.Mount(site, practicepages.Options{Sources: sources, Practice: o.Practice})},
		events,
		systempages.Pages(systempages.Options{Sources: sources, Events: o.Events, Trends: o.Trends, System: o.System, Version: o.Version}),
		outgoing,
	)
}

// SessionOf returns what finds the person whose session a request to the API carries
// (page.Site.Caller).
func SessionOf(o Options) func(*http.Request) (access.Caller, error) { return o.site().Caller }

// LinkOf returns what makes the address of a link with a token, as the caller of a request
// finds the console.
func LinkOf(o Options) func(*http.Request, string) string {
	site := o.site()
	return func(r *http.Request, token string) string { return page.LinkAddress(site.Base(r), token) }
}

// BaseOf returns what finds where people find the server, without a slash at its end.
func BaseOf(o Options) func(*http.Request) string {
	site := o.site()
	return func(r *http.Request) string { return site.Base(r).String() }
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

// ParseTraceURL reads TRACE_URL: http or https, with {syncId} where the id of a sync stands.
// Empty means none.
func ParseTraceURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(strings.ReplaceAll(text, syncpages.TracedSync, "id"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || !strings.Contains(text, syncpages.TracedSync) {
		return "", errors.New("TRACE_URL must be like https://traces.example.com/search?tags=sync.id%3D{syncId}, with {syncId} in it")
	}
	return text, nil
}

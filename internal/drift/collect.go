package drift

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// A Collector profiles what a PIMS returns to one sync. It is safe for concurrent use.
type Collector struct {
	known func(endpoint, path, name string) bool

	mu       sync.Mutex
	profiles map[string]*Profile
}

type collectorKey struct{}

// Collecting returns a context in whose requests the answers are profiled. known reports the
// names of fields that are known, which come first where there are very many; nil: none is.
func Collecting(ctx context.Context, known func(endpoint, path, name string) bool) (context.Context, *Collector) {
	c := &Collector{known: known, profiles: make(map[string]*Profile)}
	return context.WithValue(ctx, collectorKey{}, c), c
}

// Profiles returns what came so far, by endpoint. It must not be changed.
func (c *Collector) Profiles() map[string]*Profile {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]*Profile, len(c.profiles))
	for endpoint, p := range c.profiles {
		copied := newProfile()
		copied.add(p, 1)
		all[endpoint] = copied
	}
	return all
}

// Transport profiles the answers that pass through it, in contexts of Collecting; see
// pims.Environment.Wrap.
type Transport struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper. Only successful answers are profiled: others are
// errors, which end a fetch.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.Next.RoundTrip(r)
	c, collects := r.Context().Value(collectorKey{}).(*Collector)
	if err != nil || !collects || response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Content-Type"), "json") {
		return response, err
	}
	endpoint := Endpoint(r.URL.Path)
	response.Body = listen(response.Body, func(body []byte) { c.note(endpoint, body) })
	return response, err
}

// note profiles an answer. A panic costs no more than this profile (R58).
func (c *Collector) note(endpoint string, body []byte) {
	p := newProfile()
	if panics.Catch(func() error { p.Read(body, c.knownOf(endpoint)); return nil }) == nil {
		c.add(endpoint, p)
	}
}

// knownOf returns what reports the known names of an endpoint.
func (c *Collector) knownOf(endpoint string) func(path, name string) bool {
	if c.known == nil {
		return nil
	}
	return func(path, name string) bool { return c.known(endpoint, path, name) }
}

func (c *Collector) add(endpoint string, p *Profile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.profiles[endpoint] == nil {
		c.profiles[endpoint] = newProfile()
	}
	all := c.profiles[endpoint]
	all.add(p, 1)
	if all.full() {
		all.bound(c.knownOf(endpoint))
	}
}

// idInPath is a part of a path with a digit: an id.
var idInPath = regexp.MustCompile(`/[^/]*[0-9][^/]*`)

// Endpoint returns a path without its ids: "/consultations/view/{id}".
func Endpoint(path string) string { return idInPath.ReplaceAllString(path, "/{id}") }

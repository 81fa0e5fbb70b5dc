package page

import (
	"errors"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Root is the address of the console, and the beginning of every address in it.
const Root = "/console"

// Options are what every page needs.
type Options struct {
	People    *people.Service
	PublicURL *url.URL // where people find the server; nil: where the request says
	Version   string
	Now       func() time.Time // nil: time.Now
}

// A Site serves pages: it knows who asks, what they may see, and what stands around a page.
type Site struct {
	o      Options
	files  fs.FS // templates and static
	pages  []Page
	mux    *http.ServeMux
	views  map[string]*template.Template
	hashes map[string]string // of the files in static
}

// New returns a site that knows who asks and has no page yet.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Site{o: o, mux: http.NewServeMux()}
}

// Serve adds the pages, those of the navigation in its order. Their templates are in the
// folder templates of files; the folder static is served as it is. Call it once, before the
// first request.
func (s *Site) Serve(files fs.FS, pages []Page) (err error) {
	s.files, s.pages = files, pages
	if s.hashes, err = staticHashes(files); err != nil {
		return err
	}
	if s.views, err = s.parseViews(); err != nil {
		return err
	}
	for _, p := range pages {
		s.Handle("GET", p.address(), s.show(p))
		if len(p.Acts)+len(p.Lives) > 0 || p.Searches {
			s.Handle("POST", p.address(), s.act(p))
		}
		if p.CSV != nil {
			s.Handle("GET", Root+"/"+p.Template+".csv", s.csv(p))
		}
	}
	s.Handle("GET", Root+"/static/{file}", s.static)
	s.mux.HandleFunc("GET "+Root+"/{$}", func(w http.ResponseWriter, r *http.Request) {
		to := url.URL{Path: Root, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
	})
	s.mux.HandleFunc("/", s.Nothing)
	return nil
}

// Handle serves a method of an address, which may have parts that vary, as http.ServeMux has
// them. The log names the address with its parts unfilled (R40).
func (s *Site) Handle(method, address string, handler http.HandlerFunc) {
	s.mux.HandleFunc(method+" "+address, func(w http.ResponseWriter, r *http.Request) {
		web.EntryOf(r.Context()).Route = address
		handler(w, r)
	})
}

// policy is the Content-Security-Policy of every page: nothing but our own files, no inline
// script or style, no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// livePolicy is that of a page whose lines may hold pictures.
var livePolicy = strings.Replace(policy, "img-src 'self'", "img-src 'self' data:", 1)

// maxForm is the largest body of a form, in bytes.
const maxForm = 1 << 20

// ServeHTTP sets the headers of every page.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "same-origin") // with no-referrer, a browser's forms have the origin null
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !textual(r.URL.Query()) {
		s.notText(w, s.Stranger(r))
		return
	}
	s.mux.ServeHTTP(w, r)
}

// textual reports whether all values are text, as the database keeps it.
func textual(values url.Values) bool {
	for _, all := range values {
		for _, value := range all {
			if !utf8.ValidString(value) || strings.Contains(value, "\x00") {
				return false
			}
		}
	}
	return true
}

// notText says that an address or a form has bytes that are no text.
func (s *Site) notText(w http.ResponseWriter, v *Visit) {
	s.Message(w, v, http.StatusBadRequest, Message{
		Title: "This cannot be read",
		Text:  "The address or the form has characters that are no text. Type it again.",
	})
}

// Base returns where people find the server: PUBLIC_URL, except on the server's own machine.
func (s *Site) Base(r *http.Request) *url.URL {
	found, err := url.Parse(web.EntryOf(r.Context()).BaseURL(r))
	if err != nil {
		found = &url.URL{Scheme: "http"}
	}
	if s.o.PublicURL != nil && !Loopback(found) {
		return s.o.PublicURL
	}
	return found
}

// Remote returns the address of the caller, behind trusted proxies.
func Remote(r *http.Request) netip.Addr { return web.EntryOf(r.Context()).Remote }

// Loopback reports whether an address is on this machine.
func Loopback(u *url.URL) bool {
	address := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || address != nil && address.IsLoopback()
}

// DatabaseText says what a person does while the database cannot be reached.
const DatabaseText = "Syncs wait for it, too. Try again in a minute. If it stays so, look at the database; `pims-sync doctor` says what is wrong with the connection."

// Fail shows the page of an error, whose cause is logged and not shown.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, v *Visit, err error) {
	web.EntryOf(r.Context()).Cause = err
	v.failed = true
	status, m := http.StatusInternalServerError, Message{
		Title: "Something went wrong",
		Text:  "The server could not do this. The log says why; search it for the request's id.",
	}
	if errors.Is(err, syncs.ErrDatabase) {
		status, m = http.StatusServiceUnavailable, Message{Title: "The database cannot be reached", Text: DatabaseText}
	}
	if v.Bare { // whoever sees it operates nothing
		m = Message{Title: "This cannot be shown at the moment", Text: "Try again in a few minutes. If it stays so, tell those who gave you the link."}
	}
	m.Extra = w.Header().Get("X-Request-Id")
	s.Message(w, v, status, m)
}

// Nothing shows that an address does not exist, or not with this method.
func (s *Site) Nothing(w http.ResponseWriter, r *http.Request) {
	v, err := s.Visit(r)
	if err != nil {
		v = s.Stranger(r)
	}
	s.Message(w, v, http.StatusNotFound, Message{
		Title: "There is no such page",
		Text:  "The address is mistyped, or what it showed is gone.",
	})
}

// LinkAddress returns the address of a one-time link of a server that people find at base.
func LinkAddress(base *url.URL, token string) string {
	return base.Scheme + "://" + base.Host + Root + "/link?token=" + url.QueryEscape(token)
}

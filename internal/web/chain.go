// Package web is the mechanism of everything that the program serves over HTTP: one chain
// that every request passes (request id, log line, panics, limits, security headers), the
// form of errors, and operations of an API that are read strictly and describe themselves
// (/openapi.json, /docs).
//
// It knows no endpoint, no database and no queue. Nothing that a caller sent is repeated in
// a response or logged, except the names of fields (R40).
//
// It uses huma's OpenAPI model and JSON schemas of Go types. The standard library and the
// strict decoder of go-json-experiment read requests and write responses, because huma's own
// reader accepts duplicate and differently cased JSON keys and repeats values in its errors
// (docs/decisions/2026-11-24-dependencies.md).
package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// MaxBody is the most that any handler can read of a request's body, in bytes. An operation
// of the API reads less (see ReadBody).
const MaxBody = 1 << 20

// A Mount is a handler and the pattern of its address, as http.ServeMux has it, without a
// method: /metrics, or /console/ with everything below it. Use Methods for a handler that
// knows only some methods.
type Mount struct {
	Pattern string
	Handler http.Handler
}

// Options configure a chain.
type Options struct {
	// TrustedProxies are the proxies whose X-Forwarded-For counts; see ParseProxies.
	TrustedProxies []netip.Prefix

	// Hosts are those under which the server is known; see ParseHosts. A request with
	// another Host is refused. None: every host.
	Hosts []string

	// Observe is called after each request with the pattern that matched ("unmatched" for
	// none), the method ("other" for an unknown one), the status and the time that the work took
	// (Entry.Waited): all
	// but the time are closed sets. Nil: nobody observes.
	Observe func(route, method string, status int, took time.Duration)

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
}

// An Entry collects what is logged of a request. Handlers add to it with EntryOf.
type Entry struct {
	ID       string     // of the request; the caller sees it as X-Request-Id
	Remote   netip.Addr // of the caller, behind trusted proxies
	Route    string     // a pattern of a closed set; empty: the one of the mount
	Quiet    bool       // of no interest to anybody while all is well
	ClinicID uuid.UUID
	SyncID   uuid.UUID
	Code     syncs.Code
	Cause    error // of a response that hides it

	began   time.Time
	waited  time.Duration // for what the caller waits for: a change, the end of a sync
	proxies proxies
	now     func() time.Time
	ended   func(Answer) // called at the end; may be nil
}

// Waited says that the request waited for something that the caller wanted to wait for. It is
// no part of how long our work took.
func (e *Entry) Waited(d time.Duration) { e.waited += d }

type entryKey struct{}

// EntryOf returns the entry of a request that passes a chain, and an empty one of any other.
func EntryOf(ctx context.Context) *Entry {
	if e, ok := ctx.Value(entryKey{}).(*Entry); ok {
		return e
	}
	return &Entry{now: time.Now}
}

// BaseURL returns where the caller found the server, such as https://pims.example.com,
// without a slash at its end.
func (e *Entry) BaseURL(r *http.Request) string { return e.proxies.base(r) }

// chain handles every request, whatever its path. It is safe for concurrent use.
type chain struct {
	o   Options
	log *slog.Logger
	mux *http.ServeMux
}

// New returns a handler for a listener: the mounts behind one chain. What no mount matches
// is a 404 in the API's form, unless a mount has the pattern "/". Two mounts of one pattern
// are a mistake of the program, and panic.
//
// The caller sets the timeouts of its http.Server.
func New(o Options, mounts ...Mount) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &chain{o: o, log: o.Logger.With("namespace", "pims-sync:api"), mux: http.NewServeMux()}
	rest := http.Handler(http.HandlerFunc(notFound))
	for _, m := range mounts {
		if m.Pattern == "/" {
			rest = m.Handler
			continue
		}
		c.mux.Handle(m.Pattern, m.Handler)
	}
	c.mux.Handle("/", rest)
	return c
}

// ServeHTTP begins a request, hands it to its mount, and ends it.
func (c *chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := proxies(c.o.TrustedProxies)
	e := &Entry{ID: rand.Text(), Remote: from.client(r), began: c.o.Now(), proxies: from, now: c.o.Now}
	r = r.WithContext(context.WithValue(r.Context(), entryKey{}, e))
	rec := &recorder{ResponseWriter: w}
	defer func() { c.finish(rec, r, e, recover()) }()

	header := rec.Header()
	header.Set("X-Request-Id", e.ID)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	if len(r.TransferEncoding) > 0 {
		// A proxy that also saw a Content-Length, which net/http drops, may disagree about where
		// the body ends. What follows it on the connection is nobody's request (RFC 9112, 6.3).
		header.Set("Connection", "close")
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(rec, r.Body, MaxBody)
	}

	// ServeMux would respond to these with a redirect or its own text.
	if !plainPath(r.URL.EscapedPath()) {
		notFound(rec, r)
		return
	}
	if !c.knowsHost(r) {
		Fail(rec, r, syncs.Fail(syncs.CodeInvalidRequest, "this server is not known under the host of the request; ALLOWED_HOSTS lists its names"), nil)
		return
	}
	c.mux.ServeHTTP(rec, r)
}

// plainPath reports whether a path is in its shortest form. A slash at its end is part of
// it.
func plainPath(p string) bool {
	clean := path.Clean(p)
	return strings.HasPrefix(p, "/") && (p == clean || p == clean+"/" && clean != "/")
}

// finish ends a request that may have panicked, and logs it.
func (c *chain) finish(rec *recorder, r *http.Request, e *Entry, panicked any) {
	if e.Route == "" && r.Pattern != "/" {
		e.Route = r.Pattern
	}
	if hungUp(r, e.Cause) { // also where a page hides the cause
		e.Cause, rec.status = nil, statusHungUp
	}
	if e.ended != nil {
		defer func() { e.ended(Answer{rec.answered(), e.ClinicID, e.SyncID, e.Code}) }()
	}
	if c.o.Observe != nil {
		defer func() {
			c.o.Observe(cmp.Or(e.Route, "unmatched"), knownMethod(r.Method), rec.answered(), max(0, c.o.Now().Sub(e.began)-e.waited))
		}()
	}
	if panicked == http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
		panic(panicked)
	}
	if panicked != nil {
		c.log.ErrorContext(r.Context(), "Request panicked", append([]any{"request_id", e.ID, "route", e.Route},
			panics.Recovered(panicked).Attrs()...)...)
		if rec.status != 0 {
			// The response has begun and cannot be replaced, so break the connection.
			panic(http.ErrAbortHandler)
		}
		Fail(rec, r, syncs.Fail(syncs.CodeInternal, InternalText), nil)
	}
	c.logRequest(rec, r, e)
}

// logRequest writes one line about a request (W20). It contains no key, no query, and of
// the path only the pattern that matched (R40).
func (c *chain) logRequest(rec *recorder, r *http.Request, e *Entry) {
	status := rec.answered()
	attrs := []slog.Attr{
		slog.String("request_id", e.ID),
		slog.String("method", knownMethod(r.Method)),
		slog.String("route", e.Route),
		slog.Int("status", status),
		slog.Int64("duration_ms", c.o.Now().Sub(e.began).Milliseconds()),
		slog.String("remote", e.Remote.String()),
	}
	if e.ClinicID != uuid.Nil {
		attrs = append(attrs, slog.String("clinic_id", e.ClinicID.String()))
	}
	if e.SyncID != uuid.Nil {
		attrs = append(attrs, slog.String("sync_id", e.SyncID.String()))
	}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", string(e.Code)))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.String("error", e.Cause.Error()))
	}
	c.log.LogAttrs(r.Context(), levelOf(e, status), "Request served", attrs...)
}

func levelOf(e *Entry, status int) slog.Level {
	switch {
	case e.Cause != nil || status == http.StatusInternalServerError:
		return slog.LevelError
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests:
		return slog.LevelWarn
	case e.Quiet && status < http.StatusBadRequest:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// knownMethod keeps unknown methods, which a caller may invent, out of log and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	default:
		return "other"
	}
}

// A recorder keeps the status of a response.
type recorder struct {
	http.ResponseWriter
	status int
}

// answered returns the status of a finished response.
func (r *recorder) answered() int {
	return cmp.Or(r.status, http.StatusOK) // net/http's, where a handler wrote nothing
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(body []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(body)
}

// Unwrap gives http.ResponseController access to the wrapped writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

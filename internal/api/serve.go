package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A trace collects the fields of a request's log line.
type trace struct {
	id       string // of the request; the caller sees it as X-Request-Id
	began    time.Time
	route    string // the pattern of its path, a closed set; empty: none matched
	probe    bool   // of no interest to anybody while all is well
	clinicID uuid.UUID
	syncID   uuid.UUID
	code     syncs.Code
	cause    error        // of an answer that hides it
	answered func(Answer) // called at the end; may be nil
}

type traceKey struct{}

// traceOf returns the trace of a request that ServeHTTP has begun.
func traceOf(ctx context.Context) *trace {
	if t, ok := ctx.Value(traceKey{}).(*trace); ok {
		return t
	}
	return &trace{}
}

// ServeHTTP handles every request, whatever its path.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := &trace{id: rand.Text(), began: s.o.Now()}
	r = r.WithContext(context.WithValue(r.Context(), traceKey{}, t))
	rec := &recorder{ResponseWriter: w}
	defer func() { s.finish(rec, r, t, recover()) }()

	header := rec.Header()
	header.Set("X-Request-Id", t.id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")

	// ServeMux would answer these with a redirect or its own text.
	if p := r.URL.EscapedPath(); !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		s.notFound(rec, r)
		return
	}
	s.mux.ServeHTTP(rec, r)
}

// finish ends a request that may have panicked, and logs it.
func (s *server) finish(rec *recorder, r *http.Request, t *trace, panicked any) {
	if t.answered != nil {
		defer func() { t.answered(Answer{rec.answered(), t.clinicID, t.syncID, t.code}) }()
	}
	if panicked == http.ErrAbortHandler { //nolint:errorlint // it is thrown as it is
		panic(panicked)
	}
	if panicked != nil {
		s.log.ErrorContext(r.Context(), "Request panicked", append([]any{"request_id", t.id, "route", t.route},
			panics.Recovered(panicked).Attrs()...)...)
		if rec.status != 0 {
			// The answer has begun and cannot be replaced, so break the connection.
			panic(http.ErrAbortHandler)
		}
		s.fail(rec, t, syncs.Fail(syncs.CodeInternal, internalText))
	}
	s.logRequest(rec, r, t)
}

// logRequest writes one line about a request (W20). It contains no key, no query, and of
// the path only the pattern that matched (R40).
func (s *server) logRequest(rec *recorder, r *http.Request, t *trace) {
	status := rec.answered()
	attrs := []slog.Attr{
		slog.String("request_id", t.id),
		slog.String("method", knownMethod(r.Method)),
		slog.String("route", t.route),
		slog.Int("status", status),
		slog.Int64("duration_ms", s.o.Now().Sub(t.began).Milliseconds()),
		slog.String("remote", s.clientAddress(r).String()),
	}
	if t.clinicID != uuid.Nil {
		attrs = append(attrs, slog.String("clinic_id", t.clinicID.String()))
	}
	if t.syncID != uuid.Nil {
		attrs = append(attrs, slog.String("sync_id", t.syncID.String()))
	}
	if t.code != "" {
		attrs = append(attrs, slog.String("code", string(t.code)))
	}
	if t.cause != nil {
		attrs = append(attrs, slog.String("error", t.cause.Error()))
	}
	s.log.LogAttrs(r.Context(), levelOf(t, status), "Request served", attrs...)
}

func levelOf(t *trace, status int) slog.Level {
	switch {
	case t.cause != nil || status == http.StatusInternalServerError:
		return slog.LevelError
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests:
		return slog.LevelWarn
	case t.probe && status < http.StatusBadRequest:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// knownMethod keeps unknown methods, which a caller may invent, out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	default:
		return "other"
	}
}

// write encodes an answer. It encodes the whole answer first, so that a failure gives an
// error and not half an answer.
func (s *server) write(w http.ResponseWriter, t *trace, answer reply) {
	if answer.stream != nil {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(answer.status)
		answer.stream(w)
		return
	}
	body, err := encode(answer.body)
	if err != nil {
		s.fail(w, t, fmt.Errorf("encoding the answer: %w", err))
		return
	}
	maps.Copy(w.Header(), answer.header)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	w.Write(body) //nolint:errcheck // nobody is left to be told
}

// fail writes an error as the answer. It logs the cause where the answer hides it.
func (s *server) fail(w http.ResponseWriter, t *trace, err error) {
	failure := explain(err)
	t.code = failure.Code
	if failure.Code == syncs.CodeInternal || failure.Code == syncs.CodeDatabaseUnavailable {
		t.cause = err
	}
	if limited, ok := errors.AsType[tooManyFailures](err); ok {
		w.Header().Set("Retry-After", limited.seconds())
	}
	if failure.Code == syncs.CodeDraining { // R31: another replica answers, or this one in a moment
		w.Header().Set("Retry-After", "1")
	}
	body := s.problem(failure)
	if body.SyncID == nil {
		body.SyncID = known(t.syncID)
	}
	s.write(w, t, reply{status: statusOf(failure.Code), body: body})
}

// A recorder keeps the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// answered returns the status of a finished answer.
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

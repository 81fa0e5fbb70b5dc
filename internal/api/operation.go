package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An operation is one method of one path, with its description for /openapi.json and /docs.
type operation struct {
	method      string
	path        string // a pattern of http.ServeMux, which OpenAPI writes alike
	id          string
	tag         string
	summary     string
	description string

	access access
	params []*huma.Param
	body   any          // an example of the request's body; nil: it takes none
	offers []offer      // the answers without an error
	failed any          // an example of the answer to a failed sync; nil: there is none
	codes  []syncs.Code // the codes of its errors, besides those of all operations

	// Exactly one of the two is set.
	handle func(*call) (reply, error)
	raw    http.Handler
}

// access says which keys may call an operation. The zero access needs no key.
type access struct {
	scopes string // in words, for the documentation
	allows func(clinic.APIKey) bool
}

// scoped needs one scope.
func scoped(scope clinic.Scope) access {
	return access{"`" + string(scope) + "`", func(k clinic.APIKey) bool { return k.Allows(scope) }}
}

// reading needs any sync scope (R39).
func reading() access { return access{"any sync scope", clinic.APIKey.AllowsReading} }

// An offer documents one good answer: its status and an example of its body.
type offer struct {
	status      int
	description string
	example     any
	headers     map[string]*huma.Header
	stream      bool // server-sent events, without an example
}

// A reply is an answer before its encoding.
type reply struct {
	status int
	header http.Header
	body   any
	stream func(http.ResponseWriter) // in the place of a body: server-sent events
}

// ok returns a 200.
func ok(body any) (reply, error) { return reply{status: http.StatusOK, body: body}, nil }

// A call is one request to an operation.
type call struct {
	*http.Request
	*trace
	key clinic.APIKey // zero where the operation needs none
}

// serve returns the handler of an operation.
func (s *server) serve(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := traceOf(r.Context())
		t.probe = op.access.allows == nil
		if s.o.Trace != nil && !t.probe {
			ctx, answered := s.o.Trace(r.Context(), op.method+" "+op.path, r.Header)
			r, t.answered = r.WithContext(ctx), answered
		}
		c := &call{Request: r, trace: t}
		if op.raw != nil {
			op.raw.ServeHTTP(w, r)
			return
		}
		answer, err := s.run(op, c)
		if err != nil {
			s.fail(w, c.trace, err)
			return
		}
		s.write(w, c.trace, answer)
	})
}

// run checks the key, then the request, then carries it out, so that a caller without a key
// learns nothing else.
func (s *server) run(op operation, c *call) (reply, error) {
	if op.access.allows == nil {
		return op.handle(c)
	}
	key, err := s.authenticate(c)
	if err != nil {
		return reply{}, err
	}
	c.key, c.clinicID = key, key.ClinicID
	if !op.access.allows(key) {
		return reply{}, forbidden(op.access.scopes)
	}
	if err := checkQuery(c.URL.RawQuery, op.params); err != nil {
		return reply{}, err
	}
	return op.handle(c)
}

// forbidden says which scope the key lacks.
func forbidden(scopes string) error {
	return syncs.Fail(syncs.CodeForbidden, "this API key lacks the scope that this needs: %s", strings.ReplaceAll(scopes, "`", ""))
}

// dispatch chooses among the methods of one path. HEAD is allowed where GET is.
func (s *server) dispatch(path string, methods map[string]http.Handler) http.Handler {
	if get, ok := methods[http.MethodGet]; ok {
		methods[http.MethodHead] = get
	}
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := traceOf(r.Context())
		t.route = path
		handler, ok := methods[r.Method]
		if !ok {
			w.Header().Set("Allow", allow)
			s.fail(w, t, syncs.Fail(codeMethodNotAllowed, "this address does not know that method; it knows %s", allow))
			return
		}
		handler.ServeHTTP(w, r)
	})
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, traceOf(r.Context()), errNotFound())
}

// static serves the same document every time.
func static(contentType, policy string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traceOf(r.Context()).probe = true
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		w.Write(body) //nolint:errcheck // nobody is left to be told
	})
}

package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An API is a set of operations that describe themselves.
type API struct {
	About      About
	Operations []Operation // in the order of the documentation

	// Authenticate finds the caller of an operation that needs one.
	Authenticate func(*Call) (access.Caller, error)

	// FindClinic returns an error where there is no such clinic. It is called for each
	// operation that is OfNamedClinic.
	FindClinic func(ctx context.Context, clinicID uuid.UUID) error

	// CursorKeys sign the cursors of lists: the first signs, all of them check. Replicas
	// share them. None: a random one, for a single replica.
	CursorKeys [][]byte

	// Explain turns any error into what the caller may know of it (R38).
	Explain func(error) *syncs.Failure

	// Trace is called for every request to an operation that needs a caller, before the
	// request is read. It returns the request's context and a function that is called with
	// the response. The operation is its method and path pattern. Nil: requests are not
	// traced.
	Trace func(ctx context.Context, operation string, header http.Header) (context.Context, func(Answer))

	cursorKeys func() [][]byte
}

// An Answer is the response to a request, for API.Trace.
type Answer struct {
	Status   int
	ClinicID uuid.UUID  // zero: of no clinic, or the caller is unknown
	SyncID   uuid.UUID  // zero: it was about none
	Code     syncs.Code // empty: nothing was wrong
}

// An Operation is one method of one path, with its description for /openapi.json and /docs.
type Operation struct {
	Method      string
	Path        string // a pattern of http.ServeMux, which OpenAPI writes alike
	ID          string
	Tag         string
	Summary     string
	Description string

	Needs access.Permission // of the caller; empty: anybody may call it
	Of    Of                // what the operation is on

	Params []*huma.Param
	Body   any          // an example of the request's body; nil: it takes none
	Offers []Offer      // the responses without an error
	Failed any          // an example of the response to a failed sync; nil: there is none
	Codes  []syncs.Code // the codes of its errors, besides those of all operations

	// Exactly one of the two is set.
	Handle func(*Call) (Reply, error)
	Raw    http.Handler
}

// Of says what an operation is on, and so where its address names the clinic.
type Of int

// What an operation can be on. The zero value is the narrowest.
const (
	// OfKeysClinic is on the clinic of a clinic key (R38). Nobody else may call it: other
	// callers name the clinic in the path.
	OfKeysClinic Of = iota

	// OfCallersClinics is on the clinic of a clinic key, and for any other caller on all
	// clinics that it may see; then Call.ClinicID is zero.
	OfCallersClinics

	// OfNamedClinic is on the clinic that the path names as {clinicId}. A clinic key may
	// not call it, because its requests name no clinic (R38).
	OfNamedClinic

	// OfInstallation needs no clinic.
	OfInstallation
)

// InNamedClinic returns the same operation on a clinic that the path names, for callers
// that are of no one clinic (R42).
func (op Operation) InNamedClinic() Operation {
	op.Of = OfNamedClinic
	op.Path = namedClinic + strings.TrimPrefix(op.Path, "/api")
	op.ID += "OfClinic"
	op.Params = append([]*huma.Param{ClinicParam()}, op.Params...)
	if !slices.Contains(op.Codes, syncs.CodeNotFound) {
		op.Codes = append(slices.Clone(op.Codes), syncs.CodeNotFound)
	}
	return op
}

// namedClinic is how a path names a clinic.
const namedClinic = "/api/clinics/{clinicId}"

// PathOf returns a path of the API, such as /api/syncs/ID, as the caller of c has to write
// it: below its clinic, if c names one.
func (c *Call) PathOf(path string) string {
	if c.PathValue("clinicId") == "" {
		return path
	}
	return "/api/clinics/" + c.ClinicID.String() + strings.TrimPrefix(path, "/api")
}

// An Offer documents one good response: its status and an example of its body.
type Offer struct {
	Status      int
	Description string
	Example     any
	Headers     map[string]*huma.Header
	Stream      []any // of server-sent events: examples of their data, in the place of Example
}

// A Reply is a response before its encoding.
type Reply struct {
	Status int
	Header http.Header
	Body   any
	Stream func(http.ResponseWriter) // in the place of a body: server-sent events
}

// OK returns a 200.
func OK(body any) (Reply, error) { return Reply{Status: http.StatusOK, Body: body}, nil }

// A Call is one request to an operation.
type Call struct {
	*http.Request
	*Entry
	Caller access.Caller // nobody, where the operation needs no caller

	list aList // whose cursors the call may bring, and gets
}

// By says in whose name and from where the call acts (R44).
func (c *Call) By() access.By { return access.By{Caller: c.Caller, Origin: c.Remote.String()} }

// Mounts returns the handlers of the operations, of the description and of "/".
func (a *API) Mounts() []Mount {
	a.cursorKeys = sync.OnceValue(randomCursorKey)
	if len(a.CursorKeys) > 0 {
		a.cursorKeys = func() [][]byte { return a.CursorKeys }
	}
	byPath := map[string]map[string]http.Handler{}
	add := func(method, path string, h http.Handler) {
		if byPath[path] == nil {
			byPath[path] = map[string]http.Handler{}
		}
		byPath[path][method] = h
	}
	for _, op := range a.Operations {
		add(op.Method, op.Path, a.serve(op))
	}
	// The description takes long to make, and few servers are asked for it.
	document := sync.OnceValue(a.Describe)
	add(http.MethodGet, "/openapi.json", made(func() http.Handler {
		return WithoutQuery(Static("application/openapi+json", "", encodeDocument(document())))
	}))
	add(http.MethodGet, "/docs", made(func() http.Handler { return WithoutQuery(docs(docsPage(document(), a.Operations))) }))
	add(http.MethodGet, "/{$}", WithoutQuery(Static("application/json", "", []byte(`{"service":"pims-sync","docs":"/docs","openapi":"/openapi.json"}`+"\n"))))

	var mounts []Mount
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		mounts = append(mounts, Mount{path, Methods(byPath[path])})
	}
	return mounts
}

// made returns a handler that is made when it is first asked.
func made(handler func() http.Handler) http.Handler {
	once := sync.OnceValue(handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { once().ServeHTTP(w, r) })
}

// serve returns the handler of an operation.
func (a *API) serve(op Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := EntryOf(r.Context())
		e.Quiet = op.Needs == ""
		if a.Trace != nil && op.Needs != "" {
			ctx, ended := a.Trace(r.Context(), op.Method+" "+op.Path, r.Header)
			r, e.ended = r.WithContext(ctx), ended
		}
		if op.Raw != nil {
			WithoutQuery(op.Raw).ServeHTTP(w, r)
			return
		}
		c := &Call{Request: r, Entry: e}
		reply, err := a.run(op, c)
		if err == nil {
			err = write(w, reply)
		}
		if err != nil {
			Fail(w, r, op.missing(c, a.Explain(err)), err)
		}
	})
}

// missing says in a not_found what the path names and the caller does not have: the clinic,
// else the record. It repeats no id: a response has none that is not the caller's.
func (op *Operation) missing(c *Call, failure *syncs.Failure) *syncs.Failure {
	if failure.Code != syncs.CodeNotFound || failure.Message != NotFoundText {
		return failure
	}
	thing := "clinic"
	if c.ClinicID != uuid.Nil || !strings.Contains(op.Path, "{clinicId}") {
		i := slices.IndexFunc(op.Params, func(p *huma.Param) bool { return p.In == inPath && p.Name == "id" })
		if i < 0 {
			return failure
		}
		_, thing, _ = strings.Cut(strings.TrimPrefix(op.Params[i].Description, idOf), " ")
		thing, _, _ = strings.Cut(strings.TrimSuffix(thing, "."), ",")
	}
	return syncs.Fail(syncs.CodeNotFound, "there is no %s of this id here", thing)
}

// run finds the caller and checks its permission, then reads the request, then carries it
// out, so that a caller without a key learns nothing else.
func (a *API) run(op Operation, c *Call) (Reply, error) {
	if op.Needs == "" {
		if err := checkQuery(c.URL.RawQuery, op.Params); err != nil {
			return Reply{}, err
		}
		return op.Handle(c)
	}
	caller, err := a.Authenticate(c)
	if err != nil {
		return Reply{}, err
	}
	c.Caller = caller
	if err := a.admit(op, c); err != nil {
		return Reply{}, err
	}
	if err := checkQuery(c.URL.RawQuery, op.Params); err != nil {
		return Reply{}, err
	}
	c.list = a.listOf(op, c)
	reply, err := op.Handle(c)
	reply.Body = c.list.signNext(reply.Body)
	return reply, err
}

// WithoutQuery serves only requests whose address has no query.
func WithoutQuery(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failure, bad := errors.AsType[*syncs.Failure](checkQuery(r.URL.RawQuery, nil)); bad {
			Fail(w, r, failure, nil)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// admit finds the clinic that a call is on, and checks that the caller may do the operation
// on it. A clinic outside of the caller's limit and one that does not exist give the same
// error (R42).
func (a *API) admit(op Operation, c *Call) error {
	isClinicKey := c.Caller.Kind == access.KindClinicKey
	switch {
	case op.Of == OfInstallation, op.Of == OfCallersClinics && !isClinicKey:
		return c.Caller.Check(op.Needs, uuid.Nil)
	case op.Of == OfKeysClinic && !isClinicKey:
		return Invalid("path", "this caller is of no one clinic; name the clinic in the path: "+namedClinic+"%s", strings.TrimPrefix(op.Path, "/api"))
	case op.Of == OfKeysClinic, op.Of == OfCallersClinics:
		c.ClinicID = c.Caller.Clinic()
		return c.Caller.Check(op.Needs, c.ClinicID)
	case isClinicKey:
		return access.Denied{Missing: "the API key of a clinic names no clinic, because the key decides it; leave /clinics/{clinicId} out of the path, or use a fleet key"}
	}
	id, err := c.pathUUID("clinicId")
	if err != nil {
		return err
	}
	if err := c.Caller.Check(op.Needs, id); err != nil {
		return err
	}
	if err := a.FindClinic(c.Context(), id); err != nil {
		return err
	}
	c.ClinicID = id
	return nil
}

// write encodes a response. It encodes the whole response first, so that a failure gives an
// error and not half a response.
func write(w http.ResponseWriter, reply Reply) error {
	if reply.Stream != nil {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(reply.Status)
		reply.Stream(w)
		return nil
	}
	body, err := Encode(reply.Body)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	maps.Copy(w.Header(), reply.Header)
	writeJSON(w, reply.Status, body)
	return nil
}

// Methods chooses among the methods of one address. HEAD is allowed where GET is. Any other
// method is a 405 in the API's form.
func Methods(methods map[string]http.Handler) http.Handler {
	methods = maps.Clone(methods)
	if get, ok := methods[http.MethodGet]; ok {
		methods[http.MethodHead] = get
	}
	allow := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, ok := methods[r.Method]
		if !ok {
			w.Header().Set("Allow", allow)
			Fail(w, r, syncs.Fail(CodeMethodNotAllowed, "this address does not know that method; it knows %s", allow), nil)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// Get serves GET and HEAD with a handler, quietly in the log while all is well.
func Get(handler http.Handler) http.Handler {
	return Methods(map[string]http.Handler{http.MethodGet: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		EntryOf(r.Context()).Quiet = true
		handler.ServeHTTP(w, r)
	})})
}

// Static serves the same document every time. policy is its Content-Security-Policy; empty:
// the chain's, which allows nothing.
func Static(contentType, policy string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		EntryOf(r.Context()).Quiet = true
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		w.Write(body) //nolint:errcheck // nobody is left to be told
	})
}

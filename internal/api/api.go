// Package api is the HTTP API. It checks keys, reads requests strictly, calls the domain,
// and answers in the specification's forms. It also serves its own description
// (/openapi.json, /docs), health and metrics.
//
// It runs no sync, decides nothing about cases and knows no database, queue or PIMS: it
// declares what it needs as interfaces. The key decides the clinic; no request names one
// (R38). Nothing that a caller sent is repeated in an answer or logged, except the names of
// fields (R40).
//
// It uses huma's OpenAPI model and JSON schemas of Go types. The standard library and the
// strict decoder of go-json-experiment read requests and write answers, because huma's own
// reader accepts duplicate and differently cased JSON keys and repeats values in its errors
// (docs/decisions/2026-11-24-dependencies.md).
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Syncs starts, watches and cancels syncs. A refusal with its own code is a *syncs.Failure.
// A sync of another clinic is not_found.
type Syncs interface {
	// Start writes the audit and the job of a sync (R28). With an idempotency key that was
	// used in the last 24 h for the same request it returns that sync's audit; for another
	// request it fails with idempotency_mismatch (R29). An empty key means none.
	Start(ctx context.Context, request syncs.Request, idempotencyKey string) (syncs.Audit, error)

	// Wait returns when the sync is final. When ctx ends sooner, or the sync goes back to
	// the queue, it returns the present state and no error.
	Wait(ctx context.Context, clinicID, syncID uuid.UUID) (syncs.Audit, error)

	// Audit returns one sync with its children.
	Audit(ctx context.Context, clinicID, syncID uuid.UUID) (syncs.Audit, error)

	// Audits lists syncs.
	Audits(ctx context.Context, clinicID uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error)

	// Cancel ends a queued sync, or asks a running one to end, in the name of an actor
	// ("key:<id>"). It returns the state after that.
	Cancel(ctx context.Context, clinicID, syncID uuid.UUID, actor string) (syncs.Audit, error)
}

// Cases reads cases and their histories. A case of another clinic is not_found.
type Cases interface {
	History(ctx context.Context, clinicID, caseID uuid.UUID, page syncs.Page) (syncs.List[casesync.Event], error)
	Case(ctx context.Context, clinicID, caseID uuid.UUID) (casesync.Record, error)
	Cases(ctx context.Context, clinicID uuid.UUID, filter casesync.CaseFilter) (syncs.List[casesync.Record], error)
}

// Plans reads plans. A plan of another clinic is not_found.
type Plans interface {
	Plan(ctx context.Context, clinicID, planID uuid.UUID) (syncs.Plan, error)
	Plans(ctx context.Context, clinicID uuid.UUID, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error)
}

// Decisions approves and rejects plans in the name of an actor (R23). A plan that is no
// longer open is already_decided.
type Decisions interface {
	// Approve starts the sync that carries out what the plan's guard held back.
	Approve(ctx context.Context, clinicID, planID uuid.UUID, trigger syncs.Trigger, actor string) (syncs.Audit, error)
	Reject(ctx context.Context, clinicID, planID uuid.UUID, actor string) error
}

// Restores undoes soft deletes in the name of an actor (R24).
type Restores interface {
	// DeletedBy lists the cases that a sync or one of its phases has soft-deleted.
	DeletedBy(ctx context.Context, clinicID, syncID uuid.UUID) ([]uuid.UUID, error)

	// Restore returns the outcome for each case. Ids that the clinic does not have are left
	// out.
	Restore(ctx context.Context, clinicID uuid.UUID, caseIDs []uuid.UUID, actor string, at time.Time) ([]casesync.Restoration, error)
}

// Conditions returns the state of the clinic and the age of its data.
type Conditions interface {
	Condition(ctx context.Context, clinicID uuid.UUID) (scheduler.Condition, error)
}

// Clinics finds the clinic of a key, for the zone of its dates (R1).
type Clinics interface {
	Clinic(ctx context.Context, clinicID uuid.UUID) (clinic.Clinic, error)
}

// Ready returns an error where the database does not answer.
type Ready interface {
	Ping(ctx context.Context) error
}

// Options configure the API.
type Options struct {
	Keys       clinic.KeyStore
	Syncs      Syncs
	Cases      Cases
	Plans      Plans
	Decisions  Decisions
	Restores   Restores
	Conditions Conditions
	Clinics    Clinics
	Ready      Ready

	// Draining reports whether this replica shuts down and takes no new work (R31). Syncs
	// then refuses a start with draining. Nil: it never does.
	Draining func() bool

	// Metrics serves /metrics; nil where METRICS_ADDR serves it elsewhere.
	Metrics http.Handler

	// Wait is how long a sync call waits for the end of its sync before the API answers 202
	// (SYNC_WAIT_MS, R28). Zero: not at all.
	Wait time.Duration

	// TrustedProxies are the proxies whose X-Forwarded-For counts; see ParseProxies.
	TrustedProxies []netip.Prefix

	// Trace is called for every request to an operation that needs a key, before the
	// request is read. It returns the request's context and a function that is called with
	// the answer. The operation is its method and path pattern. Nil: requests are not
	// traced.
	Trace func(ctx context.Context, operation string, header http.Header) (context.Context, func(Answer))

	Version string           // of the program, for /health
	Logger  *slog.Logger     // nil: nothing is logged
	Now     func() time.Time // nil: time.Now
}

// An Answer is the answer to a request, for Options.Trace.
type Answer struct {
	Status   int
	ClinicID uuid.UUID  // zero: the key was not good
	SyncID   uuid.UUID  // zero: it was about none
	Code     syncs.Code // empty: nothing was wrong
}

// server is the running API. It is safe for concurrent use.
type server struct {
	o        Options
	log      *slog.Logger
	started  time.Time
	failures *limiter
	mux      *http.ServeMux
}

// New makes the API. The caller sets the timeouts of its http.Server: one for reading, and
// a write timeout, if any, longer than Options.Wait.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Draining == nil {
		o.Draining = func() bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{
		o:        o,
		log:      o.Logger.With("namespace", "pims-sync:api"),
		started:  o.Now(),
		failures: newLimiter(),
		mux:      http.NewServeMux(),
	}
	s.mount(s.operations())
	return s
}

// OpenAPI returns the OpenAPI 3.1 document of the API, indented.
func OpenAPI() []byte {
	return encodeDocument(document((&server{}).operations()))
}

// mount registers the operations and their descriptions.
func (s *server) mount(operations []operation) {
	byPath := map[string]map[string]http.Handler{}
	add := func(method, path string, h http.Handler) {
		if byPath[path] == nil {
			byPath[path] = map[string]http.Handler{}
		}
		byPath[path][method] = h
	}
	for _, op := range operations {
		if op.path == metricsPath && s.o.Metrics == nil {
			continue
		}
		add(op.method, op.path, s.serve(op))
	}
	doc := document(operations)
	add(http.MethodGet, "/openapi.json", static("application/openapi+json", "", encodeDocument(doc)))
	page, policy := docsPage(doc, operations)
	add(http.MethodGet, "/docs", s.docs(page, policy))
	add(http.MethodGet, "/{$}", static("application/json", "", []byte(`{"service":"pims-sync","docs":"/docs","openapi":"/openapi.json"}`+"\n")))

	for path, methods := range byPath {
		s.mux.Handle(path, s.dispatch(path, methods))
	}
	s.mux.HandleFunc("/", s.notFound)
}

// operations returns all operations, in the order of the documentation. A further one is a
// line here and a function.
func (s *server) operations() []operation {
	return []operation{
		s.startInbound(), s.startCases(), s.startReconcile(), s.startFull(),
		s.listSyncs(), s.showSync(), s.syncEvents(), s.cancelSync(), s.restoreSync(), s.showFreshness(),
		s.listCases(), s.showCase(), s.caseHistory(), s.restoreCase(),
		s.listPlans(), s.showPlan(), s.approvePlan(), s.rejectPlan(),
		s.health(), s.ready(), s.metrics(),
	}
}

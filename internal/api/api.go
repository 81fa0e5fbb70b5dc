// Package api has the endpoints of the HTTP API. It calls the domain and writes what it
// returns in the specification's forms. The mechanism is package web's: reading, encoding,
// errors, the description.
//
// It runs no sync, decides nothing about cases and knows no database, queue or PIMS: it
// declares what it needs as interfaces.
package api

import (
	"context"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/api/outgoing"
	"github.com/pims-sync/pims-sync/internal/api/recordingapi"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
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

	// Follow yields the state of a sync, with its progress, several times a second, until it
	// is over, ctx ends, or this replica stops. The last state of a sync that is over is
	// final.
	Follow(ctx context.Context, clinicID, syncID uuid.UUID) iter.Seq2[syncs.Audit, error]

	// Audit returns one sync with its children.
	Audit(ctx context.Context, clinicID, syncID uuid.UUID) (syncs.Audit, error)

	// Audits lists syncs.
	Audits(ctx context.Context, clinicID uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error)

	// AuditsAcross lists syncs of several clinics; nil: of all.
	AuditsAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error)

	// Cancel ends a queued sync, or asks a running one to end, in the name of an actor
	// ("key:<id>"). It returns the state after that.
	Cancel(ctx context.Context, clinicID, syncID uuid.UUID, actor string) (syncs.Audit, error)
}

// Cases reads cases and their histories. A case of another clinic is not_found.
type Cases interface {
	History(ctx context.Context, clinicID, caseID uuid.UUID, page syncs.Page) (syncs.List[cases.Event], error)
	Case(ctx context.Context, clinicID, caseID uuid.UUID) (cases.Record, error)
	Timeline(ctx context.Context, clinicID, caseID uuid.UUID) (cases.Timeline, error)
	Cases(ctx context.Context, clinicID uuid.UUID, filter cases.Filter) (syncs.List[cases.Record], error)
}

// Plans reads plans. A plan of another clinic is not_found.
type Plans interface {
	Plan(ctx context.Context, clinicID, planID uuid.UUID) (syncs.Plan, error)
	Plans(ctx context.Context, clinicID uuid.UUID, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error)

	// PlansAcross lists plans of several clinics; nil: of all.
	PlansAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error)
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
	Keys      clinic.KeyStore
	FleetKeys access.FleetKeyStore
	Fleet     fleetapi.Options
	Record    access.Log // records what callers change (R44)
	Outgoing  outgoing.Options

	// Limits are those of callers; ObserveLimit is called for each request that one refused,
	// or did not let wait. Nil: nobody observes.
	Limits       Limits
	ObserveLimit func(Limit)

	// CursorKeys are those of web.API.
	CursorKeys [][]byte

	// Session finds the person whose session a request carries, if it has no X-API-Key. The
	// error is clinic.ErrUnauthorized where it carries none. Nil: there are no sessions.
	Session func(*http.Request) (access.Caller, error)

	Syncs      Syncs
	Cases      Cases
	CasesByID  CasesByID
	Changes    Changes
	Arrivals   Arrivals
	Plans      Plans
	Recordings recordingapi.Recordings
	Conditions fleetapi.Conditions
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

	// Trace is that of web.API. Nil: requests are not traced.
	Trace func(ctx context.Context, operation string, header http.Header) (context.Context, func(web.Answer))

	Version string           // of the program, for /health
	Now     func() time.Time // nil: time.Now
}

// server is the running API. It is safe for concurrent use.
type server struct {
	o       Options
	started time.Time
	limits  *limits
}

// New makes the API, for web.New.
func New(o Options) []web.Mount {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Draining == nil {
		o.Draining = func() bool { return false }
	}
	s := &server{o: o, started: o.Now(), limits: newLimits(o.Limits, o.ObserveLimit)}
	api := describe(s)
	api.Authenticate, api.FindClinic, api.Explain, api.Trace = s.authenticate, s.findClinic, explain, o.Trace
	api.CursorKeys = o.CursorKeys
	if o.Metrics == nil {
		api.Operations = slices.DeleteFunc(api.Operations, func(op web.Operation) bool { return op.Path == metricsPath })
	}
	return api.Mounts()
}

// OpenAPI returns the OpenAPI 3.1 document of the API, indented.
func OpenAPI() []byte { return describe(&server{}).Document() }

// operations returns all operations, in the order of the documentation. A further one is a
// line here and a function. Those on a clinic exist twice, through the same code: for clinic
// keys, and with the clinic in the path for everybody else (R42).
func (s *server) operations() []web.Operation {
	ofClinic := []web.Operation{
		s.startInbound(), s.startCases(), s.startReconcile(), s.startFull(),
		s.listSyncs(), s.showSync(), s.syncEvents(), s.cancelSync(), s.restoreSync(), s.showFreshness(),
		s.listCases(), s.showCase(), s.caseHistory(), s.caseAt(), s.compareCase(), s.restoreCase(), s.listChanges(), s.listEvents(),
		s.listPlans(), s.showPlan(), s.approvePlan(), s.rejectPlan(),
	}
	ofClinic = append(ofClinic, recordingapi.OfClinic(s.o.Recordings)...)
	all := slices.Clone(ofClinic)
	for _, op := range ofClinic {
		named := op.InNamedClinic()
		named.Tag = fleetapi.TagOneClinic
		all = append(all, named)
	}
	all = append(all, recordingapi.OfNamedClinic(s.o.Recordings, fleetapi.TagOneClinic)...)
	all = append(all, fleetapi.Operations(s.fleet())...)
	all = append(all, outgoing.Operations(s.o.Outgoing)...)
	return append(all, s.health(), s.ready(), s.metrics())
}

// fleet returns the options of the operations for callers of many clinics.
func (s *server) fleet() *fleetapi.Options {
	o := s.o.Fleet
	o.Conditions, o.Clinics, o.CountStart, o.Preview = s.o.Conditions, s.o.Clinics, s.countStart, s.previewSettings()
	o.Wait, o.Version, o.Now = s.o.Wait, s.o.Version, s.o.Now
	return &o
}

// interfaceVersion is the version of the interface, which is the specification's. The
// program has its own version.
const interfaceVersion = "4.0.0"

const description = `Keeps a veterinary clinic's cases in step with its practice information management system (PIMS).

The key in ` + "`X-API-Key`" + ` decides the clinic; no request with it names one. A fleet key and a person name the clinic in the path: ` + "`/api/clinics/{clinicId}/…`" + `. Dates are civil days in the clinic's time zone, instants are RFC 3339 in UTC.

Bodies are JSON, one object of at most 64 KiB, not compressed; each operation says whether its body may be left out. Unknown, doubled and differently cased fields and parameters are refused. A field that is null counts as left out.

An address that does not exist is a 404 ` + "`not_found`" + `. A method that it does not know is a 405 ` + "`method_not_allowed`" + ` with the header ` + "`Allow`" + `. A request that is not well-formed HTTP/1.1, has more than 64 KiB of address and header, has another ` + "`Expect`" + ` than ` + "`100-continue`" + `, or a ` + "`Host`" + ` that the server does not serve, is a 400 ` + "`invalid_request`" + `.

Every error has the shape of ` + "`Problem`" + `: ` + "`code`" + ` is for programs, ` + "`error`" + ` for people. An id that is malformed, unknown or another clinic's brings the same 404. Every answer has the header ` + "`X-Request-Id`" + `: the request, as the server's log names it. Results may gain fields; ignore those that you do not know.`

// describe returns the API's operations and its description.
func describe(s *server) *web.API {
	return &web.API{
		Operations: s.operations(),
		About: web.About{
			Title:       "PIMS Sync API",
			Version:     interfaceVersion,
			Description: description,
			KeyFrom:     "Made by `pims-sync keys create`, for one clinic, or `pims-sync fleet-keys create`, for many.",
			Tags: []*huma.Tag{
				{Name: "Syncs", Description: "Start, watch and cancel syncs."},
				{Name: "Cases", Description: "What the syncs made."},
				{Name: "Plans", Description: "What guards held back."},
				{Name: fleetapi.TagOneClinic, Description: "The same for one clinic, which the path names: for fleet keys and people."},
				{Name: fleetapi.TagFleet, Description: "All clinics, and the keys for them."},
				{Name: outgoing.Tag, Description: "What is sent to other programs and to people."},
				{Name: "Operation", Description: "For those who run the service."},
			},
		},
	}
}

package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// startTimeout bounds the transaction that starts a sync. The transaction continues when
// the caller disconnects, so that a sync is either started or not.
const startTimeout = 10 * time.Second

// inboundRequest is the body of POST /api/sync/inbound (W4).
type inboundRequest struct {
	StartDate *web.Day `json:"startDate,omitempty" doc:"The first day, in the clinic's zone. Default: today."`
	EndDate   *web.Day `json:"endDate,omitempty" doc:"The last day, included; at most 92 days in all. Default: startDate + daysAhead." example:"2026-01-24"`
	DaysAhead *int     `json:"daysAhead,omitempty" minimum:"0" maximum:"90" doc:"How many days after startDate, where endDate is not given. Beside endDate it must agree with it. Default: 7."`
	DryRun    bool     `json:"dryRun,omitzero" doc:"Write nothing, and answer what would be done."`
	Record    bool     `json:"record,omitzero" doc:"Keep what the PIMS returns, sealed, for 7 days (pims-sync recordings)."`
}

func (b inboundRequest) options() syncs.Options {
	return syncs.Options{StartDate: b.StartDate.Date(), EndDate: b.EndDate.Date(), DaysAhead: b.DaysAhead, DryRun: b.DryRun, Record: b.Record}
}

// casesRequest is the body of POST /api/sync/cases (W7).
type casesRequest struct {
	StartDate         *web.Day `json:"startDate,omitempty" doc:"The first day, in the clinic's zone. Default: 7 days ago." example:"2026-01-10"`
	EndDate           *web.Day `json:"endDate,omitempty" doc:"The last day, included; at most 92 days in all. Default: today."`
	ParallelBatchSize *int     `json:"parallelBatchSize,omitempty" minimum:"1" maximum:"20" doc:"How many consultations are fetched at once. Default: 5."`
	Force             bool     `json:"force,omitzero" doc:"Fetch every case of the window, whether it is due or not."`
	DryRun            bool     `json:"dryRun,omitzero" doc:"Write nothing, and answer what would be done."`
	Record            bool     `json:"record,omitzero" doc:"Keep what the PIMS returns, sealed, for 7 days (pims-sync recordings)."`
}

func (b casesRequest) options() syncs.Options {
	return syncs.Options{
		StartDate: b.StartDate.Date(), EndDate: b.EndDate.Date(),
		ParallelBatchSize: b.ParallelBatchSize, Force: b.Force, DryRun: b.DryRun, Record: b.Record,
	}
}

// reconcileRequest is the body of POST /api/sync/reconcile (W9).
type reconcileRequest struct {
	LookbackDays  *int `json:"lookbackDays,omitempty" minimum:"1" maximum:"180" doc:"How many days before today. Default: 7."`
	LookaheadDays *int `json:"lookaheadDays,omitempty" minimum:"0" maximum:"90" doc:"How many days after today. Default: 0."`
	DryRun        bool `json:"dryRun,omitzero" doc:"Write nothing, and answer what would be done."`
	Record        bool `json:"record,omitzero" doc:"Keep what the PIMS returns, sealed, for 7 days (pims-sync recordings)."`
}

func (b reconcileRequest) options() syncs.Options {
	return syncs.Options{LookbackDays: b.LookbackDays, LookaheadDays: b.LookaheadDays, DryRun: b.DryRun, Record: b.Record}
}

// fullRequest is the body of POST /api/sync/full (W11).
type fullRequest struct {
	StartDate         *web.Day `json:"startDate,omitempty" doc:"The first day, in the clinic's zone. Default: each phase's own."`
	EndDate           *web.Day `json:"endDate,omitempty" doc:"The last day, included; at most 92 days in all. Default: startDate + daysAhead." example:"2026-01-24"`
	DaysAhead         *int     `json:"daysAhead,omitempty" minimum:"0" maximum:"90" doc:"For inbound: how many days after startDate, where endDate is not given. Default: 7."`
	ParallelBatchSize *int     `json:"parallelBatchSize,omitempty" minimum:"1" maximum:"20" doc:"For cases: how many consultations are fetched at once. Default: 5."`
	LookbackDays      *int     `json:"lookbackDays,omitempty" minimum:"1" maximum:"180" doc:"For reconciliation: how many days before today. Default: 7."`
	LookaheadDays     *int     `json:"lookaheadDays,omitempty" minimum:"0" maximum:"90" doc:"For reconciliation: how many days after today. Default: 0."`
	Force             bool     `json:"force,omitzero" doc:"For cases: fetch every case of the window, whether it is due or not."`
	DryRun            bool     `json:"dryRun,omitzero" doc:"Write nothing, and answer what would be done."`
	Record            bool     `json:"record,omitzero" doc:"Keep what the PIMS returns, sealed, for 7 days (pims-sync recordings)."`
}

func (b fullRequest) options() syncs.Options {
	return syncs.Options{
		StartDate: b.StartDate.Date(), EndDate: b.EndDate.Date(), DaysAhead: b.DaysAhead,
		LookbackDays: b.LookbackDays, LookaheadDays: b.LookaheadDays,
		ParallelBatchSize: b.ParallelBatchSize, Force: b.Force, DryRun: b.DryRun, Record: b.Record,
	}
}

func (s *server) startInbound() web.Operation {
	op := startOperation(syncs.TypeInbound, "/api/sync/inbound", "syncInbound", "Sync appointments into cases",
		"Fetches the calendar of the window and creates and updates its cases.")
	op.Body = inboundRequest{DaysAhead: new(7)}
	op.Handle = startHandler[inboundRequest](s, syncs.TypeInbound)
	return op
}

func (s *server) startCases() web.Operation {
	op := startOperation(syncs.TypeCases, "/api/sync/cases", "syncCases", "Enrich cases with consultations",
		"Fetches SOAP notes, vitals and diagnoses of the window's cases that are due. Failures of single cases are listed and fail nothing else.")
	op.Body = casesRequest{ParallelBatchSize: new(5)}
	op.Handle = startHandler[casesRequest](s, syncs.TypeCases)
	return op
}

func (s *server) startReconcile() web.Operation {
	op := startOperation(syncs.TypeReconciliation, "/api/sync/reconcile", "syncReconcile", "Soft-delete cases that left the PIMS",
		"Compares the window with the calendar, looks every missing appointment up, and soft-deletes what is gone. Too many at once are refused with `deletion_guard` and kept as a plan.")
	op.Body = reconcileRequest{LookbackDays: new(7)}
	op.Handle = startHandler[reconcileRequest](s, syncs.TypeReconciliation)
	return op
}

func (s *server) startFull() web.Operation {
	op := startOperation(syncs.TypeFull, "/api/sync/full", "syncFull", "Run all three phases",
		"Inbound, cases and reconciliation in turn, with one login. A phase that did not run answers `skipped` and the reason.")
	op.Body = fullRequest{DaysAhead: new(7), LookbackDays: new(7)}
	op.Handle = startHandler[fullRequest](s, syncs.TypeFull)
	return op
}

// startOperation returns the common parts of the four operations.
func startOperation(t syncs.Type, path, id, summary, description string) web.Operation {
	example := resultOf(sample.Audit(t), sample.Time)
	return web.Operation{
		Method: http.MethodPost, Path: path, ID: id, Tag: "Syncs",
		Summary: summary,
		Description: description + "\n\nThe call waits for the end of the sync. If that takes too long, if too many calls wait already, or with `Prefer: respond-async`, " +
			"it returns 202 and where to look. Hanging up cancels nothing. A sync that failed returns the status of its `code` and its usual body.",
		Needs: access.ForSync(t),
		Of:    web.OfKeysClinic,
		Params: []*huma.Param{
			web.VisibleParam(idempotencyHeader, "Any text of at most 255 visible ASCII characters. For 24 hours the same key with the same body returns the same sync; with another body it is refused.", "7c2a", 255),
			web.HeaderParam("Prefer", "`respond-async` answers 202 at once.", "respond-async"),
		},
		Offers: []web.Offer{
			{Status: http.StatusOK, Description: "The sync has completed.", Example: example},
			{
				Status: http.StatusAccepted, Description: "The sync is on its way.",
				Example: syncOf(sample.Running(t)),
				Headers: map[string]*huma.Header{
					"Location":           web.Header(web.Always, "Where to look: `/api/syncs/{id}`."),
					"Preference-Applied": web.Header(web.Sometimes, "`respond-async`, where it was asked for."),
				},
			},
		},
		Failed: example,
		Codes:  web.StartCodes(),
	}
}

// startHandler returns a handler that starts a sync with a body of type B.
func startHandler[B interface{ options() syncs.Options }](s *server, t syncs.Type) func(*web.Call) (web.Reply, error) {
	return func(c *web.Call) (web.Reply, error) {
		var body B
		if err := web.ReadBody(c.Request, &body); err != nil {
			return web.Reply{}, err
		}
		options := body.options()
		if err := options.Check(t); err != nil {
			return web.Reply{}, err
		}
		return s.start(c, syncs.Request{
			ClinicID: c.ClinicID, Type: t, Trigger: syncs.TriggerAPI, Options: options,
		})
	}
}

// start starts a sync and waits for its end up to Options.Wait (R28).
func (s *server) start(c *web.Call, request syncs.Request) (web.Reply, error) {
	key, err := idempotencyKey(c.Header.Values(idempotencyHeader))
	if err != nil {
		return web.Reply{}, err
	}
	if err := s.countStart(c); err != nil {
		return web.Reply{}, err
	}
	audit, err := s.begin(c, request, key)
	if err != nil {
		return web.Reply{}, err
	}
	c.SyncID = audit.ID
	if prefersAsync(c.Header.Values("Prefer")) {
		answer := accepted(c, audit)
		answer.Header.Set("Preference-Applied", "respond-async")
		return answer, nil
	}
	if audit, err = s.await(c, audit); err != nil {
		return web.Reply{}, err
	}
	if !audit.Status.Final() {
		return accepted(c, audit), nil
	}
	answer := web.Reply{Status: http.StatusOK, Body: resultOf(&audit, s.o.Now())}
	if audit.Status != syncs.StatusCompleted {
		c.Code = codeOf(&audit)
		answer.Status = web.StatusOf(c.Code)
	}
	return answer, nil
}

// begin starts a sync. What people and fleet keys start is recorded in the same transaction
// (R44).
func (s *server) begin(c *web.Call, request syncs.Request, key string) (audit syncs.Audit, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), startTimeout)
	defer cancel()
	if c.Caller.Kind == access.KindClinicKey {
		return s.o.Syncs.Start(ctx, request, key)
	}
	request.ID = uuid.Must(uuid.NewV7())
	by := c.By()
	err = s.o.Record.Act(ctx, by.Event(access.SyncStart, request.ClinicID, access.Record{}), func(ctx context.Context, e *access.Event) error {
		audit, err = s.o.Syncs.Start(ctx, request, key)
		e.After = access.Values{"type": request.Type, "dryRun": request.Options.DryRun, "force": request.Options.Force, "record": request.Options.Record}
		if err != nil {
			return err
		}
		e.Record = access.RecordOf("sync", audit.ID)
		if audit.ID != request.ID { // the key stands for an earlier sync (R29)
			e.After["repeated"] = true
		}
		return nil
	})
	return audit, err
}

// await waits for the end of a sync. Where too many calls wait it returns at once, so that
// the caller gets a 202.
func (s *server) await(c *web.Call, audit syncs.Audit) (syncs.Audit, error) {
	if audit.Status.Final() {
		return audit, nil
	}
	giveBack := s.limits.waiting.Take(tenant(&c.Caller))
	if giveBack == nil {
		s.limits.observe(LimitWaiting)
		return audit, nil
	}
	defer giveBack()
	ctx, cancel := context.WithTimeout(c.Context(), s.o.Wait)
	defer cancel()
	began := time.Now()
	audit, err := s.o.Syncs.Wait(ctx, audit.ClinicID, audit.ID)
	web.EntryOf(c.Context()).Waited(time.Since(began))
	return audit, err
}

// accepted returns the 202. Its body is the sync in its present state.
func accepted(c *web.Call, audit syncs.Audit) web.Reply {
	return web.Reply{
		Status: http.StatusAccepted,
		Header: http.Header{"Location": {syncPath(c, audit.ID)}},
		Body:   syncOf(&audit),
	}
}

func syncPath(c *web.Call, id uuid.UUID) string { return c.PathOf("/api/syncs/" + id.String()) }

const idempotencyHeader = "Idempotency-Key"

// idempotencyKey reads the header of R29; empty where there is none.
func idempotencyKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", web.Invalid(idempotencyHeader, "%s must be given once and have 1 to 255 visible ASCII characters", idempotencyHeader)
	}
	return key, nil
}

// prefersAsync reports whether Prefer asks for an answer without waiting (RFC 7240).
func prefersAsync(values []string) bool {
	for _, value := range values {
		for preference := range strings.SplitSeq(value, ",") {
			token, _, _ := strings.Cut(preference, ";")
			if strings.EqualFold(strings.TrimSpace(token), "respond-async") {
				return true
			}
		}
	}
	return false
}

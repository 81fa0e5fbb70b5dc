package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A syncRecord is a sync in an answer (docs/interface.md §Endpoints "A sync in the API").
type syncRecord struct {
	ID          uuid.UUID     `json:"id" format:"uuid"`
	ClinicID    uuid.UUID     `json:"clinicId" format:"uuid"`
	Type        string        `json:"type" enum:"inbound,cases,reconciliation,full"`
	Status      string        `json:"status" enum:"queued,in_progress,completed,failed,cancelled"`
	Trigger     string        `json:"trigger" enum:"api,cli,schedule" doc:"Who started it."`
	ParentID    *uuid.UUID    `json:"parentId" format:"uuid" nullable:"true" doc:"The full sync that this is a phase of."`
	DryRun      bool          `json:"dryRun" doc:"It only said what it would do; nothing was written."`
	Options     syncOptions   `json:"options" doc:"With which options it was started."`
	Stats       syncStats     `json:"stats" doc:"What it has counted so far."`
	Failures    []itemFailure `json:"failures" nullable:"false" doc:"Cases that could not be enriched."`
	Warnings    *warnings     `json:"warnings,omitempty" doc:"What was passed over without failing the sync; left out where there is nothing."`
	Changes     []change      `json:"changes,omitzero" nullable:"false" doc:"What would be done; only with dryRun, and not in a list."`
	Progress    progress      `json:"progress"`
	Error       *string       `json:"error" doc:"How the sync failed and what to do about it, for people."`
	Code        *string       `json:"code" doc:"How the sync failed, for programs."`
	PlanID      *uuid.UUID    `json:"planId" format:"uuid" nullable:"true" doc:"The plan that it left: what a guard held back."`
	Approval    *uuid.UUID    `json:"approvedPlanId,omitempty" format:"uuid" doc:"The plan that it carries out; left out where no approval started it."`
	CreatedAt   web.Instant   `json:"createdAt"`
	StartedAt   *web.Instant  `json:"startedAt" nullable:"true" doc:"null until a worker took it up."`
	CompletedAt *web.Instant  `json:"completedAt" nullable:"true" doc:"null until it is over."`
	DurationMS  *int64        `json:"durationMs" doc:"How long it worked; null until it is over."`
	Phases      []syncRecord  `json:"phases,omitempty" nullable:"false" doc:"Of a full sync: the phases that ran, in order. Not in lists."`
}

// syncOptions are the options with which a sync was started. Options that were not given
// are absent.
type syncOptions struct {
	StartDate         *web.Day `json:"startDate,omitempty"`
	EndDate           *web.Day `json:"endDate,omitempty"`
	DaysAhead         *int     `json:"daysAhead,omitempty"`
	ParallelBatchSize *int     `json:"parallelBatchSize,omitempty"`
	LookbackDays      *int     `json:"lookbackDays,omitempty"`
	LookaheadDays     *int     `json:"lookaheadDays,omitempty"`
	Force             bool     `json:"force,omitzero"`
	DryRun            bool     `json:"dryRun,omitzero"`
	Record            bool     `json:"record,omitzero"`
}

func optionsOf(o syncs.Options) syncOptions {
	return syncOptions{
		StartDate: (*web.Day)(o.StartDate), EndDate: (*web.Day)(o.EndDate), DaysAhead: o.DaysAhead,
		LookbackDays: o.LookbackDays, LookaheadDays: o.LookaheadDays,
		ParallelBatchSize: o.ParallelBatchSize, Force: o.Force, DryRun: o.DryRun, Record: o.Record,
	}
}

// syncStats are a sync's counts. Its type decides which counts are present; those are
// always there.
type syncStats struct {
	AppointmentsFound *int        `json:"appointmentsFound,omitempty" doc:"Inbound, full: appointments of the window in the PIMS."`
	CasesFound        *int        `json:"casesFound,omitempty" doc:"Cases, full: cases that were due."`
	CasesCreated      *int        `json:"casesCreated,omitempty" doc:"Inbound, full."`
	CasesUpdated      *int        `json:"casesUpdated,omitempty" doc:"Inbound, reconciliation, full."`
	CasesUnchanged    *int        `json:"casesUnchanged,omitempty" doc:"Inbound, cases, full."`
	CasesSkipped      *int        `json:"casesSkipped,omitempty" doc:"Inbound, cases, full: unusable appointments, and cases without a consultation in the PIMS."`
	CasesEnriched     *int        `json:"casesEnriched,omitempty" doc:"Cases, full."`
	CasesFailed       *int        `json:"casesFailed,omitempty" doc:"Cases, full: cases listed in failures."`
	CasesChecked      *int        `json:"casesChecked,omitempty" doc:"Reconciliation, full."`
	CasesDeleted      *int        `json:"casesDeleted,omitempty" doc:"Reconciliation, full."`
	CasesRestored     *int        `json:"casesRestored,omitempty" doc:"Reconciliation, full: soft-deleted cases that were seen again."`
	DeletedIDs        []uuid.UUID `json:"deletedIds,omitzero" nullable:"false" format:"uuid" doc:"Reconciliation, full: the ids of the cases that were soft-deleted."`
}

// statsOf returns the counts that a type of sync has.
func statsOf(t syncs.Type, s syncs.Stats) syncStats {
	deleted := append([]uuid.UUID{}, s.DeletedIDs...)
	switch t {
	case syncs.TypeInbound:
		return syncStats{
			AppointmentsFound: &s.AppointmentsFound, CasesCreated: &s.CasesCreated, CasesUpdated: &s.CasesUpdated,
			CasesUnchanged: &s.CasesUnchanged, CasesSkipped: &s.CasesSkipped,
		}
	case syncs.TypeCases:
		return syncStats{
			CasesFound: &s.CasesFound, CasesEnriched: &s.CasesEnriched, CasesUnchanged: &s.CasesUnchanged,
			CasesSkipped: &s.CasesSkipped, CasesFailed: &s.CasesFailed,
		}
	case syncs.TypeReconciliation:
		return syncStats{
			CasesChecked: &s.CasesChecked, CasesDeleted: &s.CasesDeleted, CasesUpdated: &s.CasesUpdated,
			CasesRestored: &s.CasesRestored, DeletedIDs: deleted,
		}
	default:
		return syncStats{
			AppointmentsFound: &s.AppointmentsFound, CasesFound: &s.CasesFound, CasesCreated: &s.CasesCreated,
			CasesUpdated: &s.CasesUpdated, CasesUnchanged: &s.CasesUnchanged, CasesSkipped: &s.CasesSkipped,
			CasesEnriched: &s.CasesEnriched, CasesFailed: &s.CasesFailed, CasesChecked: &s.CasesChecked,
			CasesDeleted: &s.CasesDeleted, CasesRestored: &s.CasesRestored, DeletedIDs: deleted,
		}
	}
}

// progress is how far a sync has come.
type progress struct {
	Phase *string `json:"phase" enum:"inbound,cases,reconciliation" nullable:"true" doc:"null until it has begun."`
	Step  *string `json:"step" doc:"What it does now." example:"fetch"`
	Done  int     `json:"done"`
	Total int     `json:"total" doc:"0 while it is not known."`
}

type syncList struct {
	Items      []syncRecord `json:"items" nullable:"false"`
	NextCursor *string      `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

func syncOf(audit *syncs.Audit) syncRecord {
	body := syncRecord{
		ID:       audit.ID,
		ClinicID: audit.ClinicID,
		Type:     string(audit.Type),
		Status:   string(audit.Status),
		Trigger:  string(audit.Trigger),
		ParentID: web.Known(audit.ParentID),
		DryRun:   audit.Options.DryRun,
		Options:  optionsOf(audit.Options),
		Stats:    statsOf(audit.Type, audit.Result.Stats),
		Failures: failuresOf(audit.Result.Failures),
		Warnings: warningsOf(audit.Result.Warnings),
		Changes:  changesOf(audit),
		Progress: progress{
			Phase: web.Text(audit.Progress.Phase), Step: web.Text(audit.Progress.Step),
			Done: audit.Progress.Done, Total: audit.Progress.Total,
		},
		Error:       web.Text(errorOf(audit)),
		Code:        web.Text(codeOf(audit)),
		PlanID:      web.Known(audit.Result.PlanID),
		Approval:    web.Known(audit.Approval),
		CreatedAt:   web.Instant(audit.CreatedAt),
		StartedAt:   web.Moment(audit.StartedAt),
		CompletedAt: web.Moment(audit.CompletedAt),
	}
	if audit.Status.Final() {
		body.DurationMS = new(audit.Duration().Milliseconds())
	}
	for i := range audit.Children {
		body.Phases = append(body.Phases, syncOf(&audit.Children[i]))
	}
	return body
}

// syncsOf returns syncs without their changes, which may be thousands. GET of a single sync
// has them.
func syncsOf(list syncs.List[syncs.Audit]) syncList {
	body := syncList{web.Items(list.Items, syncOf), web.Text(list.NextCursor)}
	for i := range body.Items {
		body.Items[i].Changes = nil
	}
	return body
}

func (s *server) listSyncs() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/syncs", ID: "listSyncs", Tag: "Syncs",
		Summary:     "List syncs",
		Description: "The syncs of the clinic, or of all clinics that the caller may see, newest first.",
		Needs:       access.Read,
		Of:          web.OfCallersClinics,
		Params: append([]*huma.Param{
			web.WordParam("type", "Only syncs of this type.", syncs.Types()),
			web.WordParam("status", "Only syncs in this state.", []syncs.Status{
				syncs.StatusQueued, syncs.StatusInProgress, syncs.StatusCompleted, syncs.StatusFailed, syncs.StatusCancelled,
			}),
			web.WordParam("code", "Only syncs that ended with this code.", syncs.EndCodes()),
			web.InstantParam("since", "Only syncs that were created at or after this moment."),
		}, web.PageParams()...),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of syncs.",
			Example: syncList{Items: []syncRecord{syncOf(sample.Audit(syncs.TypeInbound))}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			filter := syncs.AuditFilter{
				Type: syncs.Type(q.Text("type")), Status: syncs.Status(q.Text("status")),
				Code: syncs.Code(q.Text("code")), Since: q.Instant("since"), Page: q.Page(),
			}
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			list, err := s.audits(c, filter)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(syncsOf(list))
		},
	}
}

func (s *server) showSync() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/syncs/{id}", ID: "showSync", Tag: "Syncs",
		Summary:     "Show a sync",
		Description: "The present state of a sync; of a full one with its phases.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params:      []*huma.Param{web.IDParam("a sync")},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "The sync.",
			Example: syncOf(sample.Audit(syncs.TypeFull)),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			audit, err := s.audit(c)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(syncOf(&audit))
		},
	}
}

// audits lists the syncs of the call's clinic, or of all that the caller may see.
func (s *server) audits(c *web.Call, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error) {
	if c.ClinicID == uuid.Nil {
		return s.o.Syncs.AuditsAcross(c.Context(), c.Caller.LimitedTo(), filter)
	}
	return s.o.Syncs.Audits(c.Context(), c.ClinicID, filter)
}

// audit returns the sync that the path names.
func (s *server) audit(c *web.Call) (syncs.Audit, error) {
	id, err := c.PathID()
	if err != nil {
		return syncs.Audit{}, err
	}
	audit, err := s.o.Syncs.Audit(c.Context(), c.ClinicID, id)
	if err == nil {
		c.SyncID = audit.ID
	}
	return audit, err
}

func (s *server) cancelSync() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/syncs/{id}/cancel", ID: "cancelSync", Tag: "Syncs",
		Summary:     "Cancel a sync",
		Description: "Ends a queued sync at once, and a running one as soon as it can stop. What was written stays, and a sync that is over stays as it is. The key needs the scope of the sync's type.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params:      []*huma.Param{web.IDParam("a sync")},
		Body:        web.Nothing{},
		Offers: []web.Offer{
			{Status: http.StatusOK, Description: "The sync is over.", Example: syncOf(sample.Cancelled())},
			{
				Status: http.StatusAccepted, Description: "The sync will stop.", Example: syncOf(sample.Running(syncs.TypeInbound)),
				Headers: map[string]*huma.Header{"Location": web.Header(web.Always, "Where to look: `/api/syncs/{id}`.")},
			},
		},
		Codes: []syncs.Code{
			syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, web.CodeBodyTooLarge,
		},
		Handle: func(c *web.Call) (web.Reply, error) {
			if err := web.ReadBody(c.Request, &web.Nothing{}); err != nil {
				return web.Reply{}, err
			}
			audit, err := s.audit(c)
			if err != nil {
				return web.Reply{}, err
			}
			if err := c.Caller.Check(access.ForSync(audit.Type), c.ClinicID); err != nil {
				return web.Reply{}, err
			}
			err = s.act(c, access.SyncCancel, access.RecordOf("sync", audit.ID), func(ctx context.Context, e *access.Event) error {
				e.Before = access.Values{"status": audit.Status}
				after, err := s.o.Syncs.Cancel(ctx, c.ClinicID, audit.ID, actorOf(c))
				e.After = access.Values{"status": after.Status, "asked": true}
				if err == nil {
					audit = after
				}
				return err
			})
			if err != nil {
				return web.Reply{}, err
			}
			if !audit.Status.Final() {
				return accepted(c, audit), nil
			}
			return web.OK(syncOf(&audit))
		},
	}
}

package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A syncRecord is a sync in an answer (docs/interface.md §Endpoints "A sync in the API").
type syncRecord struct {
	ID          uuid.UUID     `json:"id" format:"uuid"`
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
	CreatedAt   instant       `json:"createdAt"`
	StartedAt   *instant      `json:"startedAt" nullable:"true" doc:"null until a worker took it up."`
	CompletedAt *instant      `json:"completedAt" nullable:"true" doc:"null until it is over."`
	DurationMS  *int64        `json:"durationMs" doc:"How long it worked; null until it is over."`
	Phases      []syncRecord  `json:"phases,omitempty" nullable:"false" doc:"Of a full sync: the phases that ran, in order. Not in lists."`
}

// syncOptions are the options with which a sync was started. Options that were not given
// are absent.
type syncOptions struct {
	StartDate         *day `json:"startDate,omitempty"`
	EndDate           *day `json:"endDate,omitempty"`
	DaysAhead         *int `json:"daysAhead,omitempty"`
	ParallelBatchSize *int `json:"parallelBatchSize,omitempty"`
	LookbackDays      *int `json:"lookbackDays,omitempty"`
	LookaheadDays     *int `json:"lookaheadDays,omitempty"`
	Force             bool `json:"force,omitzero"`
	DryRun            bool `json:"dryRun,omitzero"`
}

func optionsOf(o syncs.Options) syncOptions {
	return syncOptions{
		StartDate: (*day)(o.StartDate), EndDate: (*day)(o.EndDate), DaysAhead: o.DaysAhead,
		LookbackDays: o.LookbackDays, LookaheadDays: o.LookaheadDays,
		ParallelBatchSize: o.ParallelBatchSize, Force: o.Force, DryRun: o.DryRun,
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
		Type:     string(audit.Type),
		Status:   string(audit.Status),
		Trigger:  string(audit.Trigger),
		ParentID: known(audit.ParentID),
		DryRun:   audit.Options.DryRun,
		Options:  optionsOf(audit.Options),
		Stats:    statsOf(audit.Type, audit.Result.Stats),
		Failures: failuresOf(audit.Result.Failures),
		Warnings: warningsOf(audit.Result.Warnings),
		Changes:  changesOf(audit),
		Progress: progress{
			Phase: text(audit.Progress.Phase), Step: text(audit.Progress.Step),
			Done: audit.Progress.Done, Total: audit.Progress.Total,
		},
		Error:       text(errorOf(audit)),
		Code:        text(codeOf(audit)),
		PlanID:      known(audit.Result.PlanID),
		Approval:    known(audit.Approval),
		CreatedAt:   instant(audit.CreatedAt),
		StartedAt:   moment(audit.StartedAt),
		CompletedAt: moment(audit.CompletedAt),
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
	body := syncList{itemsOf(list.Items, syncOf), text(list.NextCursor)}
	for i := range body.Items {
		body.Items[i].Changes = nil
	}
	return body
}

func (s *server) listSyncs() operation {
	return operation{
		method: http.MethodGet, path: "/api/syncs", id: "listSyncs", tag: "Syncs",
		summary:     "List syncs",
		description: "The clinic's syncs, newest first.",
		access:      reading(),
		params: append([]*huma.Param{
			wordParam("type", "Only syncs of this type.", syncs.Types()),
			wordParam("status", "Only syncs in this state.", []syncs.Status{
				syncs.StatusQueued, syncs.StatusInProgress, syncs.StatusCompleted, syncs.StatusFailed, syncs.StatusCancelled,
			}),
		}, pageParams()...),
		offers: []offer{{
			status: http.StatusOK, description: "A page of syncs.",
			example: syncList{Items: []syncRecord{syncOf(sampleAudit(syncs.TypeInbound))}},
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest},
		handle: func(c *call) (reply, error) {
			q := queryOf(c)
			filter := syncs.AuditFilter{
				Type: syncs.Type(q.text("type")), Status: syncs.Status(q.text("status")), Page: q.page(),
			}
			if q.err != nil {
				return reply{}, q.err
			}
			list, err := s.o.Syncs.Audits(c.Context(), c.clinicID, filter)
			if err != nil {
				return reply{}, err
			}
			return ok(syncsOf(list))
		},
	}
}

func (s *server) showSync() operation {
	return operation{
		method: http.MethodGet, path: "/api/syncs/{id}", id: "showSync", tag: "Syncs",
		summary:     "Show a sync",
		description: "The present state of a sync; of a full one with its phases.",
		access:      reading(),
		params:      []*huma.Param{idParam("a sync")},
		offers: []offer{{
			status: http.StatusOK, description: "The sync.",
			example: syncOf(sampleAudit(syncs.TypeFull)),
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		handle: func(c *call) (reply, error) {
			audit, err := s.audit(c)
			if err != nil {
				return reply{}, err
			}
			return ok(syncOf(&audit))
		},
	}
}

// audit returns the sync that the path names.
func (s *server) audit(c *call) (syncs.Audit, error) {
	id, err := c.pathID()
	if err != nil {
		return syncs.Audit{}, err
	}
	audit, err := s.o.Syncs.Audit(c.Context(), c.clinicID, id)
	if err == nil {
		c.syncID = audit.ID
	}
	return audit, err
}

func (s *server) cancelSync() operation {
	return operation{
		method: http.MethodPost, path: "/api/syncs/{id}/cancel", id: "cancelSync", tag: "Syncs",
		summary:     "Cancel a sync",
		description: "Ends a queued sync at once, and a running one as soon as it can stop. What was written stays, and a sync that is over stays as it is. The key needs the scope of the sync's type.",
		access:      reading(),
		params:      []*huma.Param{idParam("a sync")},
		body:        nothing{},
		offers: []offer{
			{status: http.StatusOK, description: "The sync is over.", example: syncOf(sampleCancelled())},
			{
				status: http.StatusAccepted, description: "The sync will stop.", example: syncOf(sampleRunning(syncs.TypeInbound)),
				headers: map[string]*huma.Header{"Location": header(always, "Where to look: `/api/syncs/{id}`.")},
			},
		},
		codes: []syncs.Code{
			syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, codeBodyTooLarge,
		},
		handle: func(c *call) (reply, error) {
			if err := readBody(c.Request, &nothing{}); err != nil {
				return reply{}, err
			}
			audit, err := s.audit(c)
			if err != nil {
				return reply{}, err
			}
			if scope := clinic.SyncScope(audit.Type); !c.key.Allows(scope) {
				return reply{}, forbidden(string(scope))
			}
			audit, err = s.o.Syncs.Cancel(c.Context(), c.clinicID, audit.ID, "key:"+c.key.ID.String())
			if err != nil {
				return reply{}, err
			}
			if !audit.Status.Final() {
				return accepted(audit), nil
			}
			return ok(syncOf(&audit))
		},
	}
}

// nothing is the body of a request whose path says everything.
type nothing struct{}

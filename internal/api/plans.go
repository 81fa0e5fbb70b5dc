package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A planRecord is a plan in an answer (docs/interface.md §Endpoints "A plan").
type planRecord struct {
	ID        uuid.UUID     `json:"id" format:"uuid"`
	ClinicID  uuid.UUID     `json:"clinicId" format:"uuid"`
	SyncID    uuid.UUID     `json:"syncId" format:"uuid" doc:"The sync, or the phase of a full sync, that was stopped."`
	SyncType  string        `json:"syncType" enum:"inbound,cases,reconciliation,full" doc:"The type of what was stopped."`
	Status    string        `json:"status" enum:"open,approved,rejected,expired,superseded"`
	Code      string        `json:"code" enum:"deletion_guard,pims_wrong_practice,schedule_shift_guard,drift_guard" doc:"The guard that stopped it."`
	Reason    string        `json:"reason"`
	Window    window        `json:"window"`
	Cases     []plannedCase `json:"cases" nullable:"false" doc:"The cases that would be soft-deleted."`
	Evidence  evidence      `json:"evidence"`
	CreatedAt web.Instant   `json:"createdAt"`
	ExpiresAt web.Instant   `json:"expiresAt"`
	DecidedAt *web.Instant  `json:"decidedAt" nullable:"true"`
	DecidedBy *string       `json:"decidedBy" doc:"key:<id> or os:<user>."`
	Execution *execution    `json:"execution,omitempty" doc:"The sync that carries out what was approved; left out where nobody approved it."`
}

// An execution is the state of the sync of an approved plan.
type execution struct {
	SyncID uuid.UUID `json:"syncId" format:"uuid"`
	Status string    `json:"status" enum:"queued,in_progress,completed,failed,cancelled" doc:"failed and cancelled: what was approved was not done; the next sync that looks for itself makes a new plan."`
	Code   *string   `json:"code" doc:"How the sync failed."`
}

// A window is a range of the clinic's days, both ends included.
type window struct {
	StartDate web.Day `json:"startDate"`
	EndDate   web.Day `json:"endDate"`
}

type plannedCase struct {
	CaseID        uuid.UUID    `json:"caseId" format:"uuid"`
	PIMSID        string       `json:"pimsId"`
	ScheduledDate *web.Instant `json:"scheduledDate" nullable:"true"`
	Type          *string      `json:"type,omitempty" doc:"The PIMS's word for the type of the visit, else the case's type; not in a list."`
	Room          *string      `json:"room,omitempty" doc:"Where it is to be; not in a list, and left out where it is not known."`
}

// evidence is what the guard found: counts, days and ids (R23).
type evidence struct {
	FetchedAt      *web.Instant   `json:"fetchedAt" nullable:"true" doc:"When the calendar was fetched."`
	Refusal        string         `json:"refusal,omitempty" enum:"unseen,empty_pims,share,half,whole_day" doc:"Which rule of the deletion guard refused; left out of another guard's."`
	Known          int            `json:"known" doc:"Cases of the window that we hold."`
	Found          int            `json:"found" doc:"Appointments of the window in the PIMS."`
	Filtered       int            `json:"filtered,omitzero" doc:"Of found, the appointments that a filter of the clinic keeps from becoming cases."`
	Shared         int            `json:"shared" doc:"Ids that both hold."`
	Candidates     int            `json:"candidates" doc:"Cases that could be deleted at all."`
	Limit          int            `json:"limit" doc:"How many the guard lets pass."`
	Moved          int            `json:"moved" doc:"Appointments that moved."`
	MovedBySeconds int64          `json:"movedBySeconds" doc:"By how much most of them did."`
	Days           map[string]int `json:"days" doc:"Day to the number of missing appointments on it."`
	Lookups        []lookup       `json:"lookups" nullable:"false" doc:"What the PIMS said about each missing appointment."`
	Rereadings     []rereading    `json:"rereadings,omitempty" nullable:"false" doc:"The second readings of the days from which appointments are missing."`
}

// A rereading is a second fetch of days, both ends included.
type rereading struct {
	StartDate web.Day      `json:"startDate"`
	EndDate   web.Day      `json:"endDate"`
	At        *web.Instant `json:"at" nullable:"true"`
	Found     int          `json:"found" doc:"Appointments that it shows."`
	Back      int          `json:"back" doc:"Missing appointments that it shows after all."`
}

type lookup struct {
	PIMSID string       `json:"pimsId"`
	Method string       `json:"method" enum:"by_id,wide_fetch"`
	Found  string       `json:"found" enum:"gone,moved,cancelled,in_window,refused,unusable"`
	At     *web.Instant `json:"at" nullable:"true"`
}

type planList struct {
	Items      []planRecord `json:"items" nullable:"false"`
	NextCursor *string      `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

func planOf(p *syncs.Plan) planRecord {
	cases := make([]plannedCase, len(p.Cases))
	for i, c := range p.Cases {
		cases[i] = plannedCase{c.CaseID, c.PIMSID, web.Moment(c.ScheduledDate), web.Text(c.Kind), web.Text(c.Room)}
	}
	return planRecord{
		ID:        p.ID,
		ClinicID:  p.ClinicID,
		SyncID:    p.SyncID,
		SyncType:  string(p.SyncType),
		Status:    string(p.Status),
		Code:      string(p.Code),
		Reason:    p.Reason,
		Window:    window{web.Day(p.Window.Start), web.Day(p.Window.End)},
		Cases:     cases,
		Evidence:  evidenceOf(&p.Evidence),
		CreatedAt: web.Instant(p.CreatedAt),
		ExpiresAt: web.Instant(p.ExpiresAt),
		DecidedAt: web.Moment(p.DecidedAt),
		DecidedBy: web.Text(p.DecidedBy),
		Execution: executionOf(&p.Execution),
	}
}

func executionOf(e *syncs.Execution) *execution {
	if e.SyncID == uuid.Nil {
		return nil
	}
	return &execution{e.SyncID, string(e.Status), web.Text(e.Code)}
}

func evidenceOf(e *syncs.Evidence) evidence {
	lookups := make([]lookup, len(e.Lookups))
	for i, l := range e.Lookups {
		lookups[i] = lookup{l.PIMSID, l.Method, l.Found, web.Moment(l.At)}
	}
	var rereadings []rereading
	for _, r := range e.Rereadings {
		rereadings = append(rereadings, rereading{web.Day(r.Days.Start), web.Day(r.Days.End), web.Moment(r.At), r.Found, r.Back})
	}
	return evidence{
		FetchedAt:      web.Moment(e.FetchedAt),
		Refusal:        e.Refusal,
		Known:          e.Known,
		Found:          e.Found,
		Filtered:       e.Filtered,
		Shared:         e.Shared,
		Candidates:     e.Candidates,
		Limit:          e.Limit,
		Moved:          e.Moved,
		MovedBySeconds: int64(e.MovedBy.Seconds()),
		Days:           e.Days,
		Lookups:        lookups,
		Rereadings:     rereadings,
	}
}

func (s *server) listPlans() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/plans", ID: "listPlans", Tag: "Plans",
		Summary:     "List plans",
		Description: "What guards held back in the clinic, or in all clinics that the caller may see, newest first.",
		Needs:       access.Read,
		Of:          web.OfCallersClinics,
		Params: append([]*huma.Param{
			web.WordParam("status", "Only plans in this state.", []syncs.PlanStatus{
				syncs.PlanOpen, syncs.PlanApproved, syncs.PlanRejected, syncs.PlanExpired, syncs.PlanSuperseded,
			}),
		}, web.PageParams()...),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of plans.",
			Example: planList{Items: []planRecord{planOf(sample.Plan())}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			filter := syncs.PlanFilter{Status: syncs.PlanStatus(q.Text("status")), Page: q.Page()}
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			list, err := s.plans(c, filter)
			if err != nil {
				return web.Reply{}, err
			}
			body := planList{NextCursor: web.Text(list.NextCursor)}
			for i := range list.Items {
				body.Items = append(body.Items, planOf(&list.Items[i]))
			}
			return web.OK(body)
		},
	}
}

// plans lists the plans of the call's clinic, or of all that the caller may see.
func (s *server) plans(c *web.Call, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error) {
	if c.ClinicID == uuid.Nil {
		return s.o.Plans.PlansAcross(c.Context(), c.Caller.LimitedTo(), filter)
	}
	return s.o.Plans.Plans(c.Context(), c.ClinicID, filter)
}

func (s *server) showPlan() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/plans/{id}", ID: "showPlan", Tag: "Plans",
		Summary:     "Show a plan",
		Description: "What a guard held back, why, and what it saw.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params:      []*huma.Param{web.IDParam("a plan")},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "The plan.",
			Example: planOf(sample.Plan()),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			plan, err := s.o.Plans.Plan(c.Context(), c.ClinicID, id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(planOf(&plan))
		},
	}
}

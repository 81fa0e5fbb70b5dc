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

// planDecision is the answer to an approval or a rejection.
type planDecision struct {
	Success   bool        `json:"success"`
	Plan      planRecord  `json:"plan"`
	SyncID    *uuid.UUID  `json:"syncId,omitempty" format:"uuid" doc:"The sync that does what was approved."`
	Timestamp web.Instant `json:"timestamp"`
}

func (s *server) approvePlan() web.Operation {
	approved := sample.Plan()
	approved.Status, approved.DecidedAt, approved.DecidedBy = syncs.PlanApproved, sample.Time, "key:"+sample.CaseID.String()
	return web.Operation{
		Method: http.MethodPost, Path: "/api/plans/{id}/approve", ID: "approvePlan", Tag: "Plans",
		Summary: "Approve a plan",
		Description: "Starts the sync that does what the guard held back, within 24 hours of the plan. It works on the plan's own days with this one guard lifted; " +
			"every other rule holds. Of a deletion plan it deletes only what the plan names, looks each of them up again, and deletes only what is still missing.",
		Needs:  access.Approve,
		Of:     web.OfKeysClinic,
		Params: []*huma.Param{web.IDParam("a plan")},
		Body:   web.Nothing{},
		Offers: []web.Offer{{
			Status: http.StatusAccepted, Description: "The plan is approved and its sync is on its way.",
			Example: planDecision{Success: true, Plan: planOf(approved), SyncID: &sample.SyncID, Timestamp: web.Instant(sample.Time)},
			Headers: map[string]*huma.Header{"Location": web.Header(web.Always, "The sync: `/api/syncs/{id}`.")},
		}},
		Codes: []syncs.Code{
			syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, syncs.CodeSyncRunning, web.CodeBodyTooLarge,
			syncs.CodeCredentialsMissing, syncs.CodeCredentialsInvalid, syncs.CodeCredentialsSuspended, syncs.CodeTimezoneMissing,
			syncs.CodeDraining,
		},
		Handle: func(c *web.Call) (web.Reply, error) {
			return s.decide(c, &web.Nothing{}, func(id uuid.UUID) (web.Reply, error) {
				audit, err := s.o.Fleet.Service.ApprovePlan(c.Context(), c.By(), c.ClinicID, id, syncs.TriggerAPI)
				if err != nil {
					return web.Reply{}, err
				}
				c.SyncID = audit.ID
				return web.Reply{
					Status: http.StatusAccepted,
					Header: http.Header{"Location": {syncPath(c, audit.ID)}},
					Body:   planDecision{SyncID: &audit.ID},
				}, nil
			})
		},
	}
}

// A rejection is the body of a rejection.
type rejection struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why; it stands in the record of actions. Name no patient and no client."`
}

func (s *server) rejectPlan() web.Operation {
	rejected := sample.Plan()
	rejected.Status, rejected.DecidedAt, rejected.DecidedBy = syncs.PlanRejected, sample.Time, "key:"+sample.CaseID.String()
	return web.Operation{
		Method: http.MethodPost, Path: "/api/plans/{id}/reject", ID: "rejectPlan", Tag: "Plans",
		Summary:     "Reject a plan",
		Description: "Closes the plan; nothing is deleted. The next run of the sync looks for itself.",
		Needs:       access.Approve,
		Of:          web.OfKeysClinic,
		Params:      []*huma.Param{web.IDParam("a plan")},
		Body:        rejection{Reason: "The practice is moving to another system this week."},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "The plan is rejected.",
			Example: planDecision{Success: true, Plan: planOf(rejected), Timestamp: web.Instant(sample.Time)},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body rejection
			return s.decide(c, &body, func(id uuid.UUID) (web.Reply, error) {
				err := s.o.Fleet.Service.RejectPlan(c.Context(), c.By(), c.ClinicID, id, body.Reason)
				return web.Reply{Status: http.StatusOK, Body: planDecision{}}, err
			})
		},
	}
}

// decide reads the body and applies a decision to the plan that the path names, and returns the plan after it.
func (s *server) decide(c *web.Call, body any, decision func(uuid.UUID) (web.Reply, error)) (web.Reply, error) {
	if err := web.ReadBody(c.Request, body); err != nil {
		return web.Reply{}, err
	}
	id, err := c.PathID()
	if err != nil {
		return web.Reply{}, err
	}
	answer, err := decision(id)
	if err != nil {
		return web.Reply{}, err
	}
	plan, err := s.o.Plans.Plan(c.Context(), c.ClinicID, id)
	if err != nil {
		return web.Reply{}, err
	}
	decided, _ := answer.Body.(planDecision)
	decided.Success, decided.Plan, decided.Timestamp = true, planOf(&plan), web.Instant(s.o.Now())
	answer.Body = decided
	return answer, nil
}

// act runs an action of a call and records it, in one transaction (R44). do must wait for
// nothing but the database.
func (s *server) act(c *web.Call, action access.Action, record access.Record, do func(context.Context, *access.Event) error) error {
	by := c.By()
	return s.o.Record.Act(c.Context(), by.Event(action, c.ClinicID, record), do)
}

// actorOf returns the actor in whose name a call changes things (R14).
func actorOf(c *web.Call) string { return c.Caller.Actor() }

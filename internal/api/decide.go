package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// planDecision is the answer to an approval or a rejection.
type planDecision struct {
	Success   bool       `json:"success"`
	Plan      planRecord `json:"plan"`
	SyncID    *uuid.UUID `json:"syncId,omitempty" format:"uuid" doc:"The sync that does what was approved."`
	Timestamp instant    `json:"timestamp"`
}

func (s *server) approvePlan() operation {
	approved := samplePlan()
	approved.Status, approved.DecidedAt, approved.DecidedBy = syncs.PlanApproved, sampleTime, "key:"+sampleCaseID.String()
	return operation{
		method: http.MethodPost, path: "/api/plans/{id}/approve", id: "approvePlan", tag: "Plans",
		summary: "Approve a plan",
		description: "Starts the sync that does what the guard held back, within 24 hours of the plan. It works on the plan's own days with this one guard lifted; " +
			"every other rule holds. Of a deletion plan it deletes only what the plan names, looks each of them up again, and deletes only what is still missing.",
		access: scoped(clinic.ScopeApprove),
		params: []*huma.Param{idParam("a plan")},
		body:   nothing{},
		offers: []offer{{
			status: http.StatusAccepted, description: "The plan is approved and its sync is on its way.",
			example: planDecision{Success: true, Plan: planOf(approved), SyncID: &sampleSyncID, Timestamp: instant(sampleTime)},
			headers: map[string]*huma.Header{"Location": header(always, "The sync: `/api/syncs/{id}`.")},
		}},
		codes: []syncs.Code{
			syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, syncs.CodeSyncRunning, codeBodyTooLarge,
			syncs.CodeCredentialsMissing, syncs.CodeCredentialsInvalid, syncs.CodeCredentialsSuspended, syncs.CodeTimezoneMissing,
			syncs.CodeDraining,
		},
		handle: func(c *call) (reply, error) {
			return s.decide(c, func(id uuid.UUID) (reply, error) {
				audit, err := s.o.Decisions.Approve(c.Context(), c.clinicID, id, syncs.TriggerAPI, actorOf(c))
				if err != nil {
					return reply{}, err
				}
				c.syncID = audit.ID
				return reply{
					status: http.StatusAccepted,
					header: http.Header{"Location": {syncPath(audit.ID)}},
					body:   planDecision{SyncID: &audit.ID},
				}, nil
			})
		},
	}
}

func (s *server) rejectPlan() operation {
	rejected := samplePlan()
	rejected.Status, rejected.DecidedAt, rejected.DecidedBy = syncs.PlanRejected, sampleTime, "key:"+sampleCaseID.String()
	return operation{
		method: http.MethodPost, path: "/api/plans/{id}/reject", id: "rejectPlan", tag: "Plans",
		summary:     "Reject a plan",
		description: "Closes the plan; nothing is deleted. The next run of the sync looks for itself.",
		access:      scoped(clinic.ScopeApprove),
		params:      []*huma.Param{idParam("a plan")},
		body:        nothing{},
		offers: []offer{{
			status: http.StatusOK, description: "The plan is rejected.",
			example: planDecision{Success: true, Plan: planOf(rejected), Timestamp: instant(sampleTime)},
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, codeBodyTooLarge},
		handle: func(c *call) (reply, error) {
			return s.decide(c, func(id uuid.UUID) (reply, error) {
				err := s.o.Decisions.Reject(c.Context(), c.clinicID, id, actorOf(c))
				return reply{status: http.StatusOK, body: planDecision{}}, err
			})
		},
	}
}

// decide applies a decision to the plan that the path names, and returns the plan after it.
func (s *server) decide(c *call, decision func(uuid.UUID) (reply, error)) (reply, error) {
	if err := readBody(c.Request, &nothing{}); err != nil {
		return reply{}, err
	}
	id, err := c.pathID()
	if err != nil {
		return reply{}, err
	}
	answer, err := decision(id)
	if err != nil {
		return reply{}, err
	}
	plan, err := s.o.Plans.Plan(c.Context(), c.clinicID, id)
	if err != nil {
		return reply{}, err
	}
	body, _ := answer.body.(planDecision)
	body.Success, body.Plan, body.Timestamp = true, planOf(&plan), instant(s.o.Now())
	answer.body = body
	return answer, nil
}

// actorOf returns the actor in whose name a call changes things (R14).
func actorOf(c *call) string { return "key:" + c.key.ID.String() }

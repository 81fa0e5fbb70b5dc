package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An eventRecord is one change of a case (R14).
type eventRecord struct {
	CaseID uuid.UUID `json:"caseId" format:"uuid"`
	At     instant   `json:"at"`
	Actor  string    `json:"actor" doc:"sync:<id>, key:<id>, os:<user> or person." example:"sync:0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01"`
	Who    string    `json:"who" doc:"The actor in plain words."`
	Action string    `json:"action" enum:"created,changed,removed"`
	Field  *string   `json:"field" doc:"A column, or metadata.<key>; null unless changed."`
	Before anything  `json:"before" doc:"The value before; null where there was none."`
	After  anything  `json:"after" doc:"The value after; null where there is none."`
	Text   []string  `json:"text" nullable:"false" doc:"What changed, in plain words, with times in the clinic's zone."`
}

type eventList struct {
	Items      []eventRecord `json:"items" nullable:"false"`
	NextCursor *string       `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

// eventIn formats events for a reader in a zone.
func eventIn(loc *time.Location) func(*casesync.Event) eventRecord {
	return func(e *casesync.Event) eventRecord {
		return eventRecord{
			CaseID: e.CaseID, At: instant(e.At), Actor: e.Actor, Who: e.Who(), Action: e.Action, Field: text(e.Field),
			Before: e.Before, After: e.After, Text: e.Tell(loc),
		}
	}
}

// anything is a JSON value as it is stored; nil is null.
type anything jsontext.Value

// MarshalJSONTo writes the value as it is.
func (a anything) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(a) == 0 {
		return enc.WriteToken(jsontext.Null)
	}
	return enc.WriteValue(jsontext.Value(a))
}

// Schema describes a value of any type.
func (anything) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

func (s *server) caseHistory() operation {
	return operation{
		method: http.MethodGet, path: "/api/cases/{id}/history", id: "showCaseHistory", tag: "Cases",
		summary:     "Show a case's history",
		description: "Every change of the case, by whomever, the oldest first: what, when, by which sync or person, from what to what.",
		access:      reading(),
		params:      append([]*huma.Param{idParam("a case")}, pageParams()...),
		offers: []offer{{
			status: http.StatusOK, description: "A page of events.",
			example: eventList{Items: []eventRecord{eventIn(time.UTC)(sampleEvent())}},
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		handle: func(c *call) (reply, error) {
			id, err := c.pathID()
			if err != nil {
				return reply{}, err
			}
			q := queryOf(c)
			page := q.page()
			if q.err != nil {
				return reply{}, q.err
			}
			list, err := s.o.Cases.History(c.Context(), c.clinicID, id, page)
			if err != nil {
				return reply{}, err
			}
			loc, err := s.zone(c)
			if err != nil {
				return reply{}, err
			}
			return ok(eventList{itemsOf(list.Items, eventIn(loc)), text(list.NextCursor)})
		},
	}
}

// zone returns the clinic's zone, for texts that people read, or UTC where it has none.
func (s *server) zone(c *call) (*time.Location, error) {
	owner, err := s.o.Clinics.Clinic(c.Context(), c.clinicID)
	if err != nil {
		return nil, err
	}
	loc, err := owner.Location()
	if err != nil {
		return time.UTC, nil //nolint:nilerr // a history is worth more than its zone
	}
	return loc, nil
}

// restoreResult is the answer to a restore by sync.
type restoreResult struct {
	Success   bool             `json:"success" doc:"Whether none was refused."`
	Restored  []uuid.UUID      `json:"restored" nullable:"false" format:"uuid"`
	Refused   []refusedRestore `json:"refused" nullable:"false" doc:"Cases that somebody changed since; they stay as they are."`
	Timestamp instant          `json:"timestamp"`
}

type refusedRestore struct {
	CaseID uuid.UUID `json:"caseId" format:"uuid"`
	Error  string    `json:"error"`
}

func (s *server) restoreCase() operation {
	return operation{
		method: http.MethodPost, path: "/api/cases/{id}/restore", id: "restoreCase", tag: "Cases",
		summary: "Undo a soft delete",
		description: "Puts back by value what the soft delete changed. A case that is not soft-deleted stays as it is; one that somebody changed since is refused, " +
			"with what they changed. Until its appointment has been seen in the PIMS again, the case is not deleted again.",
		access: scoped(clinic.ScopeRestore),
		params: []*huma.Param{idParam("a case")},
		body:   nothing{},
		offers: []offer{{status: http.StatusOK, description: "The case.", example: caseOf(sampleRecord())}},
		codes:  []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, codeBodyTooLarge},
		handle: func(c *call) (reply, error) {
			id, restorations, err := s.restore(c, func(id uuid.UUID) ([]uuid.UUID, error) { return []uuid.UUID{id}, nil })
			if err != nil {
				return reply{}, err
			}
			if len(restorations) == 0 {
				return reply{}, errNotFound()
			}
			if err := restorations[0].Refusal(); err != nil {
				return reply{}, err
			}
			record, err := s.o.Cases.Case(c.Context(), c.clinicID, id)
			if err != nil {
				return reply{}, err
			}
			return ok(caseOf(&record))
		},
	}
}

func (s *server) restoreSync() operation {
	return operation{
		method: http.MethodPost, path: "/api/syncs/{id}/restore", id: "restoreSync", tag: "Syncs",
		summary:     "Undo a sync's soft deletes",
		description: "Restores every case that the sync soft-deleted and that is so still. Cases that somebody changed since are refused one by one.",
		access:      scoped(clinic.ScopeRestore),
		params:      []*huma.Param{idParam("a sync")},
		body:        nothing{},
		offers: []offer{{
			status: http.StatusOK, description: "What was restored and what was not.",
			example: restoreResult{Success: true, Restored: []uuid.UUID{sampleCaseID}, Refused: []refusedRestore{}, Timestamp: instant(sampleTime)},
		}},
		codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, codeBodyTooLarge},
		handle: func(c *call) (reply, error) {
			_, restorations, err := s.restore(c, func(id uuid.UUID) ([]uuid.UUID, error) {
				audit, err := s.o.Syncs.Audit(c.Context(), c.clinicID, id)
				if err != nil {
					return nil, err
				}
				c.syncID = audit.ID
				return s.o.Restores.DeletedBy(c.Context(), c.clinicID, audit.ID)
			})
			if err != nil {
				return reply{}, err
			}
			return ok(restoredOf(restorations, s.o.Now()))
		},
	}
}

// restore restores the cases that which finds.
func (s *server) restore(c *call, which func(uuid.UUID) ([]uuid.UUID, error)) (uuid.UUID, []casesync.Restoration, error) {
	if err := readBody(c.Request, &nothing{}); err != nil {
		return uuid.Nil, nil, err
	}
	id, err := c.pathID()
	if err != nil {
		return uuid.Nil, nil, err
	}
	ids, err := which(id)
	if err != nil {
		return uuid.Nil, nil, err
	}
	restorations, err := s.o.Restores.Restore(c.Context(), c.clinicID, ids, actorOf(c), s.o.Now())
	return id, restorations, err
}

func restoredOf(restorations []casesync.Restoration, at time.Time) restoreResult {
	body := restoreResult{Success: true, Restored: []uuid.UUID{}, Refused: []refusedRestore{}, Timestamp: instant(at)}
	for i := range restorations {
		r := &restorations[i]
		if err := r.Refusal(); err != nil {
			body.Success = false
			body.Refused = append(body.Refused, refusedRestore{r.CaseID, err.Error()})
		} else if r.Outcome == casesync.RestoreDone {
			body.Restored = append(body.Restored, r.CaseID)
		}
	}
	return body
}

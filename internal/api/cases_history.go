package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// An eventRecord is one change of a case (R14).
type eventRecord struct {
	CaseID uuid.UUID    `json:"caseId" format:"uuid"`
	At     web.Instant  `json:"at"`
	Actor  string       `json:"actor" doc:"sync:<id>, key:<id>, os:<user> or person." example:"sync:0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01"`
	Who    string       `json:"who" doc:"The actor in plain words."`
	Action string       `json:"action" enum:"created,changed,removed"`
	Field  *string      `json:"field" doc:"A column, or metadata.<key>; null unless changed."`
	Before web.Anything `json:"before" doc:"The value before; null where there was none."`
	After  web.Anything `json:"after" doc:"The value after; null where there is none."`
	Text   []string     `json:"text" nullable:"false" doc:"What changed, in plain words, with times in the clinic's zone."`
}

type eventList struct {
	Items      []eventRecord `json:"items" nullable:"false"`
	NextCursor *string       `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

// eventIn formats events for a reader in a zone.
func eventIn(loc *time.Location) func(*cases.Event) eventRecord {
	return func(e *cases.Event) eventRecord {
		return eventRecord{
			CaseID: e.CaseID, At: web.Instant(e.At), Actor: e.Actor, Who: e.Who(), Action: e.Action, Field: web.Text(e.Field),
			Before: e.Before, After: e.After, Text: e.Tell(loc),
		}
	}
}

func (s *server) caseHistory() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/cases/{id}/history", ID: "showCaseHistory", Tag: "Cases",
		Summary:     "Show a case's history",
		Description: "Every change of the case, by whomever, the oldest first: what, when, by which sync or person, from what to what.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params:      append([]*huma.Param{web.IDParam("a case")}, web.PageParams()...),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of events.",
			Example: eventList{Items: []eventRecord{eventIn(time.UTC)(sample.Event())}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			q := web.QueryOf(c)
			page := q.Page()
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			list, err := s.o.Cases.History(c.Context(), c.ClinicID, id, page)
			if err != nil {
				return web.Reply{}, err
			}
			loc, err := s.zone(c)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(eventList{web.Items(list.Items, eventIn(loc)), web.Text(list.NextCursor)})
		},
	}
}

// zone returns the clinic's zone, for texts that people read, or UTC where it has none.
func (s *server) zone(c *web.Call) (*time.Location, error) {
	owner, err := s.o.Clinics.Clinic(c.Context(), c.ClinicID)
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
	Timestamp web.Instant      `json:"timestamp"`
}

type refusedRestore struct {
	CaseID uuid.UUID `json:"caseId" format:"uuid"`
	Error  string    `json:"error"`
}

func (s *server) restoreCase() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/cases/{id}/restore", ID: "restoreCase", Tag: "Cases",
		Summary: "Undo a soft delete",
		Description: "Puts back by value what the soft delete changed. A case that is not soft-deleted stays as it is; one that somebody changed since is refused, " +
			"with what they changed. Until its appointment has been seen in the PIMS again, the case is not deleted again.",
		Needs:  access.Restore,
		Of:     web.OfKeysClinic,
		Params: []*huma.Param{web.IDParam("a case")},
		Body:   web.Nothing{},
		Offers: []web.Offer{{Status: http.StatusOK, Description: "The case.", Example: caseOf(sample.Record())}},
		Codes:  []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, syncs.CodeAlreadyDecided, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := restoreOf(c)
			if err != nil {
				return web.Reply{}, err
			}
			if _, err := s.o.Fleet.Service.RestoreCase(c.Context(), c.By(), c.ClinicID, id); err != nil {
				return web.Reply{}, err
			}
			record, err := s.o.Cases.Case(c.Context(), c.ClinicID, id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(caseOf(&record))
		},
	}
}

func (s *server) restoreSync() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/syncs/{id}/restore", ID: "restoreSync", Tag: "Syncs",
		Summary:     "Undo a sync's soft deletes",
		Description: "Restores every case that the sync soft-deleted and that is so still. Cases that somebody changed since are refused one by one.",
		Needs:       access.Restore,
		Of:          web.OfKeysClinic,
		Params:      []*huma.Param{web.IDParam("a sync")},
		Body:        web.Nothing{},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "What was restored and what was not.",
			Example: restoreResult{Success: true, Restored: []uuid.UUID{sample.CaseID}, Refused: []refusedRestore{}, Timestamp: web.Instant(sample.Time)},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := restoreOf(c)
			if err != nil {
				return web.Reply{}, err
			}
			audit, err := s.o.Syncs.Audit(c.Context(), c.ClinicID, id)
			if err != nil {
				return web.Reply{}, err
			}
			c.SyncID = audit.ID
			restorations, err := s.o.Fleet.Service.RestoreSync(c.Context(), c.By(), c.ClinicID, audit.ID)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(restoredOf(restorations, s.o.Now()))
		},
	}
}

// restoreOf reads a call that restores: the id of its path.
func restoreOf(c *web.Call) (uuid.UUID, error) {
	if err := web.ReadBody(c.Request, &web.Nothing{}); err != nil {
		return uuid.Nil, err
	}
	return c.PathID()
}

func restoredOf(restorations []cases.Restoration, at time.Time) restoreResult {
	body := restoreResult{Success: true, Restored: []uuid.UUID{}, Refused: []refusedRestore{}, Timestamp: web.Instant(at)}
	for i := range restorations {
		r := &restorations[i]
		if err := r.Refusal(); err != nil {
			body.Success = false
			body.Refused = append(body.Refused, refusedRestore{r.CaseID, err.Error()})
		} else if r.Outcome == cases.RestoreDone {
			body.Restored = append(body.Restored, r.CaseID)
		}
	}
	return body
}

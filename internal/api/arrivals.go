package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Arrivals reads what arrived in the change feed, for those who watch it (R46).
type Arrivals interface {
	Recent(ctx context.Context, filter feed.HappeningFilter) (syncs.List[feed.Happening], error)
}

// An arrival is one position of the change feed.
type arrival struct {
	Type      string          `json:"type" doc:"As for webhooks."`
	ClinicID  *uuid.UUID      `json:"clinicId" format:"uuid" nullable:"true" doc:"Null: of the installation."`
	At        web.Instant     `json:"at" doc:"When it happened."`
	ArrivedAt web.Instant     `json:"arrivedAt" doc:"When it got its place in the feed."`
	Data      object          `json:"data" doc:"What a webhook of this type says (docs/events.md); empty for case.changed."`
	Changes   *arrivedChanges `json:"changes,omitempty" doc:"Of case.changed: what one transaction did to cases. Left out where the history was removed."`
}

type arrivedChanges struct {
	Actor    string      `json:"actor" doc:"Who did it, such as sync:<id> or person:<id>."`
	Created  int         `json:"created"`
	Changed  int         `json:"changed"`
	Deleted  int         `json:"deleted"`
	Restored int         `json:"restored"`
	Removed  int         `json:"removed"`
	Fields   []string    `json:"fields" nullable:"false" doc:"Of the changed cases, without values."`
	Cases    []uuid.UUID `json:"cases" nullable:"false" doc:"The first three."`
}

type arrivalList struct {
	Items      []arrival `json:"items" nullable:"false"`
	NextCursor *string   `json:"nextCursor"`
}

func arrivalOf(h *feed.Happening) arrival {
	record := arrival{Type: h.Type, ClinicID: web.Known(h.ClinicID), At: web.Instant(h.At), ArrivedAt: web.Instant(h.ArrivedAt), Data: object(h.Data)}
	if c := h.Changes; c != nil {
		record.Changes = &arrivedChanges{
			Actor: c.Actor, Created: c.Created, Changed: c.Changed, Deleted: c.Deleted, Restored: c.Restored, Removed: c.Removed,
			Fields: append([]string{}, c.Fields...), Cases: append([]uuid.UUID{}, c.Cases...),
		}
	}
	return record
}

func (s *server) listEvents() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/events", ID: "listEvents", Tag: "Cases",
		Summary: "List what happened lately",
		Description: "What arrived in the change feed, the latest first, for those who watch: changes of cases, syncs that ended, plans, states of clinics, changed forms, unusual counts. " +
			"Of the clinic, or of all clinics that the caller may see. It has ids, codes and counts, and no value. A type is looked for among the last 100,000 events of the installation. " +
			"Programs that must miss nothing follow the change feed or a webhook.",
		Needs:  access.Read,
		Of:     web.OfCallersClinics,
		Params: append([]*huma.Param{web.WordParam("type", "Only events of this type.", feed.Types())}, web.PageParams()...),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of events.",
			Example: arrivalList{Items: []arrival{arrivalOf(sample.Arrival())}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			filter := feed.HappeningFilter{Clinics: c.Caller.LimitedTo(), Type: q.Text("type"), Page: q.Page()}
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			if c.ClinicID != uuid.Nil {
				filter.Clinics = []uuid.UUID{c.ClinicID}
			}
			list, err := s.o.Arrivals.Recent(c.Context(), filter)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(arrivalList{web.Items(list.Items, arrivalOf), web.Text(list.NextCursor)})
		},
	}
}

package fleetapi

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// operatorEvent is the record of an action (R44).
type operatorEvent struct {
	ID       int64          `json:"id"`
	At       web.Instant    `json:"at"`
	Who      operator       `json:"who"`
	Origin   string         `json:"origin" doc:"A network address, or \"command line\"."`
	Action   access.Action  `json:"action"`
	ClinicID *uuid.UUID     `json:"clinicId" format:"uuid" nullable:"true" doc:"Null: the action was on the installation."`
	Record   *actedOn       `json:"record,omitempty" doc:"What was acted on; left out: the clinic or the installation itself."`
	Before   access.Values  `json:"before" doc:"Empty where the action did not replace anything."`
	After    access.Values  `json:"after" doc:"Empty where nothing was stored."`
	Outcome  access.Outcome `json:"outcome" enum:"done,failed"`
	Code     *string        `json:"code" doc:"Why it failed."`
}

type operator struct {
	Kind access.Kind `json:"kind" enum:"person,fleet_key,clinic_key,os_user"`
	ID   *uuid.UUID  `json:"id" format:"uuid" nullable:"true" doc:"Null for a user of the operating system."`
	Name string      `json:"name"`
}

type actedOn struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

type operatorEventList struct {
	Items      []operatorEvent `json:"items"`
	NextCursor *string         `json:"nextCursor"`
}

func operatorEventOf(e *access.Event) operatorEvent {
	record := operatorEvent{
		ID: e.ID, At: web.Instant(e.At), Who: operator{Kind: e.Who.Kind, ID: web.Known(e.Who.ID), Name: e.Who.Name}, Origin: e.Origin,
		Action: e.Action, ClinicID: web.Known(e.ClinicID), Before: e.Before, After: e.After, Outcome: e.Outcome, Code: web.Text(e.Code),
	}
	if e.Record != (access.Record{}) {
		record.Record = &actedOn{e.Record.Kind, e.Record.ID}
	}
	return record
}

// OperatorEventsDocument returns a list of actions (R44).
func OperatorEventsDocument(list syncs.List[access.Event]) (json.RawMessage, error) {
	return web.Encode(operatorEventList{web.Items(list.Items, operatorEventOf), web.Text(list.NextCursor)})
}

func (o *Options) listOperatorEvents() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/operator-events", ID: "listOperatorEvents", Tag: TagFleet,
		Summary:     "List what was done",
		Description: "What people, keys and the command line did, newest first: who, from where, what, before and after. A caller that is limited to some clinics sees the actions on these.",
		Needs:       access.ChangeClinics,
		Of:          web.OfInstallation,
		Params:      append([]*huma.Param{web.InstantParam("since", "Only actions at or after this moment.")}, web.PageParams()...),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of actions.",
			Example: operatorEventList{Items: []operatorEvent{operatorEventOf(sample.OperatorEvent())}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			filter := access.Filter{Clinics: c.Caller.LimitedTo(), Since: q.Instant("since"), Page: q.Page()}
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			list, err := o.Events.Events(c.Context(), filter)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(operatorEventList{web.Items(list.Items, operatorEventOf), web.Text(list.NextCursor)})
		},
	}
}

package fleetapi

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

type clinicList struct {
	Items      []ClinicRecord `json:"items" nullable:"false"`
	NextCursor *string        `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

// clinicRequest is the body of POST /api/clinics.
type clinicRequest struct {
	Name           string `json:"name" maxLength:"200" example:"Harbor Lights Animal Clinic"`
	Timezone       string `json:"timezone" doc:"IANA. All dates of the clinic are in this zone." example:"America/New_York"`
	AllowDuplicate bool   `json:"allowDuplicate,omitzero" doc:"Add it even if another clinic has this name."`
}

// clinicChange is the body of PATCH /api/clinics/{clinicId}.
type clinicChange struct {
	Name           *string         `json:"name,omitempty" maxLength:"200" example:"Harbour Lights"`
	Timezone       *string         `json:"timezone,omitempty" doc:"IANA."`
	Active         *bool           `json:"active,omitempty" doc:"false stops its syncs; nothing is deleted."`
	DeletionLimits *deletionLimits `json:"deletionLimits,omitempty" doc:"Of the deletion guard. All three are replaced."`
}

// deletionLimits are a clinic's own limits of the deletion guard; 0 is the default, and so is
// null in a request.
type deletionLimits struct {
	MaxCases   int     `json:"maxCases,omitempty" nullable:"true" minimum:"0" maximum:"1000" doc:"How many deletions pass at most. Default: 100."`
	MinAllowed int     `json:"minAllowed,omitempty" nullable:"true" minimum:"0" maximum:"1000" doc:"How many always pass. Default: 5."`
	Share      float64 `json:"share,omitempty" nullable:"true" minimum:"0" maximum:"0.5" doc:"Which share of the candidates passes. Default: 0.1."`
}

func (c *clinicChange) change() fleet.ClinicChange {
	change := fleet.ClinicChange{Name: c.Name, Timezone: c.Timezone, Active: c.Active}
	if c.DeletionLimits != nil {
		change.Limits = new(clinic.DeletionLimits(*c.DeletionLimits))
	}
	return change
}

// The orders of a list of clinics.
const (
	sortName     = "name"
	sortState    = "state"
	sortSince    = "since"
	sortDataAsOf = "dataAsOf"
)

var clinicSorts = []string{sortName, sortState, sortSince, sortDataAsOf}

func (o *Options) listClinics() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics", ID: "listClinics", Tag: TagFleet,
		Summary:     "List clinics",
		Description: "The clinics that the caller may see, each with its state.",
		Needs:       access.ReadClinics,
		Of:          web.OfInstallation,
		Params: append([]*huma.Param{
			web.WordParam("state", "Only clinics in this state.", scheduler.ClinicStates()),
			web.TextParam("q", "Only clinics whose name has this text, in any letter case, or whose id begins with it.", 200, "harbor"),
			web.WordParam("sort", "name, as without it; state: what needs somebody first; since: the longest in their state first; dataAsOf: the oldest data first.", clinicSorts),
		}, web.PageParams()...),
		Offers: []web.Offer{{Status: http.StatusOK, Description: "A page of clinics.", Example: clinicList{Items: []ClinicRecord{ClinicOf(sample.Condition())}}}},
		Codes:  []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			page := q.Page()
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			all, err := o.Conditions.Conditions(c.Context())
			if err != nil {
				return web.Reply{}, err
			}
			all = slices.DeleteFunc(all, func(x scheduler.Condition) bool {
				return !c.Caller.Sees(x.Clinic.ID) || !named(&x, q.Text("q")) || q.Text("state") != "" && string(x.Verdict().State) != q.Text("state")
			})
			return web.OK(clinicPage(all, q.Text("sort"), page))
		},
	}
}

// named reports whether a clinic's name has a text, or its id begins with it.
func named(x *scheduler.Condition, text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return strings.Contains(strings.ToLower(x.Clinic.Name), text) || strings.HasPrefix(x.Clinic.ID.String(), text)
}

// clinicPage sorts clinics and returns a page of them. Its cursor is the place of the last
// clinic in the order.
func clinicPage(all []scheduler.Condition, order string, page syncs.Page) clinicList {
	place := func(x *scheduler.Condition) string { return clinicPlace(x, order) + "\x00" + x.Clinic.ID.String() }
	slices.SortFunc(all, func(a, b scheduler.Condition) int { return cmp.Compare(place(&a), place(&b)) })
	if page.Cursor != "" {
		begin, _ := slices.BinarySearchFunc(all, page.Cursor+"\x01", func(x scheduler.Condition, at string) int { return cmp.Compare(place(&x), at) })
		all = all[begin:]
	}
	body := clinicList{}
	if len(all) > page.Limit {
		all = all[:page.Limit]
		body.NextCursor = new(place(&all[page.Limit-1]))
	}
	body.Items = web.Items(all, ClinicOf)
	return body
}

// clinicPlace returns a text by which clinics are in an order.
func clinicPlace(x *scheduler.Condition, order string) string {
	instant := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }
	switch v := x.Verdict(); order {
	case sortState:
		return fmt.Sprintf("%02d", slices.Index(worstFirst, v.State)) + strings.ToLower(x.Clinic.Name)
	case sortSince:
		return instant(v.Since)
	case sortDataAsOf:
		return instant(x.DataAsOf())
	default:
		return strings.ToLower(x.Clinic.Name)
	}
}

// worstFirst is the order of the states by who has to do something.
var worstFirst = []scheduler.ClinicState{
	scheduler.ClinicLoginRefused, scheduler.ClinicFailing, scheduler.ClinicStale, scheduler.ClinicWaiting,
	scheduler.ClinicNeverSynced, scheduler.ClinicOK, scheduler.ClinicOff,
}

func (o *Options) addClinic() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/clinics", ID: "addClinic", Tag: TagFleet,
		Summary:     "Add a clinic",
		Description: "A clinic with the standard schedules. It is synced when it has credentials.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Body:        clinicRequest{Name: "Harbor Lights Animal Clinic", Timezone: "America/New_York"},
		Offers: []web.Offer{{
			Status: http.StatusCreated, Description: "The clinic.", Example: ClinicOf(sample.Condition()),
			Headers: map[string]*huma.Header{"Location": web.Header(web.Always, "The clinic: `/api/clinics/{clinicId}`.")},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body clinicRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			added, err := o.Service.AddClinic(c.Context(), c.By(), clinic.Clinic{Name: body.Name, Timezone: body.Timezone}, body.AllowDuplicate)
			if err != nil {
				return web.Reply{}, err
			}
			c.ClinicID = added.ID
			reply, err := o.clinicReply(c)
			reply.Status, reply.Header = http.StatusCreated, http.Header{"Location": {"/api/clinics/" + added.ID.String()}}
			return reply, err
		},
	}
}

func (o *Options) showClinic() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}", ID: "showClinic", Tag: TagOneClinic,
		Summary:     "Show a clinic",
		Description: "The clinic, its state and since when it has it, and each phase.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The clinic.", Example: ClinicOf(sample.Condition())}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle:      o.clinicReply,
	}
}

// clinicReply returns the call's clinic.
func (o *Options) clinicReply(c *web.Call) (web.Reply, error) {
	condition, err := o.Conditions.Condition(c.Context(), c.ClinicID)
	if err != nil {
		return web.Reply{}, err
	}
	return web.OK(ClinicOf(&condition))
}

func (o *Options) changeClinic() web.Operation {
	return web.Operation{
		Method: http.MethodPatch, Path: "/api/clinics/{clinicId}", ID: "changeClinic", Tag: TagOneClinic,
		Summary:     "Change a clinic",
		Description: "Changes what the body names: its name, its time zone, whether it is synced, its limits of the deletion guard.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        clinicChange{Name: new("Harbour Lights")},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The clinic.", Example: ClinicOf(sample.Condition())}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body clinicChange
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			if _, err := o.Service.SetClinic(c.Context(), c.By(), c.ClinicID, body.change()); err != nil {
				return web.Reply{}, err
			}
			return o.clinicReply(c)
		},
	}
}

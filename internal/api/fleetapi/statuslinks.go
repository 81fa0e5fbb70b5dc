package fleetapi

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A statusLink is a link to a practice's page in a response (R61).
type statusLink struct {
	ID         uuid.UUID    `json:"id" format:"uuid"`
	ClinicID   uuid.UUID    `json:"clinicId" format:"uuid"`
	Name       string       `json:"name" doc:"Whom it is for."`
	Link       string       `json:"link,omitempty" doc:"The link itself. Only in the response that creates it; it is not stored. With .json or .svg at its end it is a document or a badge." example:"https://sync.example.com/status/…"`
	Active     bool         `json:"active" doc:"false: it was revoked."`
	CreatedBy  string       `json:"createdBy" doc:"fleet:<id>, person:<id> or os:<user>." example:"os:root"`
	CreatedAt  web.Instant  `json:"createdAt"`
	LastUsedAt *web.Instant `json:"lastUsedAt" nullable:"true" doc:"To the minute; null: never."`
}

type statusLinkList struct {
	Items []statusLink `json:"items" nullable:"false"`
}

// statusLinkRequest is the body of POST /api/clinics/{clinicId}/status-links.
type statusLinkRequest struct {
	Name *string `json:"name,omitempty" maxLength:"200" doc:"Whom the link is for." example:"front desk"`
}

func statusLinkOf(l *practice.Link) statusLink {
	return statusLink{
		ID: l.ID, ClinicID: l.ClinicID, Name: l.Name, Active: l.Active, CreatedBy: l.CreatedBy,
		CreatedAt: web.Instant(l.CreatedAt), LastUsedAt: web.Moment(l.LastUsedAt),
	}
}

func newStatusLinkOf(l *practice.Link, address string) statusLink {
	record := statusLinkOf(l)
	record.Link = address
	return record
}

// StatusLinkDocument returns a link as the API does; address is empty but for a new one.
func StatusLinkDocument(l *practice.Link, address string) (json.RawMessage, error) {
	return web.Encode(newStatusLinkOf(l, address))
}

// StatusLinksDocument returns a list as GET /api/clinics/{clinicId}/status-links does.
func StatusLinksDocument(links []practice.Link) (json.RawMessage, error) {
	return web.Encode(statusLinkList{web.Items(links, statusLinkOf)})
}

func (o *Options) listStatusLinks() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/status-links", ID: "listStatusLinks", Tag: TagOneClinic,
		Summary:     "List the links to a practice's page",
		Description: "The oldest first, revoked ones too. No link is shown.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The links.", Example: statusLinkList{[]statusLink{statusLinkOf(sample.StatusLink())}}}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			links, err := o.Practice.Links(c.Context(), c.ClinicID)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(statusLinkList{web.Items(links, statusLinkOf)})
		},
	}
}

func (o *Options) createStatusLink() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/clinics/{clinicId}/status-links", ID: "createStatusLink", Tag: TagOneClinic,
		Summary:     "Create a link to a practice's page",
		Description: "Whoever has the link sees, without a sign-in, whether the clinic's data is up to date, in plain words and without medical data. The response alone shows the link.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        statusLinkRequest{Name: new("front desk")},
		Offers: []web.Offer{{
			Status: http.StatusCreated, Description: "The link.",
			Example: newStatusLinkOf(sample.StatusLink(), "https://sync.example.com/status/…"),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body statusLinkRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			name := ""
			if body.Name != nil {
				name = *body.Name
			}
			row, token, err := o.Practice.Create(c.Context(), c.By(), c.ClinicID, name)
			if err != nil {
				return web.Reply{}, err
			}
			base := web.EntryOf(c.Context()).BaseURL(c.Request)
			if o.BaseOf != nil {
				base = o.BaseOf(c.Request)
			}
			return web.Reply{Status: http.StatusCreated, Body: newStatusLinkOf(&row, practice.Address(base, token))}, nil
		},
	}
}

func (o *Options) revokeStatusLink() web.Operation {
	revoked := sample.StatusLink()
	revoked.Active = false
	return web.Operation{
		Method: http.MethodDelete, Path: "/api/clinics/{clinicId}/status-links/{id}", ID: "revokeStatusLink", Tag: TagOneClinic,
		Summary:     "Revoke a link to a practice's page",
		Description: "The link leads nowhere from now on. A revoked link stays in the list.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam(), web.IDParam("a link")},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The revoked link.", Example: statusLinkOf(revoked)}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			row, err := o.Practice.Revoke(c.Context(), c.By(), c.ClinicID, id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(statusLinkOf(&row))
		},
	}
}

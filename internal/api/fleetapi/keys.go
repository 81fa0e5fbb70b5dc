package fleetapi

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A keyRecord is an API key of a clinic in a response.
type keyRecord struct {
	ID         uuid.UUID    `json:"id" format:"uuid"`
	ClinicID   uuid.UUID    `json:"clinicId" format:"uuid"`
	Name       string       `json:"name"`
	Key        string       `json:"key,omitempty" doc:"The key itself. Only in the response that creates it; it is not stored." example:"k3p7wq2a_pims_live_…"`
	Prefix     string       `json:"prefix" doc:"The key's first eight characters." example:"k3p7wq2a"`
	Scopes     []string     `json:"scopes" nullable:"false"`
	Active     bool         `json:"active" doc:"false: it was revoked."`
	ExpiresAt  *web.Instant `json:"expiresAt" nullable:"true" doc:"null: never."`
	LastUsedAt *web.Instant `json:"lastUsedAt" nullable:"true" doc:"To the minute; null: never."`
	CreatedAt  web.Instant  `json:"createdAt"`
}

type keyList struct {
	Items []keyRecord `json:"items" nullable:"false"`
}

// keyRequest is the body of POST /api/clinics/{clinicId}/keys.
type keyRequest struct {
	Name      *string      `json:"name,omitempty" maxLength:"200" doc:"What the key is for." example:"our backend"`
	Scopes    []string     `json:"scopes,omitempty" doc:"What it may do. Default: the four sync scopes."`
	ExpiresAt *web.Instant `json:"expiresAt,omitempty" doc:"Default: never."`
}

func keyOf(k *clinic.APIKey) keyRecord {
	record := keyRecord{
		ID: k.ID, ClinicID: k.ClinicID, Name: k.Name, Prefix: k.Prefix, Scopes: []string{}, Active: k.Active,
		ExpiresAt: web.Moment(k.ExpiresAt), LastUsedAt: web.Moment(k.LastUsedAt), CreatedAt: web.Instant(k.CreatedAt),
	}
	for _, scope := range k.Scopes() {
		record.Scopes = append(record.Scopes, string(scope))
	}
	return record
}

func newKeyOf(k *clinic.APIKey, key string) keyRecord {
	record := keyOf(k)
	record.Key = key
	return record
}

func (o *Options) listKeys() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/keys", ID: "listKeys", Tag: TagOneClinic,
		Summary:     "List a clinic's API keys",
		Description: "The oldest first, revoked and expired ones too. No key is shown.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The keys.", Example: keyList{[]keyRecord{keyOf(sample.Key())}}}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			keys, err := o.Service.Keys(c.Context(), c.ClinicID)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(keyList{web.Items(keys, keyOf)})
		},
	}
}

func (o *Options) createKey() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/clinics/{clinicId}/keys", ID: "createKey", Tag: TagOneClinic,
		Summary:     "Create an API key of a clinic",
		Description: "The response alone shows the key.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        keyRequest{Name: new("our backend"), Scopes: []string{string(clinic.ScopeFull)}},
		Offers:      []web.Offer{{Status: http.StatusCreated, Description: "The key.", Example: newKeyOf(sample.Key(), "k3p7wq2a_pims_live_…")}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body keyRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			scopes, err := clinic.ParseScopes(body.Scopes)
			if err != nil {
				return web.Reply{}, web.Invalid("scopes", "scopes has a word that is no scope; there are sync:inbound, sync:cases, sync:reconcile, sync:full, cases:restore, plans:approve, *")
			}
			draft := clinic.APIKey{ClinicID: c.ClinicID, Permissions: scopes}
			if body.Name != nil {
				draft.Name = *body.Name
			}
			if body.ExpiresAt != nil {
				draft.ExpiresAt = time.Time(*body.ExpiresAt)
			}
			row, key, err := o.Service.CreateKey(c.Context(), c.By(), draft)
			if err != nil {
				return web.Reply{}, err
			}
			return web.Reply{Status: http.StatusCreated, Body: newKeyOf(&row, key)}, nil
		},
	}
}

func (o *Options) revokeKey() web.Operation {
	revoked := sample.Key()
	revoked.Active = false
	return web.Operation{
		Method: http.MethodDelete, Path: "/api/clinics/{clinicId}/keys/{id}", ID: "revokeKey", Tag: TagOneClinic,
		Summary:     "Revoke an API key of a clinic",
		Description: "The key is refused from now on, by all replicas. A revoked key stays in the list.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam(), web.IDParam("an API key")},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The revoked key.", Example: keyOf(revoked)}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			row, err := o.Service.RevokeKey(c.Context(), c.By(), c.ClinicID, id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(keyOf(&row))
		},
	}
}

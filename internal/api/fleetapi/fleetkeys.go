package fleetapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A fleetKeyRecord is a fleet key in a response (R42).
type fleetKeyRecord struct {
	ID         uuid.UUID    `json:"id" format:"uuid"`
	Name       string       `json:"name"`
	Key        string       `json:"key,omitempty" doc:"The key itself. Only in the response that creates it; it is not stored." example:"k3p7wq2a_pims_fleet_…"`
	Prefix     string       `json:"prefix" doc:"The key's first eight characters." example:"k3p7wq2a"`
	Scope      string       `json:"scope" enum:"fleet:read,fleet:operate,fleet:admin"`
	Clinics    *[]uuid.UUID `json:"clinics" format:"uuid" nullable:"true" doc:"The clinics that it is limited to; null: all."`
	Active     bool         `json:"active" doc:"false: it was revoked."`
	ExpiresAt  *web.Instant `json:"expiresAt" nullable:"true" doc:"null: never."`
	LastUsedAt *web.Instant `json:"lastUsedAt" nullable:"true" doc:"To the minute; null: never."`
	CreatedBy  string       `json:"createdBy" doc:"fleet:<id>, person:<id> or os:<user>." example:"os:root"`
	CreatedAt  web.Instant  `json:"createdAt"`
}

type fleetKeyList struct {
	Items []fleetKeyRecord `json:"items" nullable:"false"`
}

// fleetKeyRequest is the body of POST /api/fleet-keys.
type fleetKeyRequest struct {
	Name      *string      `json:"name,omitempty" maxLength:"200" doc:"What the key is for." example:"night monitor"`
	Scope     string       `json:"scope" enum:"fleet:read,fleet:operate,fleet:admin"`
	Clinics   []web.ID     `json:"clinics,omitempty" doc:"Limit it to these clinics. Default: all."`
	ExpiresAt *web.Instant `json:"expiresAt,omitempty" doc:"Default: never."`
}

func fleetKeyOf(k *access.FleetKey) fleetKeyRecord {
	record := fleetKeyRecord{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scope: string(k.Scope), Active: k.Active, ExpiresAt: web.Moment(k.ExpiresAt),
		LastUsedAt: web.Moment(k.LastUsedAt), CreatedBy: k.CreatedBy, CreatedAt: web.Instant(k.CreatedAt),
	}
	if k.Limited {
		record.Clinics = new(append([]uuid.UUID{}, k.Clinics...))
	}
	return record
}

// newFleetKeyOf returns a new key, with the key itself.
func newFleetKeyOf(k *access.FleetKey, key string) fleetKeyRecord {
	record := fleetKeyOf(k)
	record.Key = key
	return record
}

// FleetKeyDocument returns a fleet key as DELETE /api/fleet-keys/{id} does.
func FleetKeyDocument(k *access.FleetKey) (json.RawMessage, error) { return web.Encode(fleetKeyOf(k)) }

// NewFleetKeyDocument returns a new fleet key as POST /api/fleet-keys does, with the key.
func NewFleetKeyDocument(k *access.FleetKey, key string) (json.RawMessage, error) {
	return web.Encode(newFleetKeyOf(k, key))
}

// FleetKeysDocument returns a list as GET /api/fleet-keys does.
func FleetKeysDocument(keys []access.FleetKey) (json.RawMessage, error) {
	return web.Encode(fleetKeyList{web.Items(keys, fleetKeyOf)})
}

func (o *Options) listFleetKeys() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/fleet-keys", ID: "listFleetKeys", Tag: TagFleet,
		Summary:     "List fleet keys",
		Description: "All fleet keys, the oldest first, revoked and expired ones too. No key is shown.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The keys.", Example: fleetKeyList{[]fleetKeyRecord{fleetKeyOf(sample.FleetKey())}}}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			keys, err := o.Service.FleetKeys(c.Context())
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(fleetKeyList{web.Items(keys, fleetKeyOf)})
		},
	}
}

func (o *Options) createFleetKey() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/fleet-keys", ID: "createFleetKey", Tag: TagFleet,
		Summary:     "Create a fleet key",
		Description: "A key for all clinics, or for those that it is limited to. The response alone shows the key.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Body:        fleetKeyRequest{Name: new("night monitor"), Scope: string(access.FleetRead)},
		Offers: []web.Offer{{
			Status: http.StatusCreated, Description: "The key.",
			Example: newFleetKeyOf(sample.FleetKey(), "k3p7wq2a_pims_fleet_…"),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body fleetKeyRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			draft := access.FleetKey{Scope: access.FleetScope(body.Scope), Limited: body.Clinics != nil}
			if body.Name != nil {
				draft.Name = *body.Name
			}
			for _, id := range body.Clinics {
				draft.Clinics = append(draft.Clinics, uuid.UUID(id))
			}
			if body.ExpiresAt != nil {
				draft.ExpiresAt = time.Time(*body.ExpiresAt)
			}
			row, key, err := o.Service.CreateFleetKey(c.Context(), c.By(), draft)
			if err != nil {
				return web.Reply{}, err
			}
			return web.Reply{Status: http.StatusCreated, Body: newFleetKeyOf(&row, key)}, nil
		},
	}
}

func (o *Options) revokeFleetKey() web.Operation {
	revoked := sample.FleetKey()
	revoked.Active = false
	return web.Operation{
		Method: http.MethodDelete, Path: "/api/fleet-keys/{id}", ID: "revokeFleetKey", Tag: TagFleet,
		Summary:     "Revoke a fleet key",
		Description: "The key is refused from now on, by all replicas. A revoked key stays in the list.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Params:      []*huma.Param{web.IDParam("a fleet key")},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The revoked key.", Example: fleetKeyOf(revoked)}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			row, err := o.Service.RevokeFleetKey(c.Context(), c.By(), id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(fleetKeyOf(&row))
		},
	}
}

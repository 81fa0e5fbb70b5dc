package console

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
)

// fleetKeysPage lists, creates and revokes fleet keys (R42).
func (c *console) fleetKeysPage() Page {
	return Page{
		Path: "/fleet-keys", Title: "Fleet keys", Template: "fleet-keys", Nav: "key", Group: groupInstallation, Needs: access.ChangeSystem,
		Show: func(v *Visit) (any, error) { return c.fleetKeys(v) },
		Acts: map[string]Act{
			"create": {access.ChangeSystem, c.createFleetKey},
			"revoke": {access.ChangeSystem, c.revokeFleetKey},
		},
	}
}

type (
	fleetKeysView struct {
		Scopes, Lives []choice
		Rows          []fleetKeyRow
	}

	fleetKeyRow struct {
		ID, Name, Prefix, May string
		Scope                 string
		Limited               bool
		Clinics               []string // of a limited key, those that still exist
		State                 Badge
		Expires, Used, Made   Moment
		By                    string
		Usable                bool
	}
)

// scopeWords say what a fleet key may do.
var scopeWords = []string{
	string(access.FleetRead), "Read",
	string(access.FleetOperate), "Operate: also syncs, plans, restores, login tests",
	string(access.FleetAdmin), "Admin: also clinics, credentials, schedules, keys",
}

func (c *console) fleetKeys(v *Visit) (*fleetKeysView, error) {
	keys, err := c.o.Service.FleetKeys(v.Context())
	if err != nil {
		return nil, err
	}
	clinics, err := c.seenClinics(v)
	if err != nil {
		return nil, err
	}
	names, err := c.names(v)
	if err != nil {
		return nil, err
	}
	byID := clinicsByID(clinics)
	shown := &fleetKeysView{
		Scopes: choices(v.Typed.Get("scope"), "", scopeWords...)[1:],
		Lives:  choices(v.Typed.Get("expires"), "Never expires", "30d", "Expires in 30 days", "90d", "Expires in 90 days", "365d", "Expires in a year"),
	}
	for i := range keys {
		k := &keys[i]
		row := fleetKeyRow{
			ID: k.ID.String(), Name: k.Name, Prefix: k.Prefix + "…", Scope: string(k.Scope), By: actorName(k.CreatedBy, names),
			State: fleetKeyState(k, v.Now), Expires: v.Moment(k.ExpiresAt, nil), Used: v.Moment(k.LastUsedAt, nil), Made: v.Moment(k.CreatedAt, nil),
			Usable: k.Usable(v.Now), Limited: k.Limited,
		}
		for _, id := range k.Clinics {
			if of := byID[id]; of != nil {
				row.Clinics = append(row.Clinics, of.Name)
			}
		}
		shown.Rows = append(shown.Rows, row)
	}
	return shown, nil
}

func fleetKeyState(k *access.FleetKey, now time.Time) Badge {
	switch {
	case !k.Active:
		return Badge{"Revoked", "dash", "idle"}
	case !k.Usable(now):
		return Badge{"Expired", "clock", "warn"}
	}
	return Badge{"Active", "check", "good"}
}

// createFleetKey makes a key and shows it once.
func (c *console) createFleetKey(v *Visit) (Notice, error) {
	draft := access.FleetKey{Name: v.Text("name"), Scope: access.FleetScope(v.Text("scope"))}
	var err error
	if draft.ExpiresAt, err = v.expiry("expires"); err != nil {
		return Notice{}, err
	}
	if draft.Clinics, err = c.clinicsOf(v, v.Text("clinics")); err != nil {
		return Notice{}, err
	}
	draft.Limited = len(draft.Clinics) > 0
	_, key, err := c.o.Service.CreateFleetKey(v.Context(), v.By(), draft)
	if err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "This is the key. It is shown this once and stored nowhere. Requests send it as X-API-Key.", Copy: key}, nil
}

// clinicsOf returns the clinics that the lines of a text name. No line names none.
func (c *console) clinicsOf(v *Visit, text string) (ids []uuid.UUID, err error) {
	clinics, err := c.seenClinics(v)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		of, err := clinicNamed(clinics, line)
		if errors.Is(err, ErrNotFound) {
			return nil, Problem(fmt.Sprintf("No clinic has the id %s.", line))
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, of.ID)
	}
	return ids, nil
}

// revokeFleetKey makes a key invalid.
func (c *console) revokeFleetKey(v *Visit) (Notice, error) {
	id, err := uuid.Parse(v.Text("key"))
	if err != nil {
		return Notice{}, ErrNotFound
	}
	row, err := c.o.Service.RevokeFleetKey(v.Context(), v.By(), id)
	if err != nil {
		return Notice{}, told(err)
	}
	name := row.Name
	if name == "" {
		name = row.Prefix + "…"
	}
	return Notice{Text: fmt.Sprintf("The fleet key %s is refused from now on.", name)}, nil
}

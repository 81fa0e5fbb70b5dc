package systempages

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
)

// fleetKeysPage lists, creates and revokes fleet keys (R42).
func (s *screens) fleetKeysPage() page.Page {
	return page.Page{
		Path: "/fleet-keys", Title: "Fleet keys", Template: "fleet-keys", Nav: "key", Group: page.GroupInstallation, Needs: access.ChangeSystem,
		Show: func(v *page.Visit) (any, error) { return s.fleetKeys(v) },
		Acts: map[string]page.Act{
			"create": {Needs: access.ChangeSystem, Do: s.createFleetKey},
			"revoke": {Needs: access.ChangeSystem, Do: s.revokeFleetKey},
		},
	}
}

type (
	fleetKeysView struct {
		Scopes, Lives []page.Choice
		Rows          []fleetKeyRow
	}

	fleetKeyRow struct {
		ID, Name, Prefix, May string
		Scope                 string
		Limited               bool
		Clinics               []string // of a limited key, those that still exist
		State                 page.Badge
		Expires, Used, Made   page.Moment
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

func (s *screens) fleetKeys(v *page.Visit) (*fleetKeysView, error) {
	keys, err := s.o.Service.FleetKeys(v.Context())
	if err != nil {
		return nil, err
	}
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	names, err := s.o.Names(v)
	if err != nil {
		return nil, err
	}
	byID := screen.ClinicsByID(clinics)
	shown := &fleetKeysView{
		Scopes: page.Choices(v.Typed.Get("scope"), "", scopeWords...)[1:],
		Lives:  page.Choices(v.Typed.Get("expires"), "Never expires", "30d", "Expires in 30 days", "90d", "Expires in 90 days", "365d", "Expires in a year"),
	}
	for i := range keys {
		k := &keys[i]
		row := fleetKeyRow{
			ID: k.ID.String(), Name: k.Name, Prefix: k.Prefix + "…", Scope: string(k.Scope), By: screen.ActorName(k.CreatedBy, names),
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

func fleetKeyState(k *access.FleetKey, now time.Time) page.Badge {
	switch {
	case !k.Active:
		return page.Idle("Revoked", "dash")
	case !k.Usable(now):
		return page.Warn("Expired", "clock")
	}
	return page.Good("Active", "check")
}

// createFleetKey makes a key and shows it once.
func (s *screens) createFleetKey(v *page.Visit) (page.Notice, error) {
	draft := access.FleetKey{Name: v.Text("name"), Scope: access.FleetScope(v.Text("scope"))}
	var err error
	if draft.ExpiresAt, err = screen.Expiry(v, "expires"); err != nil {
		return page.Notice{}, err
	}
	if draft.Clinics, err = s.clinicsOf(v, v.Text("clinics")); err != nil {
		return page.Notice{}, err
	}
	draft.Limited = len(draft.Clinics) > 0
	made, key, err := s.o.Service.CreateFleetKey(v.Context(), v.By(), draft)
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "This is the fleet key “" + made.Name + "”. It is shown this once and stored nowhere. Requests send it as X-API-Key.", Copy: key}, nil
}

// clinicsOf returns the clinics that the lines of a text name. No line names none.
func (s *screens) clinicsOf(v *page.Visit, text string) (ids []uuid.UUID, err error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		of, err := screen.ClinicNamed(clinics, line)
		if errors.Is(err, page.ErrNotFound) {
			return nil, page.Problem(fmt.Sprintf("No clinic has the id %s.", line))
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, of.ID)
	}
	return ids, nil
}

// revokeFleetKey makes a key invalid.
func (s *screens) revokeFleetKey(v *page.Visit) (page.Notice, error) {
	id, err := uuid.Parse(v.Text("key"))
	if err != nil {
		return page.Notice{}, page.ErrNotFound
	}
	row, err := s.o.Service.RevokeFleetKey(v.Context(), v.By(), id)
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	name := row.Name
	if name == "" {
		name = row.Prefix + "…"
	}
	return page.Notice{Text: fmt.Sprintf("The fleet key %s is refused from now on.", name)}, nil
}

package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// FleetKeys lists all fleet keys, the oldest first.
func (s *Service) FleetKeys(ctx context.Context) ([]access.FleetKey, error) {
	return s.o.FleetKeys.FleetKeys(ctx)
}

// CreateFleetKey makes a fleet key with the name, scope, clinics and expiry of a draft. It
// returns the row as it is stored, and the key, which is shown once. A wrong field is
// CodeInvalidRequest with its name.
func (s *Service) CreateFleetKey(ctx context.Context, by access.By, draft access.FleetKey) (row access.FleetKey, key string, err error) {
	if draft.Name, err = optionalName("name", draft.Name); err != nil {
		return row, "", err
	}
	if draft.Scope, err = access.ParseFleetScope(string(draft.Scope)); err != nil {
		return row, "", syncs.Invalid("scope", "scope must be one of fleet:read, fleet:operate, fleet:admin")
	}
	now := s.o.Now()
	if !draft.ExpiresAt.IsZero() && !draft.ExpiresAt.After(now) {
		return row, "", syncs.Invalid("expiresAt", "expiresAt is in the past")
	}
	if draft.Limited && len(draft.Clinics) == 0 {
		return row, "", syncs.Invalid("clinics", "clinics is empty; name at least one clinic, or leave it out for all clinics")
	}
	for _, id := range draft.Clinics {
		if _, err := s.o.Clinics.Clinic(ctx, id); errors.Is(err, clinic.ErrNotFound) {
			return row, "", syncs.Invalid("clinics", "clinics names a clinic that does not exist")
		} else if err != nil {
			return row, "", err
		}
	}
	draft.CreatedBy = by.Actor()
	draft, key = access.IssueFleetKey(draft, now)
	err = s.o.Log.Act(ctx, by.Event(access.FleetKeyCreate, uuid.Nil, access.RecordOf("fleet_key", draft.ID)),
		func(ctx context.Context, e *access.Event) (err error) {
			row, err = s.o.FleetKeys.AddFleetKey(ctx, draft)
			e.After = fleetKeyValues(&row)
			return err
		})
	return row, key, err
}

// RevokeFleetKey makes a fleet key invalid at once, on all replicas. The error is
// access.ErrNoFleetKey where there is none. A revoked key stays revoked.
func (s *Service) RevokeFleetKey(ctx context.Context, by access.By, id uuid.UUID) (row access.FleetKey, err error) {
	err = s.o.Log.Act(ctx, by.Event(access.FleetKeyRevoke, uuid.Nil, access.RecordOf("fleet_key", id)),
		func(ctx context.Context, e *access.Event) (err error) {
			row, err = s.o.FleetKeys.RevokeFleetKey(ctx, id)
			e.After = fleetKeyValues(&row)
			return err
		})
	return row, err
}

// fleetKeyValues returns what the record of an action shows of a fleet key.
func fleetKeyValues(k *access.FleetKey) access.Values {
	values := access.Values{"name": k.Name, "scope": k.Scope, "active": k.Active, "expiresAt": optional(k.ExpiresAt), "clinics": nil}
	if k.Limited {
		values["clinics"] = k.Clinics
	}
	return values
}

// optional returns a time that may be unknown; nil is null in JSON.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

package fleet

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Keys lists the API keys of a clinic, the oldest first.
func (s *Service) Keys(ctx context.Context, clinicID uuid.UUID) ([]clinic.APIKey, error) {
	return s.o.Keys.KeysOfClinic(ctx, clinicID)
}

// CreateKey makes an API key of a clinic with the name, permissions and expiry of a draft.
// It returns the row as it is stored, and the key, which is shown once.
func (s *Service) CreateKey(ctx context.Context, by access.By, draft clinic.APIKey) (row clinic.APIKey, key string, err error) {
	if draft.Name, err = optionalName("name", draft.Name); err != nil {
		return row, "", err
	}
	now := s.o.Now()
	if !draft.ExpiresAt.IsZero() && !draft.ExpiresAt.After(now) {
		return row, "", syncs.Invalid("expiresAt", "expiresAt is in the past")
	}
	draft, key = clinic.IssueKey(draft.ClinicID, draft.Name, draft.Permissions, draft.ExpiresAt, now)
	err = s.o.Log.Act(ctx, by.Event(access.KeyCreate, draft.ClinicID, access.RecordOf("key", draft.ID)), func(ctx context.Context, e *access.Event) (err error) {
		row, err = s.o.Keys.AddKey(ctx, draft)
		e.After = keyValues(&row)
		return err
	})
	return row, key, err
}

// RevokeKey makes an API key of a clinic invalid at once. The error is CodeNotFound where
// the clinic has no such key.
func (s *Service) RevokeKey(ctx context.Context, by access.By, clinicID, id uuid.UUID) (row clinic.APIKey, err error) {
	err = s.o.Log.Act(ctx, by.Event(access.KeyRevoke, clinicID, access.RecordOf("key", id)), func(ctx context.Context, e *access.Event) error {
		if row, err = s.o.Keys.Key(ctx, id); err != nil {
			return err
		}
		if row.ClinicID != clinicID {
			return syncs.Fail(syncs.CodeNotFound, "the clinic has no such API key")
		}
		e.Before = keyValues(&row)
		row.Active = false
		e.After = keyValues(&row)
		return s.o.Keys.RevokeKey(ctx, id)
	})
	return row, err
}

// keyValues returns what the record of an action shows of an API key.
func keyValues(k *clinic.APIKey) access.Values {
	return access.Values{"name": k.Name, "scopes": k.Scopes(), "active": k.Active, "expiresAt": optional(k.ExpiresAt)}
}

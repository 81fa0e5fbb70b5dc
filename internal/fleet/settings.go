package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// SettingsStore stores the settings of clinics and lists the words that they use (R50).
type SettingsStore interface {
	SetSettings(ctx context.Context, clinicID uuid.UUID, set settings.Settings, at time.Time) error
	Words(ctx context.Context, clinicID uuid.UUID) ([]settings.Word, error)
}

// Words lists the words that a practice uses.
func (s *Service) Words(ctx context.Context, clinicID uuid.UUID) ([]settings.Word, error) {
	return s.o.Settings.Words(ctx, clinicID)
}

// SetSettings stores the settings of a clinic (R50). A wrong one is CodeInvalidRequest with
// its field.
func (s *Service) SetSettings(ctx context.Context, by access.By, clinicID uuid.UUID, after settings.Settings) error {
	if err := after.Check(); err != nil {
		if field, ok := errors.AsType[*settings.FieldError](err); ok {
			return syncs.Invalid(field.Field, "%s %s", field.Field, field.Reason)
		}
		return err
	}
	return s.o.Log.Act(ctx, by.Event(access.SettingsSet, clinicID, access.Record{}), func(ctx context.Context, e *access.Event) error {
		before, err := s.o.Clinics.Clinic(ctx, clinicID)
		if err != nil {
			return err
		}
		e.Before, e.After = settingValues(before.Settings), settingValues(after)
		return s.o.Settings.SetSettings(ctx, clinicID, after, s.o.Now())
	})
}

// settingValues returns what the record of an action shows of settings.
func settingValues(s settings.Settings) access.Values {
	return access.Values{"settings": json.RawMessage(s.JSON())}
}

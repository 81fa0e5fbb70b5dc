// Package fleet has the actions of operators on the installation: on fleet keys, clinics,
// their credentials, schedules, keys and plans, and on cases that were soft-deleted. The API,
// the console and the command line act through it, so that each action is checked and recorded
// alike (R42, R44).
//
// The caller's permission is checked before, by access.Caller.Check. The package knows no
// HTTP and no database: the caller passes in the stores.
package fleet

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Clinics stores clinics and their schedules.
type Clinics interface {
	Clinic(ctx context.Context, id uuid.UUID) (clinic.Clinic, error)
	Clinics(ctx context.Context) ([]clinic.Clinic, error)
	Add(ctx context.Context, c clinic.Clinic) (clinic.Clinic, error)
	Update(ctx context.Context, c clinic.Clinic, at time.Time) (clinic.Clinic, error)
	Schedules(ctx context.Context, clinicID uuid.UUID) (document []byte, err error)
	SetSchedules(ctx context.Context, clinicID uuid.UUID, document []byte, at time.Time) error
}

// Keys stores the API keys of clinics.
type Keys interface {
	KeysOfClinic(ctx context.Context, clinicID uuid.UUID) ([]clinic.APIKey, error)
	Key(ctx context.Context, id uuid.UUID) (clinic.APIKey, error)
	AddKey(ctx context.Context, key clinic.APIKey) (clinic.APIKey, error)
	RevokeKey(ctx context.Context, id uuid.UUID) error
}

// KeysOfFleet stores fleet keys.
type KeysOfFleet interface {
	access.FleetKeyStore

	FleetKeys(ctx context.Context) ([]access.FleetKey, error)
	AddFleetKey(ctx context.Context, key access.FleetKey) (access.FleetKey, error)
	RevokeFleetKey(ctx context.Context, id uuid.UUID) (access.FleetKey, error)
}

// Options configure a Service.
type Options struct {
	Log       access.Log
	Clinics   Clinics
	Keys      Keys
	FleetKeys KeysOfFleet

	// Credentials and Connector are nil where no credentials are set, tested or resumed.
	Credentials Credentials
	Connector   Connector

	Settings SettingsStore // nil where no settings are read or changed

	// Decisions is nil where no plan is decided.
	Decisions Decisions

	// Restores is nil where no soft delete is undone.
	Restores Restores

	Now func() time.Time // nil: time.Now
}

// A Service does what operators do. It is safe for concurrent use.
type Service struct{ o Options }

// New returns a service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// name checks the name of a clinic or of a key and returns it without the blanks around it.
func name(field, text string) (string, error) {
	checked, err := clinic.CheckName(text)
	if err != nil {
		return "", syncs.Invalid(field, "%s %v", field, err)
	}
	return checked, nil
}

// optionalName is name for a key, which may have none.
func optionalName(field, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	return name(field, text)
}

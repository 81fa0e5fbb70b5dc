package clinic

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Store reads clinics.
type Store interface {
	// Clinic reads one clinic, or ErrNotFound.
	Clinic(ctx context.Context, id uuid.UUID) (Clinic, error)
}

// ConnectorOptions are what a Connector needs.
type ConnectorOptions struct {
	// Providers are the kinds of PIMS by their canonical names.
	Providers map[string]pims.Provider

	// Aliases are further names of providers: alias to canonical name.
	Aliases map[string]string

	Clinics     Store
	Credentials CredentialStore
	Sessions    SessionStore
	Keyring     *Keyring
	Logger      *slog.Logger     // nil: none
	Now         func() time.Time // nil: time.Now

	// ObserveLogin is told of every login; nil: nobody is (INTERFACE §Metrics,
	// pims_logins_total). The outcome is pims.Kind's word.
	ObserveLogin func(provider, outcome string, took time.Duration)
}

// A Connector opens clinics' sessions with their PIMS. It is safe for concurrent
// use.
type Connector struct{ o ConnectorOptions }

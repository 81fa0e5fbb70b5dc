package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Credentials stores the clinics' credentials.
type Credentials interface {
	Credential(ctx context.Context, clinicID uuid.UUID) (clinic.StoredCredential, error)
	ReplaceCredential(ctx context.Context, c clinic.StoredCredential) error
	ResumeCredential(ctx context.Context, clinicID uuid.UUID) error
}

// A Connector checks, seals and tests credentials; see clinic.Connector.
type Connector interface {
	CanonicalProvider(name string) (string, error)
	Declarations() []pims.Declaration
	NewCredential(clinicID uuid.UUID, provider string, credentials pims.Credentials) (clinic.StoredCredential, error)
	Test(ctx context.Context, clinicID uuid.UUID) (clinic.Findings, error)
	PublicFields(ctx context.Context, clinicID uuid.UUID) (map[string]string, error)
	SealDraft(of uuid.UUID, text string) ([]byte, error)
	OpenDraft(of uuid.UUID, sealed []byte) (string, error)
}

// Credential returns what is stored of a clinic's credentials. Nothing in it can be read
// without the encryption key. The error is clinic.ErrCredentialsMissing where there are
// none.
func (s *Service) Credential(ctx context.Context, clinicID uuid.UUID) (clinic.StoredCredential, error) {
	return s.o.Credentials.Credential(ctx, clinicID)
}

// Providers returns what the kinds of PIMS say of themselves, by name (R53).
func (s *Service) Providers() []pims.Declaration { return s.o.Connector.Declarations() }

// SealDraft seals a text with secrets for the person who sent it, so that a page can carry it
// to the next form (R37). OpenDraft opens it for the same person alone.
func (s *Service) SealDraft(by access.By, text string) ([]byte, error) {
	return s.o.Connector.SealDraft(by.ID, text)
}

// OpenDraft opens what SealDraft made.
func (s *Service) OpenDraft(by access.By, sealed []byte) (string, error) {
	return s.o.Connector.OpenDraft(by.ID, sealed)
}

// PublicFields returns the fields of the clinic's credentials that are no secret. The error
// is clinic.ErrCredentialsMissing where there are none.
func (s *Service) PublicFields(ctx context.Context, clinicID uuid.UUID) (map[string]string, error) {
	return s.o.Connector.PublicFields(ctx, clinicID)
}

// SetCredential stores a clinic's credentials in place of the old ones. A wrong field is
// CodeInvalidRequest with its name.
func (s *Service) SetCredential(ctx context.Context, by access.By, clinicID uuid.UUID, provider string, credentials pims.Credentials) error {
	canonical, err := s.o.Connector.CanonicalProvider(provider)
	if err != nil {
		return syncs.Invalid("provider", "no PIMS provider has this name")
	}
	stored, err := s.o.Connector.NewCredential(clinicID, provider, credentials)
	if field := (*pims.FieldError)(nil); errors.As(err, &field) {
		return syncs.Invalid(field.Field, "%s %s", field.Field, field.Reason)
	}
	if err != nil {
		return err
	}
	event := by.Event(access.CredentialsSet, clinicID, access.RecordOf("credentials", stored.ID))
	event.After = access.Values{"provider": stored.Provider, pims.FieldBaseURL: s.baseURL(canonical, credentials)}
	return s.o.Log.Act(ctx, event, func(ctx context.Context, _ *access.Event) error {
		return s.o.Credentials.ReplaceCredential(ctx, stored)
	})
}

// baseURL returns where the fields of a provider lead, its default included.
func (s *Service) baseURL(provider string, credentials pims.Credentials) string {
	for _, d := range s.o.Connector.Declarations() {
		if d.Name == provider {
			return d.Complete(credentials)[pims.FieldBaseURL]
		}
	}
	return credentials[pims.FieldBaseURL]
}

// TestCredential signs in to the clinic's PIMS and reads today's calendar. Errors are those
// of clinic.Connector.Test.
func (s *Service) TestCredential(ctx context.Context, by access.By, clinicID uuid.UUID) (clinic.Findings, error) {
	found, err := s.o.Connector.Test(ctx, clinicID)
	if noted := s.o.Log.Note(ctx, by.Event(access.CredentialsTest, clinicID, access.Record{}), err); noted != nil && err == nil {
		err = noted
	}
	return found, err
}

// ResumeCredential uses a clinic's suspended credentials again (R32). Credentials that are
// not suspended stay as they are.
func (s *Service) ResumeCredential(ctx context.Context, by access.By, clinicID uuid.UUID) error {
	return s.o.Log.Act(ctx, by.Event(access.CredentialsResume, clinicID, access.Record{}), func(ctx context.Context, e *access.Event) error {
		stored, err := s.o.Credentials.Credential(ctx, clinicID)
		if err != nil {
			return err
		}
		e.Record = access.RecordOf("credentials", stored.ID)
		e.Before, e.After = suspension(stored.SuspendedAt), suspension(time.Time{})
		if !stored.Suspended() {
			return nil
		}
		return s.o.Credentials.ResumeCredential(ctx, clinicID)
	})
}

func suspension(at time.Time) access.Values { return access.Values{"suspendedAt": optional(at)} }

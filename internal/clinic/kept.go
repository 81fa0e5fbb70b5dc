package clinic

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Kept is what is stored of a clinic for a connection with its PIMS.
type Kept struct {
	Clinic     Clinic
	Credential *StoredCredential // nil: none
	Session    *StoredSession    // nil: none
}

// keptOf reads what is stored of a clinic. The error is ErrNotFound where there is no such
// clinic.
func (c *Connector) keptOf(ctx context.Context, clinicID uuid.UUID) (Kept, error) {
	if c.o.Kept != nil {
		kept, err := c.o.Kept(ctx, clinicID)
		if err != nil {
			return kept, fmt.Errorf("reading the clinic: %w", err)
		}
		return kept, nil
	}
	owner, err := c.o.Clinics.Clinic(ctx, clinicID)
	if err != nil {
		return Kept{}, fmt.Errorf("reading the clinic: %w", err)
	}
	kept := Kept{Clinic: owner}
	credential, err := c.o.Credentials.Credential(ctx, clinicID)
	switch {
	case err == nil:
		kept.Credential = &credential
	case !errors.Is(err, ErrCredentialsMissing):
		return kept, fmt.Errorf("reading the credentials: %w", err)
	}
	session, err := c.o.Sessions.Session(ctx, clinicID)
	switch {
	case err == nil:
		kept.Session = &session
	case !errors.Is(err, ErrNoSession):
		return kept, fmt.Errorf("reading the kept session: %w", err)
	}
	return kept, nil
}

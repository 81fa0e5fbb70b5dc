package access

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CheckClinicOf returns nil where a caller may add something of a clinic, or with a zero
// clinic something of all clinics. One that does not exist, or that the caller may not see
// (R42), is CodeInvalidRequest with the field clinicId.
func (c *Caller) CheckClinicOf(ctx context.Context, clinicID uuid.UUID, exists func(context.Context, uuid.UUID) (bool, error)) error {
	sees := c.Sees(clinicID)
	switch {
	case clinicID == uuid.Nil && sees:
		return nil
	case clinicID == uuid.Nil:
		return Denied{Missing: "this caller is limited to some clinics; name one of them"}
	case sees:
		found, err := exists(ctx, clinicID)
		if err != nil || found {
			return err
		}
	}
	return syncs.Invalid("clinicId", "clinicId names a clinic that does not exist")
}

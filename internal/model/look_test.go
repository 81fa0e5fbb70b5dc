package model_test

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// LookedOn and KeepLook: the model's PIMS lets no notes be corrected late, so nobody
// looks for such corrections.
func (*memory) LookedOn(context.Context, uuid.UUID, string) (pims.Date, error) {
	return pims.Date{}, nil
}

func (m *memory) KeepLook(ctx context.Context, lease syncs.Lease, _ string, _ pims.Date) error {
	return m.fence(ctx, lease)
}

package notifystore

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/seal"
)

var _ seal.Store = (*Store)(nil)

// SealedRecords implements seal.Store. In the place of clinics it has channels.
func (s *Store) SealedRecords(ctx context.Context, after uuid.UUID, channels int) ([]seal.Record, error) {
	return s.Records(ctx, "select id, id, sealed from notification_channels where id > $1 order by id limit $2", after, channels,
		func(_, id uuid.UUID) seal.Subject { return about(id) })
}

package webhookstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/seal"
)

var _ seal.Store = (*Store)(nil)

// SealedRecords implements seal.Store. In the place of clinics it has endpoints.
func (s *Store) SealedRecords(ctx context.Context, after uuid.UUID, endpoints int) ([]seal.Record, error) {
	return s.Records(ctx, `select endpoint_id, id, sealed from webhook_secrets
		where endpoint_id in (select id from webhook_endpoints where id > $1 order by id limit $2) order by endpoint_id, id`,
		after, endpoints, about)
}

package webhookstore

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/seal"
)

var _ seal.Store = (*Store)(nil)

// SealedRecords implements seal.Store. In the place of clinics it has endpoints.
func (s *Store) SealedRecords(ctx context.Context, after uuid.UUID, endpoints int) (records []seal.Record, err error) {
	err = s.db.System(ctx, "list the secrets of webhooks", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select endpoint_id, id, sealed from webhook_secrets
			where endpoint_id in (select id from webhook_endpoints where id > $1 order by id limit $2) order by endpoint_id, id`, after, endpoints)
		if err != nil {
			return err
		}
		records, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r seal.Record, err error) {
			var endpointID, id uuid.UUID
			err = row.Scan(&endpointID, &id, &r.Sealed)
			r.Subject = about(endpointID, id)
			return r, err
		})
		return err
	})
	return records, err
}

// Sealed implements seal.Store.
func (s *Store) Sealed(ctx context.Context, of seal.Subject) (sealed []byte, err error) {
	err = s.db.System(ctx, "read the secret of a webhook", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, "select sealed from webhook_secrets where id = $1", of.RowID).Scan(&sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return sealed, err
}

// Reseal implements seal.Store.
func (s *Store) Reseal(ctx context.Context, record seal.Record, resealed []byte) (done bool, err error) {
	err = s.db.System(ctx, "reseal the secret of a webhook", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "update webhook_secrets set sealed = $1 where id = $2 and sealed = $3", resealed, record.RowID, record.Sealed)
		done = tag.RowsAffected() > 0
		return err
	})
	return done && err == nil, err
}

// CredentialsByKey implements seal.Store: there are no credentials here.
func (s *Store) CredentialsByKey(context.Context) (map[string]int, error) {
	return map[string]int{}, nil
}

package notifystore

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/seal"
)

var _ seal.Store = (*Store)(nil)

// SealedRecords implements seal.Store. In the place of clinics it has channels.
func (s *Store) SealedRecords(ctx context.Context, after uuid.UUID, channels int) (records []seal.Record, err error) {
	err = s.db.System(ctx, "list the targets of notifications", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "select id, sealed from notification_channels where id > $1 order by id limit $2", after, channels)
		if err != nil {
			return err
		}
		records, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r seal.Record, err error) {
			var id uuid.UUID
			err = row.Scan(&id, &r.Sealed)
			r.Subject = about(id)
			return r, err
		})
		return err
	})
	return records, err
}

// Sealed implements seal.Store.
func (s *Store) Sealed(ctx context.Context, of seal.Subject) (sealed []byte, err error) {
	err = s.db.System(ctx, "read the target of a notification", func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, "select sealed from notification_channels where id = $1", of.RowID).Scan(&sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return sealed, err
}

// Reseal implements seal.Store.
func (s *Store) Reseal(ctx context.Context, record seal.Record, resealed []byte) (done bool, err error) {
	err = s.db.System(ctx, "reseal the target of a notification", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "update notification_channels set sealed = $1 where id = $2 and sealed = $3", resealed, record.RowID, record.Sealed)
		done = tag.RowsAffected() > 0
		return err
	})
	return done && err == nil, err
}

// CredentialsByKey implements seal.Store: there are no credentials here.
func (s *Store) CredentialsByKey(context.Context) (map[string]int, error) {
	return map[string]int{}, nil
}

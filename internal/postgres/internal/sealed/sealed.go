// Package sealed reads and reseals the column "sealed" of tables that belong to no single
// clinic (R37). A store that lists its records, too, is a seal.Store.
package sealed

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// A Table holds sealed records, each with an id.
type Table struct {
	db         *postgres.DB
	name, what string
}

// In returns a table of a database. what names one record in errors: "the secret of a
// webhook".
func In(db *postgres.DB, name, what string) Table { return Table{db, name, what} }

// Records reads sealed records with a statement whose rows have an owner's id, the record's
// id and what is sealed. of says what a record is about.
func (t Table) Records(ctx context.Context, sql string, after uuid.UUID, owners int, of func(owner, id uuid.UUID) seal.Subject) (records []seal.Record, err error) {
	err = t.db.System(ctx, "list "+t.what, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, after, owners)
		if err != nil {
			return err
		}
		records, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r seal.Record, err error) {
			var owner, id uuid.UUID
			err = row.Scan(&owner, &id, &r.Sealed)
			r.Subject = of(owner, id)
			return r, err
		})
		return err
	})
	return records, err
}

// Sealed implements seal.Store.
func (t Table) Sealed(ctx context.Context, of seal.Subject) (sealed []byte, err error) {
	err = t.db.System(ctx, "read "+t.what, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, "select sealed from "+t.name+" where id = $1", of.RowID).Scan(&sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return sealed, err
}

// Reseal implements seal.Store.
func (t Table) Reseal(ctx context.Context, record seal.Record, resealed []byte) (done bool, err error) {
	err = t.db.System(ctx, "reseal "+t.what, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "update "+t.name+" set sealed = $1 where id = $2 and sealed = $3", resealed, record.RowID, record.Sealed)
		done = tag.RowsAffected() > 0
		return err
	})
	return done && err == nil, err
}

// CredentialsByKey implements seal.Store: there are no credentials here.
func (t Table) CredentialsByKey(context.Context) (map[string]int, error) {
	return map[string]int{}, nil
}

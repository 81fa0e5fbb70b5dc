package clinicstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/pims-sync/pims-sync/internal/postgres"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// Seals reads and writes the sealed columns of all tables, for `keys rotate-encryption`
// (R37).
type Seals struct{ db *postgres.DB }

// NewSeals returns the store of the sealed columns.
func NewSeals(db *postgres.DB) *Seals { return &Seals{db} }

var _ seal.Store = (*Seals)(nil)

// SealedRecords implements seal.Store. It crosses clinics (R41).
func (s *Seals) SealedRecords(ctx context.Context, after uuid.UUID, clinics int) (records []seal.Record, err error) {
	err = s.db.System(ctx, "list what is sealed", func(tx pgx.Tx) error {
		rows, err := dbsqlc.New(tx).SealedRecords(ctx, after, int32(max(1, min(clinics, 1000))))
		records = values.Convert(rows, func(row dbsqlc.SealedRecordsRow) seal.Record {
			return seal.Record{
				Subject: seal.Subject{Table: row.TableName, ClinicID: row.ClinicID, Provider: row.Provider, RowID: row.RowID},
				Sealed:  row.Sealed,
			}
		})
		return err
	})
	return records, err
}

// Sealed implements seal.Store.
func (s *Seals) Sealed(ctx context.Context, about seal.Subject) (sealed []byte, err error) {
	err = s.db.InClinic(ctx, "read what is sealed", about.ClinicID, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		switch about.Table {
		case seal.CredentialsTable:
			sealed, err = q.SealedCredential(ctx, about.ClinicID, about.RowID)
		case seal.SessionsTable:
			sealed, err = q.SealedSession(ctx, about.ClinicID, about.RowID)
		default:
			return errNothingSealed(about.Table)
		}
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return sealed, err
}

// Reseal implements seal.Store.
func (s *Seals) Reseal(ctx context.Context, record seal.Record, resealed []byte) (done bool, err error) {
	err = s.db.InClinic(ctx, "reseal a record", record.ClinicID, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		var n int64
		var err error
		switch record.Table {
		case seal.CredentialsTable:
			n, err = q.ResealCredential(ctx, dbsqlc.ResealCredentialParams{
				Resealed: resealed, ClinicID: record.ClinicID, ID: record.RowID, Sealed: record.Sealed,
			})
		case seal.SessionsTable:
			n, err = q.ResealSession(ctx, dbsqlc.ResealSessionParams{
				Resealed: resealed, ClinicID: record.ClinicID, CredentialID: record.RowID, Sealed: record.Sealed,
			})
		default:
			return errNothingSealed(record.Table)
		}
		done = n > 0
		return err
	})
	return done && err == nil, err
}

// CredentialsByKey implements seal.Store. It crosses clinics (R41).
func (s *Seals) CredentialsByKey(ctx context.Context) (counts map[string]int, err error) {
	err = s.db.System(ctx, "count the credentials of each encryption key", func(tx pgx.Tx) error {
		rows, err := dbsqlc.New(tx).CredentialsByKey(ctx)
		counts = make(map[string]int, len(rows))
		for _, row := range rows {
			counts[row.KeyID] = int(row.Credentials)
		}
		return err
	})
	return counts, err
}

func errNothingSealed(table string) error {
	return fmt.Errorf("nothing is sealed in the table %q", table)
}

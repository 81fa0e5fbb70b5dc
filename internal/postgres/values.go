package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
)

// ReadInClinic reads rows for one clinic.
func ReadInClinic[T any](ctx context.Context, db *DB, operation string, clinicID uuid.UUID, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	return read(ctx, db, operation, Scope{ClinicID: clinicID}, sql, args, scan)
}

// ReadInOrder is ReadInClinic for a statement that is ordered (Scope).
func ReadInOrder[T any](ctx context.Context, db *DB, operation string, clinicID uuid.UUID, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	return read(ctx, db, operation, Scope{ClinicID: clinicID, Ordered: true}, sql, args, scan)
}

// ReadByKey is ReadInClinic for a statement that is keyed (Scope).
func ReadByKey[T any](ctx context.Context, db *DB, operation string, clinicID uuid.UUID, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	return read(ctx, db, operation, Scope{ClinicID: clinicID, Keyed: true}, sql, args, scan)
}

func read[T any](ctx context.Context, db *DB, operation string, s Scope, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	if s.ClinicID == uuid.Nil { // a zero id would mean all clinics
		return nil, fmt.Errorf("%s: no clinic is named", operation)
	}
	items, err := Query(ctx, oneTrip{db, s}, sql, args, scan)
	return items, db.Translate(ctx, operation, err)
}

// Query runs a statement and scans all its rows.
func Query[T any](ctx context.Context, tx dbsqlc.DBTX, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

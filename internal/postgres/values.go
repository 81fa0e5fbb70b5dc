package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
)

// readInClinic reads rows for one clinic.
func readInClinic[T any](ctx context.Context, db *DB, operation string, clinicID uuid.UUID, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	if clinicID == uuid.Nil { // a zero id would mean all clinics
		return nil, fmt.Errorf("%s: no clinic is named", operation)
	}
	items, err := query(ctx, oneTrip{db, scope{clinicID: clinicID}}, sql, args, scan)
	return items, db.translate(ctx, operation, err)
}

// readInOrder is readInClinic for a statement that is ordered (scope).
func readInOrder[T any](ctx context.Context, db *DB, operation string, clinicID uuid.UUID, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	if clinicID == uuid.Nil {
		return nil, fmt.Errorf("%s: no clinic is named", operation)
	}
	items, err := query(ctx, oneTrip{db, scope{clinicID: clinicID, ordered: true}}, sql, args, scan)
	return items, db.translate(ctx, operation, err)
}

// query runs a statement and scans all its rows.
func query[T any](ctx context.Context, tx dbsqlc.DBTX, sql string, args []any, scan pgx.RowToFunc[T]) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// oneRow returns missing where a statement that names one row has changed none.
func oneRow(n int64, err, missing error) error {
	if err == nil && n == 0 {
		return missing
	}
	return err
}

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/pims"
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

// value returns what a pointer points to, or the zero value for nil: a null.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// known returns a text for the database, null where it is blank (R7).
func known(text string) *string {
	if pims.Blank(text) {
		return nil
	}
	return &text
}

// knownTime returns an instant for the database, null where it is zero.
func knownTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// knownID returns an id for the database, null where it is zero.
func knownID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// oneRow returns missing where a statement that names one row has changed none.
func oneRow(n int64, err, missing error) error {
	if err == nil && n == 0 {
		return missing
	}
	return err
}

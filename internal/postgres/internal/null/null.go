// Package null converts between zero values and the nulls of the database. It is for the
// packages that hold statements.
package null

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// Value returns what a pointer points to, or the zero value for nil: a null.
func Value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Text returns a text for the database, null where it is blank (R7).
func Text(text string) *string {
	if pims.Blank(text) {
		return nil
	}
	return &text
}

// Time returns an instant for the database, null where it is zero.
func Time(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ID returns an id for the database, null where it is zero.
func ID(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// Found returns the error of a statement that reads one row: missing where there is no row.
func Found(err, missing error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return missing
	}
	return err
}

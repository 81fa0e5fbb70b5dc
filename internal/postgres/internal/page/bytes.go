package page

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Bytes bounds the rows of one page to syncs.MaxPageBytes, as the database sends them (R38).
// A page has its first row whatever the size of it, so that none is empty with more to come.
// What comes after the bound is read from the connection and not kept. The zero value is
// ready for use.
type Bytes struct {
	held, rows int
	full       bool
}

// Full reports whether rows were left out.
func (b *Bytes) Full() bool { return b.full }

// Rows returns the rows up to the bound. Several results may share the bytes of one page.
func (b *Bytes) Rows(rows pgx.Rows) pgx.Rows { return &boundRows{rows, b} }

// In returns a database whose results are bounded.
func (b *Bytes) In(db dbsqlc.DBTX) dbsqlc.DBTX { return boundDB{db, b} }

type boundDB struct {
	dbsqlc.DBTX

	bytes *Bytes
}

func (d boundDB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := d.DBTX.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return d.bytes.Rows(rows), nil
}

type boundRows struct {
	pgx.Rows

	bytes *Bytes
}

// Next implements pgx.Rows.
func (r *boundRows) Next() bool {
	if r.bytes.full || !r.Rows.Next() {
		r.Close()
		return false
	}
	size := 0
	for _, value := range r.RawValues() {
		size += len(value)
	}
	if r.bytes.rows > 0 && r.bytes.held+size > syncs.MaxPageBytes {
		r.bytes.full = true
		r.Close()
		return false
	}
	r.bytes.held += size
	r.bytes.rows++
	return true
}

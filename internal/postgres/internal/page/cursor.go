// Package page reads a list from the database page by page: what a cursor means, and how many
// items a page has. It is for the packages that hold statements.
package page

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
)

// A Cursor is the position of a row in a list: the instant that the list is sorted by, in
// whole microseconds as the database stores them, and the row's id. A zero instant is null.
type Cursor struct {
	At time.Time
	ID uuid.UUID
}

// String returns the opaque form of a cursor for callers.
func (c Cursor) String() string {
	place := binary.BigEndian.AppendUint64(nil, uint64(c.At.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(place, c.ID[:]...))
}

// Parse reads a cursor that String made. An empty text gives first. Any other text is
// CodeInvalidRequest.
func Parse(text string, first Cursor) (Cursor, error) {
	if text == "" {
		return first, nil
	}
	place, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(place) != 8+len(uuid.Nil) {
		return Cursor{}, Invalid()
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(place))).UTC() //nolint:gosec // written the same way
	if year := at.Year(); year < 1 || year > 9999 {
		return Cursor{}, Invalid()
	}
	return Cursor{at, uuid.UUID(place[8:])}, nil
}

// Invalid returns the error of a cursor that no list has returned.
func Invalid() error {
	return syncs.Invalid("cursor", "cursor is not one that an earlier answer gave")
}

// Limit returns how many items a page has.
func Limit(p syncs.Page) int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return min(p.Limit, maxLimit)
}

// Of makes a page of the rows that were read within the bytes of b. There is one row more
// than limit where there is a next page, or b left rows out.
func Of[T any](rows []T, limit int, b *Bytes, place func(T) string) syncs.List[T] {
	if len(rows) <= limit && !b.Full() {
		return syncs.List[T]{Items: rows}
	}
	rows = rows[:min(limit, len(rows))]
	return syncs.List[T]{Items: rows, NextCursor: place(rows[len(rows)-1])}
}

// Latest sorts after every row in a list that shows the newest first.
var Latest = Cursor{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), uuid.Max}

// Earliest sorts before every row in a list that shows the oldest first. It differs from
// the zero instant, which stands for null.
var Earliest = Cursor{time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), uuid.Nil}

package postgres

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

// A cursor is the position of a row in a list: the instant that the list is sorted by, in
// whole microseconds as the database stores them, and the row's id. A zero instant is null.
type cursor struct {
	at time.Time
	id uuid.UUID
}

// String returns the opaque form of a cursor for callers.
func (c cursor) String() string {
	place := binary.BigEndian.AppendUint64(nil, uint64(c.at.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(place, c.id[:]...))
}

// parseCursor reads a cursor that String made. An empty text gives first. Any other text is
// CodeInvalidRequest.
func parseCursor(text string, first cursor) (cursor, error) {
	if text == "" {
		return first, nil
	}
	place, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(place) != 8+len(uuid.Nil) {
		return cursor{}, errCursor()
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(place))).UTC() //nolint:gosec // written the same way
	return cursor{at, uuid.UUID(place[8:])}, nil
}

func errCursor() error {
	failure := syncs.Fail(syncs.CodeInvalidRequest, "cursor is not one that an earlier answer gave")
	failure.Field = "cursor"
	return failure
}

// limitOf returns how many items a page has.
func limitOf(p syncs.Page) int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return min(p.Limit, maxLimit)
}

// pageOf makes a page of the rows that were read. There is one row more than limit where
// there is a next page.
func pageOf[T any](rows []T, limit int, place func(T) cursor) syncs.List[T] {
	if len(rows) <= limit {
		return syncs.List[T]{Items: rows}
	}
	rows = rows[:limit]
	return syncs.List[T]{Items: rows, NextCursor: place(rows[limit-1]).String()}
}

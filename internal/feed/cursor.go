package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Mark is drawn at random for each position. A database that was restored from a backup
// gives the same positions again, with other marks, so a mark tells whether a cursor and a
// database have the same past (R46).
type Mark [8]byte

// A Cursor is a place in the feed, as one clinic reads it: after an event of a position, or
// after all of it.
type Cursor struct {
	Point

	Event    int64 // the id of the last change that was read of the position; End: all were
	ClinicID uuid.UUID
}

// End is the event of a cursor behind all changes of its position.
const End = math.MaxInt64

// whole returns the cursor behind a position.
func whole(p Point, clinicID uuid.UUID) Cursor {
	return Cursor{Point: p, Event: End, ClinicID: clinicID}
}

// holds reports whether everything after a cursor is still there, and comes after what its
// reader has read. mark is that of the cursor's position in the database.
func (c Cursor) holds(head Head, mark Mark) bool {
	switch {
	case c.Position == head.Forgotten.Position && c.Event == End:
		return c.Mark == head.Forgotten.Mark
	case c.Position <= head.Forgotten.Position:
		return false
	default:
		return c.Position <= head.Last.Position && c.Mark == mark
	}
}

const (
	cursorVersion = 1
	cursorSize    = 1 + 8 + 8 + 8 + 8
)

// String returns the opaque form of a cursor for callers.
func (c Cursor) String() string {
	b := []byte{cursorVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Position)) //nolint:gosec // never negative
	b = binary.BigEndian.AppendUint64(b, uint64(c.Event))    //nolint:gosec // never negative
	b = append(b, c.Mark[:]...)
	b = append(b, clinicMark(c.ClinicID)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// clinicMark is what a cursor holds of its clinic's id.
func clinicMark(id uuid.UUID) []byte {
	sum := sha256.Sum256(id[:])
	return sum[:8]
}

// parseCursor reads a cursor that String made for the same clinic. FromNow and an empty
// text give the zero cursor.
func parseCursor(text string, clinicID uuid.UUID) (Cursor, error) {
	if text == "" || text == FromNow {
		return Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != cursorSize || b[0] != cursorVersion {
		return Cursor{}, refused("after is not a cursor that an earlier response had; leave it out to begin with the oldest change")
	}
	if !bytes.Equal(b[25:], clinicMark(clinicID)) {
		return Cursor{}, refused("after is the cursor of another clinic; each clinic has its own")
	}
	position, event := int64(binary.BigEndian.Uint64(b[1:9])), int64(binary.BigEndian.Uint64(b[9:17])) //nolint:gosec // checked
	if position < 0 || event < 0 {
		return Cursor{}, refused("after is not a cursor that an earlier response had")
	}
	return Cursor{Point: Point{position, Mark(b[17:25])}, Event: event, ClinicID: clinicID}, nil
}

func refused(text string) error { return syncs.Invalid("after", "%s", text) }

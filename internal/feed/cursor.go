package feed

import (
	"bytes"
	"crypto/hmac"
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

	key []byte // signs it
}

// End is the event of a cursor behind all changes of its position.
const End = math.MaxInt64

// whole returns the cursor behind a position.
func whole(p Point, clinicID uuid.UUID) Cursor {
	return Cursor{Point: p, Event: End, ClinicID: clinicID}
}

// holds reports whether everything after a cursor is still there, and comes after what its
// reader has read.
func (c Cursor) holds(head Head) bool {
	mark := head.At.Mark
	switch {
	case c.Position == head.Forgotten.Position && c.Event == End:
		return c.Mark == head.Forgotten.Mark
	case c.Position <= head.Forgotten.Position:
		return false
	default:
		return c.Position <= head.Last.Position && c.Mark == mark
	}
}

// A cursor is a byte for its version, the position, the event, the mark, what it has of the
// clinic, and the first bytes of an HMAC-SHA-256 of all that. The first version had no HMAC.
const (
	cursorUnsigned = 1
	cursorSigned   = 2
	cursorSize     = 1 + 8 + 8 + 8 + 8
	cursorMAC      = 16
)

// String returns the opaque form of a cursor for callers.
func (c Cursor) String() string {
	b := []byte{cursorSigned}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Position)) //nolint:gosec // never negative
	b = binary.BigEndian.AppendUint64(b, uint64(c.Event))    //nolint:gosec // never negative
	b = append(b, c.Mark[:]...)
	b = append(b, clinicMark(c.ClinicID)...)
	b = append(b, mac(c.key, b)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// clinicMark is what a cursor holds of its clinic's id.
func clinicMark(id uuid.UUID) []byte {
	sum := sha256.Sum256(id[:])
	return sum[:8]
}

func mac(key, cursor []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(cursor)
	return h.Sum(nil)[:cursorMAC]
}

// A given cursor is one that a reader sent, with its bytes.
type given struct {
	Cursor

	signed []byte // what the MAC covers
	mac    []byte // nil: it has none
}

// check refuses a cursor that no response had: one with another MAC, or one without where
// all had one (R46).
func (g *given) check(head Head) error {
	switch {
	case g.signed == nil: // none was sent
		return nil
	case g.mac != nil && hmac.Equal(g.mac, mac(head.CursorKey, g.signed)):
		return nil
	case g.mac == nil && !head.At.Sequenced.After(head.UnsignedUntil): // also one that is not kept
		return nil
	default:
		return notOurs()
	}
}

func notOurs() error {
	return refused("after is not a cursor that an earlier response had; leave it out to begin with the oldest change")
}

// parseCursor reads a cursor of the same clinic. FromNow and an empty text give the zero
// cursor.
func parseCursor(text string, clinicID uuid.UUID) (given, error) {
	if text == "" || text == FromNow {
		return given{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	var sent given
	switch {
	case err == nil && len(b) == cursorSize && b[0] == cursorUnsigned:
		sent.signed = b
	case err == nil && len(b) == cursorSize+cursorMAC && b[0] == cursorSigned:
		sent.signed, sent.mac = b[:cursorSize], b[cursorSize:]
	default:
		return given{}, notOurs()
	}
	if !bytes.Equal(sent.signed[25:], clinicMark(clinicID)) {
		return given{}, refused("after is the cursor of another clinic; each clinic has its own")
	}
	position, event := int64(binary.BigEndian.Uint64(b[1:9])), int64(binary.BigEndian.Uint64(b[9:17])) //nolint:gosec // checked
	if position < 0 || event < 0 {
		return given{}, notOurs()
	}
	sent.Cursor = Cursor{Point: Point{position, Mark(b[17:25])}, Event: event, ClinicID: clinicID}
	return sent, nil
}

func refused(text string) error { return syncs.Invalid("after", "%s", text) }

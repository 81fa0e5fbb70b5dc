package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"reflect"
	"strings"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A cursor of a list leaves the API signed: the first 16 bytes of an HMAC-SHA-256, then the
// place in the list as the store names it. The HMAC covers the list too: the operation, the
// clinic, the caller's limit, and the filter. So a cursor that is forged, or that belongs to
// another clinic, list or filter, is refused before the store sees it (R38).

const (
	cursorMAC = 16 // bytes
	maxCursor = 2048
)

// aList is one list of one caller, for which cursors are signed.
type aList struct {
	keys [][]byte // the first signs, all of them check
	name string
}

// listOf returns the list that a call asks for.
func (a *API) listOf(op Operation, c *Call) aList {
	var b strings.Builder
	for _, part := range []string{op.ID, c.ClinicID.String(), strings.ToLower(c.URL.Path)} {
		b.WriteString(part + "\n")
	}
	if c.Caller.Limited {
		for _, id := range c.Caller.Clinics {
			b.WriteString(id.String() + "\n")
		}
	}
	filter := url.Values{}
	for name, values := range c.URL.Query() {
		if name != "limit" && name != "cursor" && values[0] != "" {
			filter[name] = values
		}
	}
	b.WriteString("?" + filter.Encode())
	return aList{a.cursorKeys(), b.String()}
}

// randomCursorKey signs the cursors of an API that was given no key.
func randomCursorKey() [][]byte {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return [][]byte{key}
}

func (l aList) mac(key []byte, place string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(l.name + "\x00" + place)) // a name has no NUL: checkQuery refuses it
	return h.Sum(nil)[:cursorMAC]
}

// sign returns the cursor of a place; empty for the end.
func (l aList) sign(place string) string {
	if place == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(l.mac(l.keys[0], place), place...))
}

// open returns the place of a cursor that sign made for the same list.
func (l aList) open(cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(raw) > cursorMAC {
		place := string(raw[cursorMAC:])
		for _, key := range l.keys {
			if hmac.Equal(raw[:cursorMAC], l.mac(key, place)) {
				return place, nil
			}
		}
	}
	return "", Invalid("cursor", "cursor is not one that an earlier response of this list, with this filter, gave")
}

// signNext signs the field NextCursor of a list's body, so that no list can forget it. It
// returns any other body as it is.
func (l aList) signNext(body any) any {
	v := reflect.ValueOf(body)
	if v.Kind() != reflect.Struct || !v.FieldByName("NextCursor").IsValid() {
		return body
	}
	signed := reflect.New(v.Type()).Elem()
	signed.Set(v)
	if next, ok := reflect.TypeAssert[**string](signed.FieldByName("NextCursor").Addr()); ok && *next != nil {
		*next = Text(l.sign(**next))
	}
	return signed.Interface()
}

// Page reads limit and cursor.
func (q *Query) Page() syncs.Page {
	page := syncs.Page{Limit: q.Number("limit", DefaultLimit, 1, MaxLimit)}
	if cursor := q.Text("cursor"); cursor != "" {
		place, err := q.list.open(cursor)
		if err != nil {
			q.fail(err)
		}
		page.Cursor = place
	}
	return page
}

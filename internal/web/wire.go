package web

import (
	"errors"
	"regexp"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An Instant is a time in JSON.
type Instant time.Time

// MarshalText writes the instant as syncs.Moment does.
func (i Instant) MarshalText() ([]byte, error) { return []byte(syncs.Moment(time.Time(i))), nil }

// Schema describes an instant in /openapi.json.
func (Instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-01-17T12:00:00.000Z"}}
}

// UnmarshalText reads a moment of RFC 3339.
func (i *Instant) UnmarshalText(text []byte) error {
	t, err := parseInstant(string(text))
	*i = Instant(t)
	return err
}

// parseInstant reads a moment of RFC 3339 in the years 1 to 9999 of UTC.
func parseInstant(text string) (t time.Time, err error) {
	if !rfc3339.MatchString(text) { // time.Parse is more lenient
		return time.Time{}, errors.New("not a moment of RFC 3339")
	}
	if t, err = time.Parse(time.RFC3339, text); err != nil {
		return time.Time{}, err
	}
	if !commonYear(t.UTC().Year()) {
		return time.Time{}, errYear
	}
	return t, nil
}

// parseDay reads a day of the form YYYY-MM-DD in the years 1 to 9999.
func parseDay(text string) (pims.Date, error) {
	date, err := pims.ParseDate(text)
	if err == nil && !commonYear(date.Year) {
		return pims.Date{}, errYear
	}
	return date, err
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$`)

func commonYear(year int) bool { return year >= 1 && year <= 9999 }

var errYear = errors.New("the year must be between 1 and 9999")

// An ID is a UUID in a request, in its usual form and no other.
type ID uuid.UUID

// UnmarshalText reads the UUID.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := uuid.ParseBytes(text)
	if err == nil && len(text) != len(parsed.String()) {
		err = errors.New("not the usual form of a UUID")
	}
	*id = ID(parsed)
	return err
}

// MarshalText writes the UUID.
func (id ID) MarshalText() ([]byte, error) { return uuid.UUID(id).MarshalText() }

// Schema describes an id in /openapi.json.
func (ID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "uuid"}
}

// Moment returns an instant that may be unknown: nil becomes null in JSON.
func Moment(t time.Time) *Instant {
	if t.IsZero() {
		return nil
	}
	i := Instant(t)
	return &i
}

// A Day is a civil day in JSON, in the clinic's zone (R1).
type Day pims.Date

// MarshalText writes the day as YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return []byte(pims.Date(d).String()), nil }

// UnmarshalText reads a day of the form YYYY-MM-DD.
func (d *Day) UnmarshalText(text []byte) error {
	date, err := parseDay(string(text))
	*d = Day(date)
	return err
}

// Date returns the day as the domain has it; nil stays nil.
func (d *Day) Date() *pims.Date { return (*pims.Date)(d) }

// Schema describes a day in /openapi.json.
func (Day) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Examples: []any{"2026-01-17"}}
}

// Anything is a JSON value as it is stored; nil is null.
type Anything jsontext.Value

// MarshalJSONTo writes the value as it is.
func (a Anything) MarshalJSONTo(enc *jsontext.Encoder) error {
	if len(a) == 0 {
		return enc.WriteToken(jsontext.Null)
	}
	return enc.WriteValue(jsontext.Value(a))
}

// Schema describes a value of any type.
func (Anything) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// Nothing is the body of a request whose path says everything.
type Nothing struct{}

// Known returns an id that may be missing: nil becomes null in JSON.
func Known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// Text returns a text that may be missing: nil becomes null in JSON.
func Text[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	t := string(s)
	return &t
}

// Items converts the items of a list. An empty list becomes [] in JSON.
func Items[T, W any](items []T, shape func(*T) W) []W {
	shaped := make([]W, len(items))
	for i := range items {
		shaped[i] = shape(&items[i])
	}
	return shaped
}

// Encode writes a body as JSON. It replaces invalid UTF-8, so that one bad byte in the
// database does not hide a record.
func Encode(v any) ([]byte, error) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	return append(body, '\n'), err
}

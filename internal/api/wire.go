package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// instantLayout is RFC 3339 with milliseconds, as in the specification's examples. Instants
// are always written in UTC.
const instantLayout = "2006-01-02T15:04:05.000Z07:00"

// An instant is a time in JSON.
type instant time.Time

func (i instant) MarshalText() ([]byte, error) {
	return time.Time(i).UTC().AppendFormat(nil, instantLayout), nil
}

// Schema describes an instant in /openapi.json.
func (instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-01-17T12:00:00.000Z"}}
}

// moment returns an instant that may be unknown: nil becomes null in JSON.
func moment(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	i := instant(t)
	return &i
}

// A day is a civil day in JSON, in the clinic's zone (R1).
type day pims.Date

func (d day) MarshalText() ([]byte, error) { return []byte(pims.Date(d).String()), nil }

func (d *day) UnmarshalText(text []byte) error {
	date, err := pims.ParseDate(string(text))
	*d = day(date)
	return err
}

// Schema describes a day in /openapi.json.
func (day) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Examples: []any{"2026-01-17"}}
}

// known returns an id that may be missing: nil becomes null in JSON.
func known(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// text returns a text that may be missing: nil becomes null in JSON.
func text[T ~string](s T) *string {
	if s == "" {
		return nil
	}
	t := string(s)
	return &t
}

// encode writes a body as JSON. It replaces invalid UTF-8, so that one bad byte in the
// database does not hide a record.
func encode(v any) ([]byte, error) {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	return append(body, '\n'), err
}

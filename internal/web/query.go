package web

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The number of items of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

const (
	inQuery  = "query"
	inPath   = "path"
	inHeader = "header"
)

// TextParam is a parameter of free text.
func TextParam(name, description string, maxLength int, example string) *huma.Param {
	return &huma.Param{
		Name: name, In: inQuery, Description: description, Example: example,
		Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &maxLength},
	}
}

// WordParam is a parameter that accepts one of a few words. Like the others it may be sent
// without a value, which counts as absent.
func WordParam[T ~string](name, description string, words []T) *huma.Param {
	enum := make([]any, len(words))
	for i, word := range words {
		enum[i] = string(word)
	}
	return &huma.Param{
		Name: name, In: inQuery, Description: description, AllowEmptyValue: true,
		Schema: &huma.Schema{Type: huma.TypeString, Enum: enum},
	}
}

// DayParam is a parameter that is a day of the clinic.
func DayParam(name, description string) *huma.Param {
	return &huma.Param{
		Name: name, In: inQuery, Description: description, Example: "2026-01-17", AllowEmptyValue: true,
		Schema: &huma.Schema{Type: huma.TypeString, Format: "date"},
	}
}

// InstantParam is a parameter that is a moment.
func InstantParam(name, description string) *huma.Param {
	return &huma.Param{
		Name: name, In: inQuery, Description: description, Example: "2026-01-17T12:00:00Z", AllowEmptyValue: true,
		Schema: &huma.Schema{Type: huma.TypeString, Format: "date-time"},
	}
}

// NumberParam is a parameter of a whole number.
func NumberParam(name, description string, least, most int) *huma.Param {
	low, high := float64(least), float64(most)
	return &huma.Param{
		Name: name, In: inQuery, Description: description,
		Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high},
	}
}

// PageParams returns the parameters of every list.
func PageParams() []*huma.Param {
	return []*huma.Param{
		NumberParam("limit", fmt.Sprintf("How many items at most. Default: %d.", DefaultLimit), 1, MaxLimit),
		TextParam("cursor", "Where to go on: `nextCursor` of the page before. It is signed, and holds only for the same list with the same filter.", maxCursor, ""),
	}
}

// ClinicParam is the clinic in a path.
func ClinicParam() *huma.Param {
	return &huma.Param{
		Name: "clinicId", In: inPath, Required: true, Description: "The id of the clinic.",
		Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
	}
}

// idOf begins the description of an id.
const idOf = "The id of "

// IDParam is the id in a path, of a thing with its article.
func IDParam(of string) *huma.Param {
	return &huma.Param{
		Name: "id", In: inPath, Required: true, Description: idOf + of + ".",
		Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
	}
}

// NamedIDParam is a further id in a path, which Call.PathUUID reads.
func NamedIDParam(name, of string) *huma.Param {
	p := IDParam(of)
	p.Name = name
	return p
}

// HeaderParam is a header of a request.
func HeaderParam(name, description, example string) *huma.Param {
	return &huma.Param{
		Name: name, In: inHeader, Description: description, Example: example,
		Schema: &huma.Schema{Type: huma.TypeString},
	}
}

// VisibleParam is a header of visible ASCII characters, at most so many.
func VisibleParam(name, description, example string, most int) *huma.Param {
	param := HeaderParam(name, description, example)
	param.Schema.MinLength, param.Schema.MaxLength, param.Schema.Pattern = new(1), &most, "^[!-~]+$"
	return param
}

// checkQuery refuses parameters that are unknown, duplicate or differently cased, and
// values that the parameter's description excludes (R38).
func checkQuery(raw string, params []*huma.Param) error {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return Invalid("query", "the query of the address is malformed; encode special characters with %%")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(params, func(p *huma.Param) bool { return p.In == inQuery && p.Name == name })
		switch {
		case i < 0:
			return Invalid(fieldName(name), "there is no such parameter here; %s", paramNames(params))
		case len(values[name]) > 1:
			return Invalid(name, "%s is given more than once", name)
		}
		if err := checkText(name, values[name][0], params[i].Schema); err != nil {
			return err
		}
	}
	return nil
}

func checkText(name, value string, schema *huma.Schema) error {
	switch {
	case !syncs.IsLine(value):
		return Invalid(name, "%s holds characters that are not text", name)
	case schema.MaxLength != nil && len(value) > *schema.MaxLength:
		return Invalid(name, "%s is longer than %d bytes", name, *schema.MaxLength)
	case schema.Type == huma.TypeInteger && value == "":
		return Invalid(name, "%s is empty; give it a whole number between %.0f and %.0f, or leave it out", name, *schema.Minimum, *schema.Maximum)
	case schema.Enum != nil && value != "" && !slices.Contains(schema.Enum, any(value)):
		return Invalid(name, "%s must be one of %s", name, strings.Trim(fmt.Sprint(schema.Enum), "[]"))
	}
	return nil
}

func paramNames(params []*huma.Param) string {
	var names []string
	for _, p := range params {
		if p.In == inQuery {
			names = append(names, p.Name)
		}
	}
	if names == nil {
		return "there are none"
	}
	return "there are " + strings.Join(names, ", ")
}

// fieldName returns a caller's name for a field where it looks like one. Any other text may
// be a person's name and is not repeated (R40).
func fieldName(name string) string {
	if !plainName.MatchString(name) {
		return "(unknown)"
	}
	return name
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// A Query reads the parameters of a call that passed checkQuery. It keeps the first error.
// A parameter without a value counts as absent.
type Query struct {
	Err error

	values url.Values
	list   aList
}

// QueryOf returns the parameters of a call.
func QueryOf(c *Call) *Query { return &Query{values: c.URL.Query(), list: c.list} }

// Text returns a parameter as it is; empty where it is absent.
func (q *Query) Text(name string) string { return q.values.Get(name) }

func (q *Query) fail(err error) {
	if q.Err == nil {
		q.Err = err
	}
}

// Day reads a day of the form YYYY-MM-DD; zero where it is absent.
func (q *Query) Day(name string) pims.Date {
	value := q.Text(name)
	if value == "" {
		return pims.Date{}
	}
	date, err := parseDay(value)
	if err != nil {
		q.fail(Invalid(name, "%s must be a day of the form YYYY-MM-DD", name))
	}
	return date
}

// Instant reads a moment of RFC 3339; zero where it is absent.
func (q *Query) Instant(name string) time.Time {
	value := q.Text(name)
	if value == "" {
		return time.Time{}
	}
	t, err := parseInstant(value)
	if err != nil {
		q.fail(Invalid(name, "%s must be a moment such as 2026-01-17T12:00:00Z; write the + of an offset as %%2B", name))
	}
	return t
}

// Needed reads a moment that must be given.
func (q *Query) Needed(name string) time.Time {
	t := q.Instant(name)
	if t.IsZero() {
		q.fail(Invalid(name, "%s is missing; give a moment such as 2026-01-17T12:00:00Z", name))
	}
	return t
}

// Number reads a whole number between least and most; otherwise where it is absent.
func (q *Query) Number(name string, otherwise, least, most int) int {
	value := q.Text(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most || strconv.Itoa(n) != value { // +5 and 007 are refused
		q.fail(Invalid(name, "%s must be a whole number between %d and %d", name, least, most))
	}
	return n
}

// PathID returns the id in the path. A text that is not a UUID in its usual form is
// not_found, like the id of another clinic's record (R38).
func (c *Call) PathID() (uuid.UUID, error) { return c.pathUUID("id") }

// PathUUID returns an id that the path names.
func (c *Call) PathUUID(name string) (uuid.UUID, error) { return c.pathUUID(name) }

func (c *Call) pathUUID(name string) (uuid.UUID, error) {
	value := c.PathValue(name)
	id, err := uuid.Parse(value)
	if err != nil || len(value) != len(uuid.UUID{}.String()) {
		return uuid.Nil, NotFound()
	}
	return id, nil
}

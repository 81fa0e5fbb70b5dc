package api

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The size of a page.
const (
	defaultLimit = 50
	maxLimit     = 200
)

const (
	inQuery  = "query"
	inPath   = "path"
	inHeader = "header"
)

// textParam is a parameter of free text.
func textParam(name, description string, maxLength int, example string) *huma.Param {
	return &huma.Param{
		Name: name, In: inQuery, Description: description, Example: example,
		Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &maxLength},
	}
}

// wordParam is a parameter that accepts one of a few words.
func wordParam[T ~string](name, description string, words []T) *huma.Param {
	enum := make([]any, len(words))
	for i, word := range words {
		enum[i] = string(word)
	}
	return &huma.Param{
		Name: name, In: inQuery, Description: description,
		Schema: &huma.Schema{Type: huma.TypeString, Enum: enum},
	}
}

func dayParam(name, description string) *huma.Param {
	return &huma.Param{
		Name: name, In: inQuery, Description: description, Example: "2026-01-17",
		Schema: &huma.Schema{Type: huma.TypeString, Format: "date"},
	}
}

func instantParam(name, description string) *huma.Param {
	return &huma.Param{
		Name: name, In: inQuery, Description: description, Example: "2026-01-17T12:00:00Z",
		Schema: &huma.Schema{Type: huma.TypeString, Format: "date-time"},
	}
}

// pageParams are the parameters of every list.
func pageParams() []*huma.Param {
	least, most := 1.0, float64(maxLimit)
	return []*huma.Param{
		{
			Name: "limit", In: inQuery, Description: fmt.Sprintf("How many items at most. Default: %d.", defaultLimit),
			Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most},
		},
		textParam("cursor", "Where to go on: `nextCursor` of the page before. It holds only for the same filter.", 512, ""),
	}
}

func idParam(of string) *huma.Param {
	return &huma.Param{
		Name: "id", In: inPath, Required: true, Description: "The id of " + of + ".",
		Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"},
	}
}

// checkQuery refuses parameters that are unknown, duplicate or differently cased, and
// values that the parameter's description excludes (R38).
func checkQuery(raw string, params []*huma.Param) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return invalid("query", "the query of the address is malformed; encode special characters with %%")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(params, func(p *huma.Param) bool { return p.In == inQuery && p.Name == name })
		switch {
		case i < 0:
			return invalid(fieldName(name), "there is no such parameter here; %s", paramNames(params))
		case len(values[name]) > 1:
			return invalid(name, "%s is given more than once", name)
		}
		if err := checkText(name, values[name][0], params[i].Schema); err != nil {
			return err
		}
	}
	return nil
}

func checkText(name, value string, schema *huma.Schema) error {
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return invalid(name, "%s holds characters that are not text", name)
	case schema.MaxLength != nil && len(value) > *schema.MaxLength:
		return invalid(name, "%s is longer than %d bytes", name, *schema.MaxLength)
	case schema.Type == huma.TypeInteger && value == "":
		return invalid(name, "%s is empty; give it a whole number between %.0f and %.0f, or leave it out", name, *schema.Minimum, *schema.Maximum)
	case schema.Enum != nil && value != "" && !slices.Contains(schema.Enum, any(value)):
		return invalid(name, "%s must be one of %s", name, strings.Trim(fmt.Sprint(schema.Enum), "[]"))
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

// A query reads the parameters of a call that passed checkQuery. It keeps the first error.
// A parameter without a value counts as absent.
type query struct {
	values url.Values
	err    error
}

func queryOf(c *call) *query { return &query{values: c.URL.Query()} }

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

func (q *query) day(name string) pims.Date {
	value := q.text(name)
	if value == "" {
		return pims.Date{}
	}
	date, err := pims.ParseDate(value)
	if err != nil {
		q.fail(invalid(name, "%s must be a day of the form YYYY-MM-DD", name))
	}
	return date
}

func (q *query) instant(name string) time.Time {
	value := q.text(name)
	if value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		q.fail(invalid(name, "%s must be a moment such as 2026-01-17T12:00:00Z; write the + of an offset as %%2B", name))
	}
	return t
}

func (q *query) page() syncs.Page {
	page := syncs.Page{Limit: defaultLimit, Cursor: q.text("cursor")}
	if value := q.text("limit"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxLimit {
			q.fail(invalid("limit", "limit must be a whole number between 1 and %d", maxLimit))
		}
		page.Limit = n
	}
	return page
}

// pathID returns the id in the path. A text that is not a UUID in its usual form is
// not_found, like the id of another clinic's record (R38).
func (c *call) pathID() (uuid.UUID, error) {
	value := c.PathValue("id")
	id, err := uuid.Parse(value)
	if err != nil || len(value) != len(uuid.UUID{}.String()) {
		return uuid.Nil, errNotFound()
	}
	return id, nil
}

package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	schemaPrefix   = "#/components/schemas/"
	securityScheme = "apiKey"
)

// exampleTime is the time of the examples of errors.
var exampleTime = time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)

// About describes an API as a whole.
type About struct {
	Title       string
	Version     string // of the interface; the program has its own
	Description string
	KeyFrom     string      // how to get a key
	Tags        []*huma.Tag // in the order of the documentation
}

// Document returns the OpenAPI 3.1 document of the API, indented.
func (a *API) Document() []byte { return encodeDocument(a.Describe()) }

// Describe describes the operations as OpenAPI 3.1.
func (a *API) Describe() *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       a.About.Title,
			Version:     a.About.Version,
			Description: a.About.Description,
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Tags: a.About.Tags,
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				securityScheme: {Type: "apiKey", In: "header", Name: "X-API-Key", Description: a.About.KeyFrom},
			},
		},
	}
	d := describer{registry: doc.Components.Schemas, requests: map[string]bool{}}
	for _, op := range a.Operations {
		doc.AddOperation(d.operation(op))
	}
	d.finish()
	return doc
}

// encodeDocument writes a document, indented. It cannot fail, because nothing in the
// document comes from a caller.
func encodeDocument(doc *huma.OpenAPI) []byte {
	compact, err := doc.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("web: the OpenAPI document cannot be encoded: %v", err))
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		panic(fmt.Sprintf("web: the OpenAPI document is no JSON: %v", err))
	}
	indented.WriteByte('\n')
	return indented.Bytes()
}

// A describer turns our operations into OpenAPI operations.
type describer struct {
	registry huma.Registry
	requests map[string]bool // the schemas of request bodies
}

func (d describer) operation(op Operation) *huma.Operation {
	described := &huma.Operation{
		Method:      op.Method,
		Path:        op.Path,
		OperationID: op.ID,
		Tags:        []string{op.Tag},
		Summary:     op.Summary,
		Description: op.Description,
		Parameters:  op.Params,
		Responses:   map[string]*huma.Response{},
	}
	described.Security = []map[string][]string{} // none, said aloud
	if op.Needs != "" {
		described.Security = []map[string][]string{{securityScheme: {}}}
		described.Description = strings.TrimSpace(described.Description + "\n\n" + op.needsInWords())
	}
	if op.Body != nil {
		described.RequestBody = d.request(op.Body)
	}
	for _, o := range op.Offers {
		described.Responses[strconv.Itoa(o.Status)] = d.offer(o)
	}
	for status, codes := range op.Problems() {
		key := strconv.Itoa(status)
		if described.Responses[key] == nil {
			described.Responses[key] = d.problem(op, status, codes)
		}
	}
	return described
}

// needsInWords says what callers need for an operation.
func (op Operation) needsInWords() string {
	role := op.Needs.Role()
	fleet := fmt.Sprintf("%#q, or the role %s", access.ScopeOf(role), role)
	switch op.Of {
	case OfKeysClinic:
		return "Scope: " + op.Needs.InWords() + "."
	case OfCallersClinics:
		return "Scope: " + op.Needs.InWords() + "; " + fleet + "."
	default:
		return "Scope: " + fleet + "."
	}
}

func (d describer) request(example any) *huma.RequestBody {
	schema := d.schemaOf(example)
	d.requests[strings.TrimPrefix(schema.Ref, schemaPrefix)] = true
	described := d.registry.SchemaFromRef(schema.Ref)
	description, required := "May be left out.", true
	switch {
	case len(described.Required) > 0:
		description = "Must have " + strings.Join(described.Required, ", ") + "."
	case isReplacement(example):
		description = "Must be sent, with all that is to be kept; {} removes everything."
	default:
		required = false
	}
	return &huma.RequestBody{
		Description: description,
		Required:    required,
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema, Example: encoded(example)}},
	}
}

func (d describer) offer(o Offer) *huma.Response {
	response := &huma.Response{Description: o.Description, Headers: maps.Clone(o.Headers)}
	switch {
	case o.Stream != nil:
		response.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: d.events(o.Stream)}}
	case o.Example == nil:
		response.Content = map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
	default:
		response.Content = map[string]*huma.MediaType{
			"application/json": {Schema: d.schemaOf(o.Example), Example: encoded(o.Example)},
		}
	}
	return response
}

// events describes a stream of events for both kinds of clients: those that read it as one
// text, and those that read the data of its events.
func (d describer) events(examples []any) *huma.Schema {
	types := make([]reflect.Type, len(examples))
	for i, example := range examples {
		types[i] = reflect.TypeOf(example)
	}
	schema := AnyOf(d.registry, types...)
	schema.AnyOf = append(schema.AnyOf, &huma.Schema{Type: huma.TypeString})
	schema.Description = "The data of an event: a sync, or, of the event `progress`, its progress. Read as one text, the stream."
	return schema
}

// Whether a response of a status always has a header.
const (
	Always    = true
	Sometimes = false
)

// Header describes a header of a response.
func Header(required bool, description string) *huma.Header {
	return &huma.Header{Description: description, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
}

// problem describes the errors of one status. For a sync that ended with a failure, the
// answer has the sync's usual body as well (R38).
func (d describer) problem(op Operation, status int, codes []syncs.Code) *huma.Response {
	schema := d.schemaOf(Problem{})
	if op.Failed != nil && slices.ContainsFunc(codes, EndsSync) {
		schema = AnyOf(d.registry, reflect.TypeOf(op.Failed), reflect.TypeFor[Problem]())
	}
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = "`" + string(code) + "`"
	}
	example := Problem{
		Error: http.StatusText(status), Code: string(codes[0]), Timestamp: Instant(exampleTime),
	}
	return &huma.Response{
		Headers:     retryAfter(codes),
		Description: strings.Join(words, ", "),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema, Example: encoded(example)}},
	}
}

// retryAfter returns the header that says when to try again, where a status has it.
func retryAfter(codes []syncs.Code) map[string]*huma.Header {
	switch {
	case slices.Contains(codes, CodeRateLimited):
		return map[string]*huma.Header{"Retry-After": Header(Always, "After how many seconds to try again.")}
	case slices.Contains(codes, syncs.CodeDraining):
		return map[string]*huma.Header{"Retry-After": Header(Sometimes, "After how many seconds to try again, where the code is `draining`.")}
	default:
		return nil
	}
}

// EndsSync reports whether a sync that has begun can end with a code.
func EndsSync(code syncs.Code) bool {
	switch StatusOf(code) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return false
	default:
		return true
	}
}

// Problems returns the codes that an operation can respond with, sorted, by status.
func (op Operation) Problems() map[int][]syncs.Code {
	codes := append([]syncs.Code{syncs.CodeInternal, syncs.CodeInvalidRequest}, op.Codes...)
	if op.Needs != "" {
		codes = append(codes, CodeUnauthorized, syncs.CodeForbidden, CodeRateLimited, syncs.CodeDatabaseUnavailable)
	}
	slices.Sort(codes)
	byStatus := map[int][]syncs.Code{}
	for _, code := range slices.Compact(codes) {
		byStatus[StatusOf(code)] = append(byStatus[StatusOf(code)], code)
	}
	return byStatus
}

func (d describer) schemaOf(example any) *huma.Schema {
	return d.registry.Schema(reflect.TypeOf(example), true, "")
}

// finish adds to the schemas what the types cannot express. Results may gain fields; only
// requests are closed. A field of a request may be null, which counts as absent.
func (d describer) finish() {
	for name, schema := range d.registry.Map() {
		if closed, ok := schema.AdditionalProperties.(bool); ok && !closed && !d.requests[name] {
			schema.AdditionalProperties = nil
		}
		for field, property := range schema.Properties {
			property.Nullable = property.Nullable || d.requests[name] && !slices.Contains(schema.Required, field)
			if property.Nullable && (property.Enum != nil || property.Ref != "") {
				schema.Properties[field] = nullable(property, field)
			}
		}
	}
}

// nullable describes words, or an object with a name of its own, or null. An enum or a
// reference beside the type null would forbid null, and an enum that contains null makes
// several types in generated clients.
func nullable(property *huma.Schema, title string) *huma.Schema {
	alternative := &huma.Schema{Type: property.Type, Enum: property.Enum, Title: title}
	if property.Ref != "" {
		alternative = &huma.Schema{Ref: property.Ref}
	}
	return &huma.Schema{Description: property.Description, AnyOf: []*huma.Schema{alternative, {Type: "null"}}}
}

// encoded returns an example as the API would write it.
func encoded(example any) json.RawMessage {
	body, err := Encode(example)
	if err != nil {
		panic(fmt.Sprintf("web: the example of %T cannot be encoded: %v", example, err))
	}
	return bytes.TrimSpace(body)
}

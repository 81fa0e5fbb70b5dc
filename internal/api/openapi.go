package api

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

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	// apiVersion is the version of the interface, which is the specification's. The program
	// has its own version.
	apiVersion = "4.0.0"

	schemaPrefix   = "#/components/schemas/"
	securityScheme = "apiKey"
)

const about = `Keeps a veterinary clinic's cases in step with its practice information management system (PIMS).

The key in ` + "`X-API-Key`" + ` decides the clinic; no request names one. Dates are civil days in the clinic's time zone, instants are RFC 3339 in UTC.

Bodies are JSON, one object of at most 64 KiB, and may be left out. Unknown, doubled and differently cased fields and parameters are refused. A field that is null counts as left out.

Every error has the shape of ` + "`Problem`" + `: ` + "`code`" + ` is for programs, ` + "`error`" + ` for people. An id that is malformed, unknown or another clinic's brings the same 404. Every answer has the header ` + "`X-Request-Id`" + `: the request, as the server's log names it. Results may gain fields; ignore those that you do not know.`

// document describes the operations as OpenAPI 3.1.
func document(operations []operation) *huma.OpenAPI {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       "PIMS Sync API",
			Version:     apiVersion,
			Description: about,
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Tags: []*huma.Tag{
			{Name: "Syncs", Description: "Start, watch and cancel syncs."},
			{Name: "Cases", Description: "What the syncs made."},
			{Name: "Plans", Description: "What guards held back."},
			{Name: "Operation", Description: "For those who run the service."},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				securityScheme: {
					Type: "apiKey", In: "header", Name: "X-API-Key",
					Description: "Made by `pims-sync keys create`. It names its clinic and its scopes.",
				},
			},
		},
	}
	d := describer{registry: doc.Components.Schemas, requests: map[string]bool{}}
	for _, op := range operations {
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
		panic(fmt.Sprintf("api: the OpenAPI document cannot be encoded: %v", err))
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		panic(fmt.Sprintf("api: the OpenAPI document is no JSON: %v", err))
	}
	indented.WriteByte('\n')
	return indented.Bytes()
}

// A describer turns our operations into OpenAPI operations.
type describer struct {
	registry huma.Registry
	requests map[string]bool // the schemas of request bodies
}

func (d describer) operation(op operation) *huma.Operation {
	described := &huma.Operation{
		Method:      op.method,
		Path:        op.path,
		OperationID: op.id,
		Tags:        []string{op.tag},
		Summary:     op.summary,
		Description: op.description,
		Parameters:  op.params,
		Responses:   map[string]*huma.Response{},
	}
	described.Security = []map[string][]string{} // none, said aloud
	if op.access.allows != nil {
		described.Security = []map[string][]string{{securityScheme: {}}}
		described.Description = strings.TrimSpace(described.Description + "\n\nScope: " + op.access.scopes + ".")
	}
	if op.body != nil {
		described.RequestBody = d.request(op.body)
	}
	for _, o := range op.offers {
		described.Responses[strconv.Itoa(o.status)] = d.offer(o)
	}
	for status, codes := range op.problems() {
		key := strconv.Itoa(status)
		if described.Responses[key] == nil {
			described.Responses[key] = d.problem(op, status, codes)
		}
	}
	return described
}

func (d describer) request(example any) *huma.RequestBody {
	schema := d.schemaOf(example)
	d.requests[strings.TrimPrefix(schema.Ref, schemaPrefix)] = true
	return &huma.RequestBody{
		Description: "May be left out.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema, Example: encoded(example)}},
	}
}

func (d describer) offer(o offer) *huma.Response {
	response := &huma.Response{Description: o.description, Headers: maps.Clone(o.headers)}
	switch {
	case o.stream:
		response.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: d.events()}}
	case o.example == nil:
		response.Content = map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
	default:
		response.Content = map[string]*huma.MediaType{
			"application/json": {Schema: d.schemaOf(o.example), Example: encoded(o.example)},
		}
	}
	return response
}

// events describes a stream of events for both kinds of clients: those that read it as one
// text, and those that read the data of its events.
func (d describer) events() *huma.Schema {
	schema := anyOf(d.registry, reflect.TypeFor[syncRecord](), reflect.TypeFor[progress]())
	schema.AnyOf = append(schema.AnyOf, &huma.Schema{Type: huma.TypeString})
	schema.Description = "The data of an event: a sync, or, of the event `progress`, its progress. Read as one text, the stream."
	return schema
}

// Whether an answer of a status always has a header.
const (
	always    = true
	sometimes = false
)

// header describes a header of an answer.
func header(required bool, description string) *huma.Header {
	return &huma.Header{Description: description, Required: required, Schema: &huma.Schema{Type: huma.TypeString}}
}

// problem describes the errors of one status. For a sync that ended with a failure, the
// answer has the sync's usual body as well (R38).
func (d describer) problem(op operation, status int, codes []syncs.Code) *huma.Response {
	schema := d.schemaOf(problem{})
	if op.failed != nil && slices.ContainsFunc(codes, endsSync) {
		schema = anyOf(d.registry, reflect.TypeOf(op.failed), reflect.TypeFor[problem]())
	}
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = "`" + string(code) + "`"
	}
	example := problem{
		Error: http.StatusText(status), Code: string(codes[0]), Timestamp: instant(sampleTime),
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
	case slices.Contains(codes, codeRateLimited):
		return map[string]*huma.Header{"Retry-After": header(always, "After how many seconds to try again.")}
	case slices.Contains(codes, syncs.CodeDraining):
		return map[string]*huma.Header{"Retry-After": header(sometimes, "After how many seconds to try again, where the code is `draining`.")}
	default:
		return nil
	}
}

// endsSync reports whether a sync that has begun can end with a code.
func endsSync(code syncs.Code) bool {
	switch statusOf(code) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return false
	default:
		return true
	}
}

// problems returns the codes that an operation can answer with, sorted, by status.
func (op operation) problems() map[int][]syncs.Code {
	codes := append([]syncs.Code{syncs.CodeInternal}, op.codes...)
	if op.access.allows != nil {
		codes = append(codes, codeUnauthorized, syncs.CodeForbidden, codeRateLimited, syncs.CodeDatabaseUnavailable)
	}
	slices.Sort(codes)
	byStatus := map[int][]syncs.Code{}
	for _, code := range slices.Compact(codes) {
		byStatus[statusOf(code)] = append(byStatus[statusOf(code)], code)
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
			property.Nullable = property.Nullable || d.requests[name]
			if property.Nullable && property.Enum != nil {
				schema.Properties[field] = nullable(property, field)
			}
		}
	}
}

// nullable describes words or null. An enum beside the type null would forbid null, and an
// enum that contains null makes several types in generated clients.
func nullable(words *huma.Schema, title string) *huma.Schema {
	return &huma.Schema{
		Description: words.Description,
		AnyOf:       []*huma.Schema{{Type: words.Type, Enum: words.Enum, Title: title}, {Type: "null"}},
	}
}

// encoded returns an example as the API would write it.
func encoded(example any) json.RawMessage {
	body, err := encode(example)
	if err != nil {
		panic(fmt.Sprintf("api: the example of %T cannot be encoded: %v", example, err))
	}
	return bytes.TrimSpace(body)
}

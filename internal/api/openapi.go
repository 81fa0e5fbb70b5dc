package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/casesync"
)

const (
	// apiVersion is the version of the interface, which is the specification's; the
	// program has one of its own.
	apiVersion = "4.0.0"

	schemaPrefix   = "#/components/schemas/"
	securityScheme = "apiKey"
)

const about = `Keeps a veterinary clinic's cases in step with its practice information management system (PIMS).

The key in ` + "`X-API-Key`" + ` decides the clinic; no request names one. Dates are civil days in the clinic's time zone, instants are RFC 3339 in UTC.

Bodies are JSON, one object of at most 64 KiB, and may be left out. Unknown, doubled and differently cased fields and parameters are refused. A field that is null counts as left out.

Every error has the shape of ` + "`Problem`" + `: ` + "`code`" + ` is for programs, ` + "`error`" + ` for people. An id that is malformed, unknown or another clinic's answers the same 404. Results may gain fields; ignore those that you do not know.`

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
	d.openResults()
	return doc
}

// encodeDocument writes a document, indented. It cannot fail: the document is made
// here, of nothing that a caller sent.
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

// A describer turns operations into OpenAPI's.
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
	response := &huma.Response{Description: o.description}
	if o.example == nil {
		kind := "text/plain"
		if o.stream {
			kind = "text/event-stream"
		}
		response.Content = map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString}}}
		return response
	}
	response.Content = map[string]*huma.MediaType{
		"application/json": {Schema: d.schemaOf(o.example), Example: encoded(o.example)},
	}
	for name, description := range o.headers {
		if response.Headers == nil {
			response.Headers = map[string]*huma.Param{}
		}
		response.Headers[name] = &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return response
}

// problem describes the errors of one status. A sync that ended failed answers its
// usual body with them (R38).
func (d describer) problem(op operation, status int, codes []casesync.Code) *huma.Response {
	schema := d.schemaOf(problem{})
	if op.failed != nil && slices.ContainsFunc(codes, endsSync) {
		schema = &huma.Schema{AnyOf: []*huma.Schema{schema, d.schemaOf(op.failed)}}
	}
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = "`" + string(code) + "`"
	}
	example := problem{
		Error: http.StatusText(status), Code: string(codes[0]), Timestamp: instant(sampleTime),
	}
	return &huma.Response{
		Description: strings.Join(words, ", "),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema, Example: encoded(example)}},
	}
}

// endsSync tells whether a sync that has begun can end with a code.
func endsSync(code casesync.Code) bool {
	switch statusOf(code) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return false
	default:
		return true
	}
}

// problems are the codes that an operation can answer, by status, sorted.
func (op operation) problems() map[int][]casesync.Code {
	codes := append([]casesync.Code{casesync.CodeInternal}, op.codes...)
	if op.access.allows != nil {
		codes = append(codes, codeUnauthorized, casesync.CodeForbidden, codeRateLimited, casesync.CodeDatabaseUnavailable)
	}
	slices.Sort(codes)
	byStatus := map[int][]casesync.Code{}
	for _, code := range slices.Compact(codes) {
		byStatus[statusOf(code)] = append(byStatus[statusOf(code)], code)
	}
	return byStatus
}

func (d describer) schemaOf(example any) *huma.Schema {
	return d.registry.Schema(reflect.TypeOf(example), true, "")
}

// openResults lets results gain fields: only requests are closed.
func (d describer) openResults() {
	for name, schema := range d.registry.Map() {
		if closed, ok := schema.AdditionalProperties.(bool); ok && !closed && !d.requests[name] {
			schema.AdditionalProperties = nil
		}
	}
}

// encoded is an example as the API would write it.
func encoded(example any) json.RawMessage {
	body, err := encode(example)
	if err != nil {
		panic(fmt.Sprintf("api: the example of %T cannot be encoded: %v", example, err))
	}
	return bytes.TrimSpace(body)
}

package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// address is the document's name while its schemas are compiled.
const address = "api:///openapi.json"

// The parts of an OpenAPI document that are read.
type (
	document struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name string `json:"name"`
				In   string `json:"in"`
			} `json:"parameters"`
			RequestBody struct {
				Content map[string]any `json:"content"`
			} `json:"requestBody"`
			Responses map[string]documentedResponse `json:"responses"`
		} `json:"paths"`
	}

	documentedResponse struct {
		Description string `json:"description"`
		Headers     map[string]struct {
			Required bool `json:"required"`
		} `json:"headers"`
		Content map[string]any `json:"content"`
	}
)

// Read reads an OpenAPI 3.1 document in JSON. The document leaves objects open, so that
// results may gain fields. Read closes them, so that a field without a description is
// found.
func Read(openAPI []byte) (*Contract, error) {
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI))
	if err != nil {
		return nil, err
	}
	var doc document
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		return nil, err
	}
	closeObjects(whole)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(address, whole); err != nil {
		return nil, err
	}
	r := &reader{compiler: compiler}
	c := &Contract{whole: whole, compiler: compiler, problem: r.schema("components", "schemas", "Problem")}
	for path, methods := range doc.Paths {
		for method, described := range methods {
			op := operation{method: strings.ToUpper(method), segments: strings.Split(path, "/"), responses: map[int]response{}}
			for _, p := range described.Parameters {
				if p.In == "query" {
					op.query = append(op.query, p.Name)
				}
			}
			if described.RequestBody.Content != nil {
				op.request = r.schema("paths", path, method, "requestBody", "content", "application/json", "schema")
			}
			for status, answer := range described.Responses {
				op.responses[r.number(status)] = r.response(answer, "paths", path, method, "responses", status)
			}
			c.operations = append(c.operations, op)
		}
	}
	return c, r.err
}

// closeObjects forbids in every object the fields that its schema does not name.
func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, named := node["properties"].(map[string]any); named && node["additionalProperties"] == nil {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

// A reader compiles schemas and keeps the first error.
type reader struct {
	compiler *jsonschema.Compiler
	err      error
}

func (r *reader) response(described documentedResponse, where ...string) response {
	read := response{
		description: described.Description,
		headers:     map[string]bool{},
		content:     map[string]*jsonschema.Schema{},
	}
	for name, header := range described.Headers {
		read.headers[http.CanonicalHeaderKey(name)] = header.Required
	}
	for kind := range described.Content {
		read.content[kind] = r.schema(append(where, "content", kind, "schema")...)
	}
	return read
}

// schema compiles the schema under a path of names.
func (r *reader) schema(where ...string) *jsonschema.Schema {
	schema, err := compile(r.compiler, where)
	if err != nil {
		r.keep(err)
	}
	return schema
}

func (r *reader) number(status string) int {
	n, err := strconv.Atoi(status)
	if err != nil {
		r.keep(fmt.Errorf("the status %q is no number", status))
	}
	return n
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func compile(compiler *jsonschema.Compiler, where []string) (*jsonschema.Schema, error) {
	schema, err := compiler.Compile(address + "#" + pointer(where))
	if err != nil {
		return nil, fmt.Errorf("the schema at %s: %w", pointer(where), err)
	}
	return schema, nil
}

// pointer is a path of names as a JSON pointer in an address.
func pointer(where []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D", "+", "%2B")
	var text strings.Builder
	for _, name := range where {
		text.WriteString("/" + escape.Replace(name))
	}
	return text.String()
}

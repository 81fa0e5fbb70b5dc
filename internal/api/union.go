package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// either is the part of one phase in a full answer: the answer of the phase, or that it did
// not run.
type either[A any] struct {
	ran     *A
	skipped *skippedPhase
}

// MarshalJSONTo writes the one that is set.
func (e either[A]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if e.ran != nil {
		return json.MarshalEncode(enc, e.ran)
	}
	return json.MarshalEncode(enc, e.skipped)
}

// Schema describes both.
func (either[A]) Schema(r huma.Registry) *huma.Schema {
	return anyOf(r, reflect.TypeFor[A](), reflect.TypeFor[skippedPhase]())
}

// anyOf is a union. Clients try the types in order, so the narrower ones come first.
func anyOf(r huma.Registry, types ...reflect.Type) *huma.Schema {
	schema := &huma.Schema{}
	for _, t := range types {
		schema.AnyOf = append(schema.AnyOf, r.Schema(t, true, ""))
	}
	return schema
}

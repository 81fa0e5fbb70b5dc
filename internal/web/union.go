package web

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// AnyOf describes a union. Clients try the types in order, so the narrower ones come first.
func AnyOf(r huma.Registry, types ...reflect.Type) *huma.Schema {
	schema := &huma.Schema{}
	for _, t := range types {
		schema.AnyOf = append(schema.AnyOf, r.Schema(t, true, ""))
	}
	return schema
}

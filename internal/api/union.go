package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/casesync"
)

// either is a phase's part of a full answer: what the phase answered, or that it
// did not run.
type either[A any] struct {
	ran     *A
	skipped *skippedPhase
}

// MarshalJSONTo writes the one that is there.
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

// stats are a sync's stats in the shape of its type.
type stats struct{ of any }

func statsOf(t casesync.Type, s casesync.Stats) stats {
	switch t {
	case casesync.TypeInbound:
		return stats{inboundStatsOf(s)}
	case casesync.TypeCases:
		return stats{casesStatsOf(s)}
	case casesync.TypeReconciliation:
		return stats{reconciliationStatsOf(s)}
	default:
		return stats{fullStatsOf(s)}
	}
}

// MarshalJSONTo writes the shape of the sync's type.
func (s stats) MarshalJSONTo(enc *jsontext.Encoder) error { return json.MarshalEncode(enc, s.of) }

// Schema describes all four shapes.
func (stats) Schema(r huma.Registry) *huma.Schema {
	return anyOf(r, reflect.TypeFor[inboundStats](), reflect.TypeFor[casesStats](),
		reflect.TypeFor[reconciliationStats](), reflect.TypeFor[fullStats]())
}

func anyOf(r huma.Registry, types ...reflect.Type) *huma.Schema {
	schema := &huma.Schema{}
	for _, t := range types {
		schema.AnyOf = append(schema.AnyOf, r.Schema(t, true, ""))
	}
	return schema
}

package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/drift"
)

const (
	maxNodes  = 2000 // members of one kind of answer that are counted apart
	maxFields = 200  // of one kind of answer that are told
	maxDepth  = 2
	maxShapes = 3 // of one field
)

// other stands for all members whose names are not told.
const other = "{other}"

// A node is one member of the rows of an answer, with the members of the objects that it holds.
type node struct {
	Field

	objects int // that it held
	members map[string]*node
}

// note counts the members of an object. nodes counts those of the whole answer.
func (n *node) note(object map[string]any, nodes *int, depth int, said *words) {
	n.objects++
	for name, value := range object {
		m := n.member(name, nodes)
		m.noteValue(value, said)
		if inner, ok := value.(map[string]any); ok && depth < maxDepth {
			m.note(inner, nodes, depth+1, said)
		}
	}
}

func (n *node) member(name string, nodes *int) *node {
	if n.members[name] == nil {
		if *nodes >= maxNodes {
			name = other
		} else {
			*nodes++
		}
	}
	if n.members == nil {
		n.members = make(map[string]*node)
	}
	if n.members[name] == nil {
		n.members[name] = &node{}
	}
	return n.members[name]
}

func (n *node) noteValue(value any, said *words) {
	kind, filled := kindOf(value)
	n.Came++
	if filled {
		n.Filled++
	}
	n.Kinds = with(n.Kinds, kind)
	if text, ok := value.(string); ok {
		said.note(text)
		n.shape(drift.ShapeOf(text))
	}
	if list, ok := value.([]any); ok {
		for _, item := range list {
			if text, ok := item.(string); ok {
				said.note(text)
			}
		}
	}
}

func (n *node) shape(form string) {
	if form != "" && len(n.Shapes) <= maxShapes {
		n.Shapes = with(n.Shapes, form)
	}
}

// with returns a list with a text that it holds once.
func with(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// add adds what another member holds.
func (n *node) add(o *node) {
	n.Came += o.Came
	n.Filled += o.Filled
	n.objects += o.objects
	for _, kind := range o.Kinds {
		n.Kinds = with(n.Kinds, kind)
	}
	for _, form := range o.Shapes {
		n.shape(form)
	}
	for name, m := range o.members {
		if n.members == nil {
			n.members = make(map[string]*node)
		}
		if n.members[name] == nil {
			n.members[name] = &node{}
		}
		n.members[name].add(m)
	}
}

// told returns the members below a row, ordered by their names. Those whose names isTold refuses
// are together one, {other}.
func (n *node) told(isTold func(name string, came, objects int) bool) []Field {
	fields := n.below("", isTold)
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields[:min(len(fields), maxFields)]
}

func (n *node) below(parents string, isTold func(name string, came, objects int) bool) (fields []Field) {
	told := make(map[string]*node)
	for _, name := range slices.Sorted(maps.Keys(n.members)) {
		m := n.members[name]
		if !isTold(name, m.Came, n.objects) {
			name = other
		}
		if told[name] == nil {
			told[name] = &node{}
		}
		told[name].add(m)
	}
	for name, m := range told {
		f := m.Field
		f.Name = parents + name
		slices.Sort(f.Kinds)
		slices.Sort(f.Shapes)
		if len(f.Shapes) > maxShapes {
			f.Shapes = nil
		}
		fields = append(fields, f)
		fields = append(fields, m.below(f.Name+".", isTold)...)
	}
	return fields
}

func kindOf(value any) (kind string, filled bool) {
	switch v := value.(type) {
	case nil:
		return "null", false
	case string:
		return "text", strings.TrimSpace(v) != ""
	case float64:
		return "number", true
	case bool:
		return "flag", true
	case []any:
		return "list", len(v) > 0
	case map[string]any:
		return "object", len(v) > 0
	default:
		return "object", false
	}
}

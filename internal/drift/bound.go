package drift

import (
	"cmp"
	"slices"
	"strings"
)

// maxFields is how many fields bound keeps by their names.
const maxFields = 200

// full reports whether a profile has so many fields that it must be bound.
func (p *Profile) full() bool { return len(p.Fields) >= max(p.limit, 3*maxFields) }

// bound keeps the fields that a form of answers most likely has, and counts the others together
// as {other} of their object. Of a name that comes from the data, such as a patient's, it keeps
// none before a field: it keeps known names, then what came most often, then what stands in no
// object with many unknown names, as a map of patients is. So it does not matter in which order
// they came. known may be nil.
func (p *Profile) bound(known func(path, name string) bool) {
	if known == nil {
		known = func(string, string) bool { return false }
	}
	kept := p.best(known)
	fields := make(map[string]*Field, 2*maxFields)
	var rest []string
	for path, f := range p.Fields {
		if together(path, kept, nil) == path {
			fields[path] = f // a reading may go on with it
		} else {
			rest = append(rest, path)
		}
	}
	below := make(map[string]*Field) // {other}, and the known names below it, as Hide shows them
	for _, path := range rest {
		addField(below, together(path, kept, known), p.Fields[path], 1)
	}
	many := len(below) > 2*maxFields
	for path, f := range below {
		if many {
			path = together(path, kept, nil)
		}
		addField(fields, path, f, 1)
	}
	p.Fields, p.limit = fields, len(fields)+2*maxFields
}

// best returns the fields that are kept by their names.
func (p *Profile) best(known func(path, name string) bool) map[string]bool {
	all := p.candidates(known)
	slices.SortFunc(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.came, a.came), cmp.Compare(a.width, b.width), strings.Compare(a.path, b.path))
	})
	kept := make(map[string]bool, maxFields)
	for _, c := range all[:min(len(all), maxFields)] {
		kept[c.path] = true
	}
	return kept
}

// A candidate is a field that bound may keep.
type candidate struct {
	path  string
	came  float64 // how often
	width int     // the most unknown names of an object on its path
}

// candidates returns the fields that are not called {other}.
func (p *Profile) candidates(known func(path, name string) bool) []*candidate {
	unknown := make(map[string]int) // names below a path
	for path := range p.Fields {
		if parent, name := split(path); name != other && !isShare(name) && !known(path, name) {
			unknown[parent]++
		}
	}
	all := make([]*candidate, 0, len(p.Fields))
	for path, f := range p.Fields {
		if _, name := split(path); name == other {
			continue
		}
		c := &candidate{path: path, came: f.Came}
		for at := path; at != ""; {
			at, _ = split(at)
			c.width = max(c.width, unknown[at])
		}
		all = append(all, c)
	}
	return all
}

// split returns the parents of a field and its name.
func split(path string) (parent, name string) {
	at := strings.LastIndexByte(path, '.')
	if at < 0 {
		return "", path
	}
	return path[:at], path[at+1:]
}

// together returns a path in which the names that are neither kept nor known are {other}. known
// nil: none is.
func together(path string, kept map[string]bool, known func(path, name string) bool) string {
	names, end := strings.Split(path, "."), -1
	for i, name := range names {
		end += len(name) + 1
		if name != other && !kept[path[:end]] && (known == nil || !known(path[:end], name)) {
			names[i] = other
		}
	}
	return strings.Join(names, ".")
}

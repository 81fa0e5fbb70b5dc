package drift

import "strings"

// other stands for all members whose names may be somebody's.
const other = "{other}"

// minObjects is in how many rows a name must stand to count as a field's without being known.
const minObjects = 10

// Hide counts the fields whose names may be somebody's as {other}: the keys of a map of patients
// are the patients' names (R40). It keeps a name that known reports, one that nine of ten rows
// have, and one of the usual profile, which may be nil.
func (p *Profile) Hide(known func(path, name string) bool, usual *Profile) {
	has := func(p *Profile, path string, share float64) bool {
		return p != nil && p.Fields[path] != nil && p.Fields[path].Came >= max(minObjects, share*p.Rows)
	}
	kept := func(path, name string) bool {
		return name == other || isShare(name) || known(path, name) || has(p, path, 0.9) || has(usual, path, 0.02)
	}
	fields := make(map[string]*Field, len(p.Fields))
	for path, f := range p.Fields {
		var shown []string
		end := 0
		for name := range strings.SplitSeq(path, ".") {
			if end += len(name) + 1; !kept(path[:end-1], name) {
				name = other
			}
			shown = append(shown, name)
		}
		addField(fields, strings.Join(shown, "."), f, 1)
	}
	p.Fields = fields
}

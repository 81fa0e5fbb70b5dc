//go:build !race

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// violations says, one sentence each, where a graph breaks the rule.
func (r rule) violations(g graph) []string {
	var found []string
	for _, path := range slices.Sorted(maps.Keys(g.packages)) {
		if !within(path, g.module) {
			continue
		}
		name := g.short(path)
		l, known := r.of(name)
		if !known {
			found = append(found, name+" has no line in the import rule (internal/archtest/rule_test.go)")
			continue
		}
		for _, imported := range g.packages[path].Imports {
			if complaint := r.complaint(g, l, imported); complaint != "" {
				found = append(found, complaint)
			}
		}
	}
	return append(found, r.unwanted(g)...)
}

// complaint says why a package may not import another, or nothing if it may.
func (r rule) complaint(g graph, l line, imported string) string {
	name := g.short(imported)
	switch {
	case g.packages[imported].Standard:
		return ""
	case within(imported, g.module):
		if target, _ := r.of(name); slices.Contains(l.ours, name) || l.joinsAll && !target.testsOnly {
			return ""
		}
		return fmt.Sprintf("%s may not import %s", l.pkg, name)
	}
	library := r.library(imported)
	switch {
	case library == "":
		return fmt.Sprintf("%s may not import %s, a library that no package owns", l.pkg, imported)
	case !slices.Contains(l.libraries, library):
		return fmt.Sprintf("%s may not import %s: it belongs to %s", l.pkg, imported, strings.Join(r.owners(library), ", "))
	}
	return ""
}

// unwanted finds what must never reach the binary: testing, and our packages
// that are for tests only.
func (r rule) unwanted(g graph) []string {
	var found []string
	chains := g.chains(g.module + "/" + program)
	for _, path := range slices.Sorted(maps.Keys(chains)) {
		l, _ := r.of(g.short(path))
		if path != "testing" && !l.testsOnly {
			continue
		}
		found = append(found, fmt.Sprintf("%s reaches the binary: %s", g.short(path), strings.Join(chains[path], " imports ")))
	}
	return found
}

// chains finds all that a package needs, each with a shortest chain of imports
// that leads there.
func (g graph) chains(start string) map[string][]string {
	if _, exists := g.packages[start]; !exists {
		return nil
	}
	chains := map[string][]string{start: {g.short(start)}}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, imported := range g.packages[queue[0]].Imports {
			if chains[imported] == nil {
				chains[imported] = append(slices.Clone(chains[queue[0]]), g.short(imported))
				queue = append(queue, imported)
			}
		}
	}
	return chains
}

// short is a package's path below the module's, or its whole path if it is not
// of the module.
func (g graph) short(path string) string {
	return strings.TrimPrefix(path, g.module+"/")
}

// tagged lists the fields of domain types that carry a tag. Unexported types
// may: they are the wire shape of their own file.
func (r rule) tagged(g graph) ([]string, error) {
	var found []string
	for _, l := range r {
		if !l.domain {
			continue
		}
		p := g.packages[g.module+"/"+l.pkg]
		for _, file := range p.GoFiles {
			tags, err := exportedTags(filepath.Join(p.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, tag := range tags {
				found = append(found, fmt.Sprintf("%s/%s: %s", l.pkg, file, tag))
			}
		}
	}
	return found, nil
}

// exportedTags lists the tags in a file's exported types, each after its type.
func exportedTags(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("looking for tags: %w", err)
	}
	var tags []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isType := n.(*ast.TypeSpec)
		if !isType || !spec.Name.IsExported() {
			return true
		}
		ast.Inspect(spec, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil {
				tags = append(tags, spec.Name.Name+" has a field with the tag "+field.Tag.Value)
			}
			return true
		})
		return false
	})
	return tags, nil
}

//go:build !race

package archtest

import "strings"

// of finds the line of a package.
func (r rule) of(pkg string) (line, bool) {
	for _, l := range r {
		if l.pkg == pkg {
			return l, true
		}
	}
	return line{}, false
}

// library finds the library that holds an imported package: the longest name
// in the rule that is the package's path or a parent of it.
func (r rule) library(imported string) string {
	var found string
	for _, l := range r {
		for _, library := range l.libraries {
			if within(imported, library) && len(library) > len(found) {
				found = library
			}
		}
	}
	return found
}

// owners lists the packages that a library belongs to.
func (r rule) owners(library string) []string {
	var owners []string
	for _, l := range r {
		for _, own := range l.libraries {
			if own == library {
				owners = append(owners, l.pkg)
			}
		}
	}
	return owners
}

// within says whether path is parent, or below it.
func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

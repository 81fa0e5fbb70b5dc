package notes

import (
	"maps"
	"slices"
	"strings"
)

// Words lists the words by which the sections of a note are found, in lower case.
func Words() []string {
	words := []string{"s", "o", "a", "p", "subjective", "objective", "assessment", "plan", "and", "bpm", "min", "mso", "list", "ignore", "supportlists"}
	for _, set := range []map[string]bool{namesWord, temperature, respiration, namesLetter['s'], namesLetter['o'], namesLetter['a'], namesLetter['p']} {
		words = append(words, slices.Sorted(maps.Keys(set))...)
	}
	return words
}

// Markup lists the elements that a note may have, and the attributes that need no value, in
// lower case.
func Markup() []string {
	names := strings.Fields("doctype if endif o v w x m st1 st2 u1 u2 ns1 ns2 ns3 lock idmap shapedefaults shapelayout smarttagtype documentproperties officedocumentsettings")
	for _, set := range []map[string]bool{blockElements, emphasis, inlineElements, wordless} {
		names = append(names, slices.Sorted(maps.Keys(set))...)
	}
	return names
}

package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Fact is a name and a value.
type Fact struct {
	Name  string
	Value any
}

// A Choice is one of several values of a filter.
type Choice struct {
	Value, Title string
	Chosen       bool
}

// picked is a filter with its choices.
type picked struct {
	Name, Label string
	Choices     []Choice
}

// Filter returns the value of a filter in the address, which must be one that it offers, and
// what it offers after "all of them".
func (v *Visit) Filter(name, all string, pairs ...string) (string, []Choice) {
	var known []string
	for i := 0; i < len(pairs); i += 2 {
		known = append(known, pairs[i])
	}
	chosen := v.OneOf(name, known...)
	return chosen, Choices(chosen, all, pairs...)
}

// OneOf returns a value of the address that is one of a few words; empty: there is none. With
// any other value the page is a Problem: a list in which a filter is left out, or which is
// empty because of it, would mislead. An act that uses OneOf calls Known.
func (v *Visit) OneOf(name string, words ...string) string {
	value := v.Text(name)
	if value != "" && !slices.Contains(words, value) {
		v.misses(name, "It knows "+strings.Join(words, ", ")+".")
		return ""
	}
	return value
}

// Number returns a value of the address that is a whole number in a range; otherwise where
// there is none. With any other value the page is a Problem, as with OneOf.
func (v *Visit) Number(name string, otherwise, least, most int) int {
	value := v.Text(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most || strconv.Itoa(n) != value { // +5 and 007 are refused
		v.misses(name, fmt.Sprintf("It takes a whole number from %d to %d.", least, most))
		return otherwise
	}
	return n
}

// misses keeps the first value that the page does not know, and what it knows instead.
func (v *Visit) misses(name, instead string) {
	v.unknown = cmp.Or(v.unknown, Problem("The address has a value for “"+name+"” that this page does not know. "+instead+
		" Open the page anew and choose one of its own."))
}

// Known returns a Problem if the address had a value that OneOf or Number did not know.
func (v *Visit) Known() error {
	if v.unknown == "" {
		return nil
	}
	return v.unknown
}

// Choices returns what a filter offers, after "all of them".
func Choices(chosen, all string, pairs ...string) []Choice {
	offered := []Choice{{"", all, chosen == ""}}
	for i := 0; i+1 < len(pairs); i += 2 {
		offered = append(offered, Choice{pairs[i], pairs[i+1], chosen == pairs[i]})
	}
	return offered
}

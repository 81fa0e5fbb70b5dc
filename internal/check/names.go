package check

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// fieldName is what the name of a field looks like. A key of another form may be a value.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_]{0,40}$`)

// minObjects is from how many objects on a name that most of them have counts as a field's.
const minObjects = 10

// isTold reports whether the name of a member may be told (R40). A key may be somebody's name, as
// in a map of clients. A name is told where it is made of known words, or where most of at least
// minObjects objects have it and none of its words stands in a value of any answer.
func isTold(name string, came, objects int, known map[string]bool, said *words) bool {
	if !fieldName.MatchString(name) {
		return false
	}
	isField := objects >= minObjects && came*2 > objects && !said.full && !said.has(name)
	for _, part := range pims.PartsOfName(name) {
		if !known[part] && (!isField || said.has(part)) {
			return false
		}
	}
	return true
}

// words are the words of the values that came, in lower case.
type words struct {
	all  map[string]bool
	full bool // there are more
}

const maxWords = 200_000

func (w *words) note(text string) {
	for _, word := range parts(text) {
		if len(w.all) >= maxWords {
			w.full = true
			return
		}
		if w.all == nil {
			w.all = make(map[string]bool)
		}
		w.all[stem(word)] = true
	}
}

func (w *words) has(word string) bool { return w.all[stem(strings.ToLower(word))] }

// stem returns a word without the s of a plural or a genitive.
func stem(word string) string {
	if short := strings.TrimSuffix(word, "s"); len(short) > 1 {
		return short
	}
	return word
}

// parts returns the words of a text in lower case.
func parts(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

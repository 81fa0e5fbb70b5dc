package anonymous

import (
	"html"
	"strings"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A place says where a text stands, which decides what of it is kept.
type place struct {
	key      bool // the name of a field
	measured bool // the value of a measurement or a count: its short numbers are kept
	markup   bool // a page
}

// A walk replaces what is personal in one text. The result has as many runes, and each is
// as long in UTF-8 as the one that it replaces.
type walk struct {
	*anonymiser
	place

	runes []rune
	at    int
	out   []rune
	inTag bool
}

// text replaces what is personal in a text.
func (a *anonymiser) text(runes []rune, p place) []rune {
	w := walk{anonymiser: a, place: p, runes: runes, out: make([]rune, 0, len(runes))}
	for w.at < len(runes) {
		w.step()
	}
	return w.out
}

// value replaces what is personal in the value of a field.
func (a *anonymiser) value(text string) string { return string(a.text([]rune(text), place{})) }

// name replaces what is no known word in the name of a field, or in several with points.
func (a *anonymiser) name(text string) string { return string(a.text([]rune(text), place{key: true})) }

// step takes one date, number, word or mark.
func (w *walk) step() {
	r := w.runes[w.at]
	if !wordRune(r) {
		w.inTag = w.inTag && r != '>'
		w.put(1, nil)
		return
	}
	if n, replaced := w.numeric(w.runes[w.at:], w.measured); n > 0 && !isDigit(w.before(1)) {
		w.put(n, replaced)
		return
	}
	end := w.at
	for end < len(w.runes) && wordRune(w.runes[end]) && !(w.key && end > w.at && hump(w.runes, end)) {
		end++
	}
	w.put(end-w.at, w.word(w.runes[w.at:end], end))
}

// put takes runes as they are, or replaced.
func (w *walk) put(n int, replaced []rune) {
	if replaced == nil {
		replaced = w.runes[w.at : w.at+n]
	}
	w.out = append(w.out, replaced...)
	w.at += n
}

// before returns the nth rune before the present one, 0 where there is none.
func (w *walk) before(n int) rune {
	if w.at < n {
		return 0
	}
	return w.runes[w.at-n]
}

// word replaces a token that ends at a place; nil: it stays.
func (w *walk) word(token []rune, end int) []rune {
	folded := fold(token)
	switch {
	case w.before(1) == '<', w.before(2) == '<' && strings.ContainsRune("/!?", w.before(1)), w.before(3) == '<' && w.before(2) == '!' && w.before(1) == '[':
		if w.inTag = w.tags[folded]; w.inTag {
			return nil
		}
	case w.inTag && (w.tags[folded] || w.attributes[folded]):
		return nil
	case w.before(1) == '#' && w.before(2) == '&':
		return w.m.reference(token)
	case w.before(1) == '&' && end < len(w.runes) && w.runes[end] == ';':
		if entity := "&" + string(token) + ";"; html.UnescapeString(entity) != entity {
			return nil
		}
	case w.key && w.fieldWords[folded], w.markup && w.pageWords[folded]:
		return nil
	}
	return w.token(token, w.place)
}

// token replaces a word, a number or a code.
func (a *anonymiser) token(token []rune, p place) []rune {
	digits := 0
	for digits < len(token) && isDigit(token[digits]) {
		digits++
	}
	rest := token[digits:]
	switch {
	case len(rest) == 0 && p.measured && digits <= measuredDigits:
		return token
	case len(rest) == 0:
		return []rune(a.m.number(string(token)))
	case digits > 0 && a.known(fold(rest)): // "18kg" is a number and a unit; "12ab" is a code
		return append(a.token(token[:digits:digits], p), rest...)
	default:
		return a.m.word(token)
	}
}

// measuredDigits is how long the number of a measurement or a count may be.
const measuredDigits = 4

// wordRune reports whether a rune belongs to a word, also one that was lost (R7).
func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) || r == pims.Lost
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// fold returns a word in lower case, with as many runes.
func fold(word []rune) string { return strings.Map(unicode.ToLower, string(word)) }

// hump reports whether a new word begins within a name such as "patientName".
func hump(runes []rune, at int) bool {
	return unicode.IsUpper(runes[at]) && !unicode.IsUpper(runes[at-1])
}

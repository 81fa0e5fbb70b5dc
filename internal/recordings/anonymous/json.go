package anonymous

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A lexer walks over an answer that may be JSON, and need not be right: what is broken stays
// broken in the same place.
type lexer struct {
	a     *anonymiser
	c     coding
	in    []unit
	at    int
	out   []byte
	stack []string // the names of the fields around, "" for a list
	name  string   // of the field whose value comes
}

// json replaces what is personal in an answer.
func (a *anonymiser) json(content []byte, c coding) []byte {
	l := lexer{a: a, c: c, in: c.split(content), out: make([]byte, 0, len(content))}
	for l.at < len(l.in) {
		switch u := l.in[l.at]; {
		case u.r == '"':
			l.str()
		case isDigit(u.r):
			l.number()
		case unicode.IsLetter(u.r):
			l.word()
		default:
			l.structure(u.r)
			l.copy(1)
		}
	}
	return l.out
}

// structure follows objects and lists.
func (l *lexer) structure(r rune) {
	switch r {
	case '{', '[':
		l.stack = append(l.stack, l.name)
		l.name = ""
	case '}', ']':
		if n := len(l.stack); n > 0 {
			l.name, l.stack = l.stack[n-1], l.stack[:n-1]
		}
	case ',':
		if n := len(l.stack); n > 0 {
			l.name = l.stack[n-1] // a list's rows belong to its field
		}
	default:
	}
}

func (l *lexer) copy(n int) {
	for _, u := range l.in[l.at : l.at+n] {
		l.out = append(l.out, u.raw...)
	}
	l.at += n
}

// measured reports whether the value belongs to a measurement or a count.
func (l *lexer) measured() bool {
	if l.a.measures[l.name] {
		return true
	}
	for _, name := range l.stack {
		if l.a.measures[name] {
			return true
		}
	}
	return false
}

// number replaces the digits of a number, each run by itself. An exponent stays.
func (l *lexer) number() {
	end := l.run(l.at, isDigit)
	l.replace(l.in[l.at:end], place{measured: l.measured()}, nil)
	l.at = end
	if end < len(l.in) && (l.in[end].r == 'e' || l.in[end].r == 'E') {
		begin := end + 1
		if begin < len(l.in) && (l.in[begin].r == '+' || l.in[begin].r == '-') {
			begin++
		}
		if end = l.run(begin, isDigit); end-begin <= measuredDigits {
			l.copy(end - l.at)
		}
	}
}

// run returns where a run of runes ends.
func (l *lexer) run(from int, of func(rune) bool) int {
	for from < len(l.in) && l.in[from].r != none && of(l.in[from].r) {
		from++
	}
	return from
}

// word replaces a bare word, which JSON has only as true, false and null.
func (l *lexer) word() {
	end := l.run(l.at, unicode.IsLetter)
	switch runesOf(l.in[l.at:end]) {
	case "true", "false", "null":
		l.copy(end - l.at)
	default:
		l.replace(l.in[l.at:end], place{}, nil)
		l.at = end
	}
}

func runesOf(units []unit) string {
	var b strings.Builder
	for _, u := range units {
		b.WriteRune(u.r)
	}
	return b.String()
}

// str replaces what is personal in a string, which may end with the answer.
func (l *lexer) str() {
	l.copy(1)
	var chars []unit
	var escaped []bool
	for l.at < len(l.in) && l.in[l.at].r != '"' {
		u, n, esc := l.char()
		chars, escaped = append(chars, u), append(escaped, esc)
		l.at += n
	}
	p := place{measured: l.measured()}
	if l.isName() {
		l.name = runesOf(chars)
		p = place{key: true}
		if l.a.valueKeys && !l.a.ownKeys[l.name] {
			p = place{}
		}
	}
	l.replace(chars, p, escaped)
	if l.at < len(l.in) {
		l.copy(1) // the closing mark
	}
}

// isName reports whether a colon follows the string that ends here.
func (l *lexer) isName() bool {
	for i := l.at + 1; i < len(l.in); i++ {
		switch l.in[i].r {
		case ' ', '\t', '\r', '\n':
		case ':':
			return true
		default:
			return false
		}
	}
	return false
}

// char reads one character of a string, with its escape.
func (l *lexer) char() (u unit, n int, escaped bool) {
	u = l.in[l.at]
	if u.r != '\\' || l.at+1 >= len(l.in) {
		return u, 1, false
	}
	if l.in[l.at+1].r != 'u' {
		return unit{none, l.raw(2)}, 2, false // \n, \", …
	}
	first, ok := l.hex(l.at + 2)
	if !ok {
		return unit{none, l.raw(2)}, 2, false
	}
	if utf16.IsSurrogate(first) {
		if l.at+7 < len(l.in) && l.in[l.at+6].r == '\\' && l.in[l.at+7].r == 'u' {
			if second, ok := l.hex(l.at + 8); ok && utf16.DecodeRune(first, second) != unicode.ReplacementChar {
				return unit{utf16.DecodeRune(first, second), l.raw(12)}, 12, true
			}
		}
		return unit{pims.Lost, l.raw(6)}, 6, false
	}
	if first == '"' || first == '\\' || first < ' ' {
		return unit{none, l.raw(6)}, 6, false
	}
	return unit{first, l.raw(6)}, 6, true
}

func (l *lexer) raw(n int) (raw []byte) {
	for _, u := range l.in[l.at:min(l.at+n, len(l.in))] {
		raw = append(raw, u.raw...)
	}
	return raw
}

func (l *lexer) hex(at int) (rune, bool) {
	if at+4 > len(l.in) {
		return 0, false
	}
	n, err := strconv.ParseUint(runesOf(l.in[at:at+4]), 16, 16)
	return rune(n), err == nil
}

// replace writes characters with what is personal replaced, each in the way in which it
// came.
func (l *lexer) replace(chars []unit, p place, escaped []bool) {
	runes := make([]rune, len(chars))
	for i, u := range chars {
		runes[i] = u.r
		if u.r == none {
			runes[i] = '\n' // what separates words
		}
	}
	for i, r := range l.a.text(runes, p) {
		switch {
		case r == runes[i]:
			l.out = append(l.out, chars[i].raw...)
		case i < len(escaped) && escaped[i]:
			for _, half := range utf16.Encode([]rune{r}) {
				for _, digit := range fmt.Sprintf(`\u%04x`, half) {
					l.out = l.c.put(l.out, digit)
				}
			}
		default:
			l.out = l.c.put(l.out, r)
		}
	}
}

// page replaces what is personal in markup or other text.
func (a *anonymiser) page(content []byte, c coding) []byte {
	l := lexer{a: a, c: c, in: c.split(content), out: make([]byte, 0, len(content))}
	l.replace(l.in, place{markup: true}, nil)
	return l.out
}

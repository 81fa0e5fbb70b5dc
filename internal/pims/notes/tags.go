package notes

import (
	"strings"
	"unicode"
)

// escapeText replaces each "<" that begins no markup by an entity, so that "T < 38", "WBC
// <5", "<unknown>" and "a<b and c>d" stay text. found reports whether there is any markup.
// Markup is:
//   - a tag of a known element, in which every attribute has a value, or is one that HTML
//     writes without;
//   - a comment, a document type, a condition of Word, a processing instruction.
func escapeText(note string) (escaped string, found bool) {
	if !strings.Contains(note, "<") {
		return note, false
	}
	var out strings.Builder
	s := scanner{note: note, budget: 4*len(note) + 4096}
	for at := 0; ; {
		next := strings.IndexByte(note[at:], '<')
		if next < 0 {
			out.WriteString(note[at:])
			return out.String(), found
		}
		out.WriteString(note[at : at+next])
		at += next
		if end := s.markup(at); end > at {
			out.WriteString(note[at:end])
			at, found = end, true
			continue
		}
		out.WriteString("&lt;")
		at++
	}
}

// A scanner finds where markup ends.
type scanner struct {
	note   string
	budget int // of bytes that may be looked at in vain
}

// markup returns the end of the markup that begins at a "<", or that position where there
// is none. An element that contains no markup ends where its content does.
func (s *scanner) markup(at int) int {
	rest := s.note[at:]
	switch {
	case hasPrefixFold(rest, "<!--"):
		return s.after(at, "-->", true)
	case hasPrefixFold(rest, "<![if"), hasPrefixFold(rest, "<![endif"), hasPrefixFold(rest, "<!doctype"), hasPrefixFold(rest, "<?xml"):
		return s.after(at, ">", false)
	case strings.HasPrefix(rest, "</"):
		return s.endTag(at)
	default:
		return s.startTag(at)
	}
}

// after returns the position after the next end. Where there is none, it returns the end of
// the note if open is set, else at.
func (s *scanner) after(at int, end string, open bool) int {
	switch found := strings.Index(s.note[at:], end); {
	case found >= 0:
		return at + found + len(end)
	case open:
		return len(s.note)
	default:
		return at
	}
}

func (s *scanner) endTag(at int) int {
	name, end := s.name(at + len("</"))
	end = s.blanks(end)
	if !knownElement(name) || !s.is(end, '>') {
		return at
	}
	return end + 1
}

func (s *scanner) startTag(at int) int {
	name, end := s.name(at + 1)
	if !knownElement(name) || s.budget <= 0 {
		return at
	}
	var ok bool
	for !s.is(end, '>') {
		if end, ok = s.attribute(end); !ok {
			s.budget -= end - at
			return at
		}
	}
	end++
	if !rawElements[name] {
		return end
	}
	content := indexFold(s.note[end:], "</"+name)
	switch {
	case content >= 0:
		return end + content
	case endless[name]:
		return len(s.note)
	default:
		s.budget -= len(s.note) - at
		return at
	}
}

// name reads the name of an element, in lower case.
func (s *scanner) name(at int) (string, int) {
	end := at
	for end < len(s.note) && end-at < 40 && (isLetter(s.note[end]) || end > at && (unicode.IsDigit(rune(s.note[end])) || s.note[end] == ':')) {
		end++
	}
	if end < len(s.note) && !strings.ContainsRune(" \t\r\n\f/>", rune(s.note[end])) {
		return "", end
	}
	return strings.ToLower(s.note[at:end]), end
}

// attribute reads one attribute, or the slash that ends a tag. ok is false where there is
// neither one nor the end of the tag.
func (s *scanner) attribute(at int) (end int, ok bool) {
	at = s.blanks(at)
	if s.is(at, '/') {
		return s.blanks(at + 1), true
	}
	if s.is(at, '>') {
		return at, true
	}
	end = at
	for end < len(s.note) && !strings.ContainsRune(" \t\r\n\f/>=<\"'", rune(s.note[end])) {
		end++
	}
	name := s.note[at:end]
	equals := s.blanks(end)
	switch {
	case name == "":
		return end, false
	case !s.is(equals, '='):
		return end, wordless[strings.ToLower(name)] || strings.ContainsAny(name, "-:")
	default:
		return s.value(s.blanks(equals + 1))
	}
}

// value reads the value of an attribute.
func (s *scanner) value(at int) (end int, ok bool) {
	if s.is(at, '"') || s.is(at, '\'') {
		closing := strings.IndexByte(s.note[at+1:], s.note[at])
		if closing < 0 {
			return len(s.note), false
		}
		return at + 1 + closing + 1, true
	}
	end = at
	for end < len(s.note) && !strings.ContainsRune(" \t\r\n\f><\"'", rune(s.note[end])) {
		end++
	}
	return end, end > at
}

func (s *scanner) blanks(at int) int {
	for at < len(s.note) && strings.ContainsRune(" \t\r\n\f", rune(s.note[at])) {
		at++
	}
	return at
}

func (s *scanner) is(at int, c byte) bool { return at < len(s.note) && s.note[at] == c }

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

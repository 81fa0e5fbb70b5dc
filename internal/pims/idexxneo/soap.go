package idexxneo

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// soapNotes splits clinical notes into their sections. Rest is the text that
// stands before the first head: it belongs to no section (R19). Several notes are
// read one after the other; a section that comes again is appended. Nothing but
// the heads themselves and white space is lost. IDEXX_NEO.md §Consultations.
func soapNotes(notes ...string) (soap pims.SOAP, rest string) {
	sections := make(map[byte]*section)
	for _, letter := range []byte{'s', 'o', 'a', 'p', noSection} {
		sections[letter] = new(section)
	}
	for _, note := range notes {
		text, letter := plainText(note), noSection
		for text != "" {
			head := findHead(text)
			sections[letter].add(text[:head.start])
			text, letter = text[head.end:], head.letter
		}
	}
	return pims.SOAP{
		Subjective: sections['s'].String(),
		Objective:  sections['o'].String(),
		Assessment: sections['a'].String(),
		Plan:       sections['p'].String(),
	}, sections[noSection].String()
}

// section collects the texts of one section, one under the other.
type section struct{ strings.Builder }

func (s *section) add(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if s.Len() > 0 {
		s.WriteByte('\n')
	}
	s.WriteString(text)
}

// A head introduces a section: "S:" or "Subjective:", in any case, at the start of
// the text or after white space. "BP:" and "Meds:" are none.
type head struct {
	start, end int  // of the head with its colon
	letter     byte // of its section
}

const (
	noSection   = byte(0)
	longestHead = len("subjective")
)

// findHead finds the first head. Without one it is an empty head at the text's
// end.
func findHead(text string) head {
	for colon := 0; ; colon++ {
		next := strings.IndexByte(text[colon:], ':')
		if next < 0 {
			return head{start: len(text), end: len(text)}
		}
		colon += next
		if h, ok := headBefore(text, colon); ok {
			return h
		}
	}
}

// headBefore tells whether a colon ends a head. White space may stand before the
// colon: markup around the word leaves it there.
func headBefore(text string, colon int) (head, bool) {
	end := len(strings.TrimRightFunc(text[:colon], unicode.IsSpace))
	start := end
	for start > 0 && end-start <= longestHead && isLetter(text[start-1]) {
		start--
	}
	if start > 0 {
		if before, _ := utf8.DecodeLastRuneInString(text[:start]); !unicode.IsSpace(before) {
			return head{}, false
		}
	}
	switch word := strings.ToLower(text[start:end]); word {
	case "s", "o", "a", "p", "subjective", "objective", "assessment", "plan":
		return head{start, colon + 1, word[0]}, true
	default:
		return head{}, false
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// plainText turns HTML into text (R7): tags become line breaks, entities are
// decoded. A text without markup stays as it is, save for its entities. A "<" that
// begins no known tag is a "<".
func plainText(note string) string {
	if !tag.MatchString(note) {
		return decodeEntities(note)
	}
	note = invisible.ReplaceAllString(note, "\n")
	note = joining.ReplaceAllString(note, "")
	note = tag.ReplaceAllString(note, "\n")
	var lines []string
	for line := range strings.Lines(note) {
		if line = strings.TrimSpace(decodeEntities(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// attributes have a value, save for the few that never do: "<b and c>" is no tag.
const attributes = `(?:\s+(?:[a-zA-Z_:][\w:.-]*\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=]+)|nowrap|noshade|hidden|checked|disabled))*\s*/?>`

var (
	tag = regexp.MustCompile(`(?i)</?(?:a|abbr|address|article|b|big|blockquote|body|br|center|cite|code|col|colgroup|dd|del|div|dl|dt|em|` +
		`figure|font|footer|form|h[1-6]|head|header|hr|html|i|img|ins|label|li|main|mark|meta|nav|o:p|ol|p|pre|q|s|section|small|span|` +
		`strike|strong|style|sub|sup|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul)` + attributes + `|<!--.*?-->|<!doctype[^<>]*>`)

	// invisible is markup whose content nobody sees.
	invisible = regexp.MustCompile(`(?is)<!--.*?-->|<style` + attributes + `.*?</style\s*>`)

	// joining are tags within a word: H<sub>2</sub>O.
	joining = regexp.MustCompile(`(?i)</?(?:sub|sup)` + attributes)

	entity = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)
)

// decodeEntities decodes those with their semicolon; "R&D" and "&copyright" stay.
func decodeEntities(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return pims.Clean(entity.ReplaceAllStringFunc(text, decodeEntity))
}

// decodeEntity decodes what is an entity as a whole: "&notit;" is none, though it
// begins like one.
func decodeEntity(text string) string {
	decoded := html.UnescapeString(text)
	if len(decoded) > 1 && strings.HasSuffix(decoded, ";") {
		return text
	}
	return decoded
}

// Package notes reads what people wrote about a visit. It extracts plain text from markup
// and finds the sections S, O, A and P by their heads (R7). It knows no PIMS.
package notes

import (
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// SOAP splits clinical notes into their sections. rest is the text before the first head,
// which belongs to no section (R19). Several notes are read one after the other; the text
// of a section that occurs again is appended. Only the heads and white space are lost.
func SOAP(notes ...string) (soap pims.SOAP, rest string) {
	sections := make(map[byte]*section)
	for _, letter := range []byte{'s', 'o', 'a', 'p', noSection} {
		sections[letter] = new(section)
	}
	for _, note := range notes {
		text, letter, from := markedText(note), noSection, 0
		for _, h := range findHeads(text) {
			sections[letter].add(text[from:h.start])
			letter, from = h.letter, h.end
		}
		sections[letter].add(text[from:])
	}
	return pims.SOAP{
		Subjective: sections['s'].String(),
		Objective:  sections['o'].String(),
		Assessment: sections['a'].String(),
		Plan:       sections['p'].String(),
	}, sections[noSection].String()
}

// section collects the texts of one section, one below the other.
type section struct{ strings.Builder }

func (s *section) add(text string) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\x00", ""))
	if text == "" {
		return
	}
	if s.Len() > 0 {
		s.WriteByte('\n')
	}
	s.WriteString(text)
}

const noSection = byte(0)

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

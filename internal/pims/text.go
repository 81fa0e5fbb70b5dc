package pims

import "strings"

// Clean makes a text fit for storage and changes nothing else (R7). NUL is removed. Invalid
// UTF-8, the remains of a lone surrogate included, becomes Lost. Every other character
// stays byte for byte.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsRune(s, 0) {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// Blank reports whether a text contains only white space. A blank never erases a known
// value (R7).
func Blank(s string) bool { return strings.TrimSpace(s) == "" }

// WordSet returns the set of the words in some lines.
func WordSet(lines ...string) map[string]bool {
	set := make(map[string]bool)
	for _, line := range lines {
		for word := range strings.FieldsSeq(line) {
			set[word] = true
		}
	}
	return set
}

package pims

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Lost stands in a text for a character that was lost before the text reached us: half of a
// surrogate pair, or a U+FFFD that the PIMS sends.
const Lost = '\uFFFD'

// maxLost is how many lost characters Undamaged compares. It bounds its time.
const maxLost = 64

// Damaged reports whether characters of a text were lost.
func Damaged(text string) bool { return strings.ContainsRune(text, Lost) }

// Undamaged returns what to take from a text of which characters were lost, where old is
// stored (R7). It is "", which erases nothing, where the text can be the stored one: each
// lost character stands for one of its characters or none. Letter case and accents make no
// difference. Otherwise it is the text without the lost characters. An undamaged text is
// returned as it is.
func Undamaged(text, old string) string {
	switch {
	case !Damaged(text):
		return text
	case !Damaged(old) && !Blank(old) && fits(text, old):
		return ""
	default:
		return strings.TrimSpace(strings.ReplaceAll(text, string(Lost), ""))
	}
}

// fits reports whether the damaged text can be the other one. It follows all ways in which
// the text can be read up to a character of the other one.
func fits(damaged, whole string) bool {
	pattern, text := folded(damaged), folded(whole)
	if lost := strings.Count(damaged, string(Lost)); lost > maxLost || len(pattern)-lost > len(text) || len(text) > len(pattern) {
		return false
	}
	places := skipped(nil, pattern, 0)
	for _, r := range text {
		var next []int
		for _, at := range places {
			if at < len(pattern) && (pattern[at] == Lost || pattern[at] == r) {
				next = skipped(next, pattern, at+1)
			}
		}
		if places = next; len(places) == 0 {
			return false
		}
	}
	return slices.Contains(places, len(pattern))
}

// skipped adds a place in the pattern, and those behind the lost characters that follow it.
// The places stay in ascending order and distinct.
func skipped(places []int, pattern []rune, at int) []int {
	for ; ; at++ {
		if len(places) == 0 || places[len(places)-1] < at {
			places = append(places, at)
		}
		if at == len(pattern) || pattern[at] != Lost {
			return places
		}
	}
}

// folded returns the letters in lower case and without accents.
func folded(text string) []rune {
	var plain []rune
	for _, r := range norm.NFD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			plain = append(plain, unicode.ToLower(r))
		}
	}
	return plain
}

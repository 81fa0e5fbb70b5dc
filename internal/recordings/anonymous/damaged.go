package anonymous

import (
	"cmp"
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// whole returns a word of the recording that a damaged word can be, of the nearest length,
// and where each rune of the damaged word stands in it; -1: nowhere.
func (m *mapper) whole(damaged []rune) (word string, at []int) {
	nearest := func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(a, damaged), distance(b, damaged)), cmp.Compare(a, b))
	}
	for _, candidate := range slices.SortedFunc(maps.Keys(m.seen), nearest) {
		if !pims.Damaged(candidate) && pims.Undamaged(string(damaged), candidate) == "" {
			if at := align(damaged, []rune(candidate)); at != nil {
				return candidate, at
			}
		}
	}
	return "", nil
}

func distance(word string, from []rune) int {
	n := len([]rune(word)) - len(from)
	return max(n, -n)
}

// align returns where each rune of a damaged word stands in a whole one. A lost rune stands
// for one of its runes or for none. nil: it does not fit.
func align(damaged, whole []rune) []int {
	fits := make([][]bool, len(damaged)+1) // the rest of damaged from i fits that of whole from j
	for i := len(damaged); i >= 0; i-- {
		fits[i] = make([]bool, len(whole)+1)
		for j := len(whole); j >= 0; j-- {
			switch {
			case i == len(damaged):
				fits[i][j] = j == len(whole)
			case damaged[i] == pims.Lost:
				fits[i][j] = fits[i+1][j] || j < len(whole) && fits[i+1][j+1]
			default:
				fits[i][j] = j < len(whole) && plain(damaged[i]) == plain(whole[j]) && fits[i+1][j+1]
			}
		}
	}
	if !fits[0][0] {
		return nil
	}
	at, j := make([]int, len(damaged)), 0
	for i, r := range damaged {
		if at[i] = j; r == pims.Lost {
			at[i] = -1
			if fits[i+1][j] {
				continue
			}
		}
		j++
	}
	return at
}

// damagedLike returns the runes of a word that are left, by where each stands.
func damagedLike(at []int, word []rune) []rune {
	left := make([]rune, len(at))
	for i, j := range at {
		if left[i] = pims.Lost; j >= 0 {
			left[i] = word[j]
		}
	}
	return left
}

// plain returns a letter in lower case and without accents.
func plain(r rune) rune {
	letter, _ := utf8.DecodeRuneInString(norm.NFD.String(string(unicode.ToLower(r))))
	return letter
}

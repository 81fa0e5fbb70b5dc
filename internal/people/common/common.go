// Package common recognises passwords that others would guess: those that many people use, and
// those that follow a pattern.
//
// The list holds the 49,193 passwords of four characters or more that
// @zxcvbn-ts/language-common 3.0.4 (MIT, passwords-LICENSE.txt) has from published breaches.
// Most are shorter than a password may be here. A password is refused if it consists of one of
// them and nothing but repetition, digits and signs.
package common

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

//go:embed passwords.txt.gz
var list []byte

const (
	maxAdded   = 8 // figures and signs around a password of the list
	maxRuns    = 3 // of neighbours on the keyboard or in the alphabet
	leastKinds = 5 // different characters
)

// Guessable says why others would guess a password; empty: they would not soon. It unpacks
// the list, which takes some milliseconds, and keeps nothing.
func Guessable(password string) (why string, err error) {
	folded := strings.ToLower(password)
	switch {
	case kinds(folded) < leastKinds:
		return fmt.Sprintf("it has fewer than %d different characters", leastKinds), nil
	case runs(folded) <= maxRuns:
		return "it is a sequence of neighbours on the keyboard or in the alphabet", nil
	}
	found, err := listed(forms(folded))
	if found {
		why = "it is on the list of passwords that are in use a lot, or is made of one"
	}
	return why, err
}

// kinds counts the different characters.
func kinds(text string) int {
	all := []rune(text)
	slices.Sort(all)
	return len(slices.Compact(all))
}

// rows are the characters that lie beside each other on keyboards.
var rows = []string{"1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm", "yxcvbnm"}

// runs counts the parts of a text within which each character is the same as the one before,
// or its neighbour.
func runs(text string) (n int) {
	var before rune
	for _, r := range text {
		if n == 0 || !neighbours(before, r) {
			n++
		}
		before = r
	}
	return n
}

func neighbours(a, b rune) bool {
	if near(int(a), int(b)) {
		return true
	}
	return slices.ContainsFunc(rows, func(row string) bool {
		i, j := strings.IndexRune(row, a), strings.IndexRune(row, b)
		return i >= 0 && j >= 0 && near(i, j)
	})
}

func near(a, b int) bool { return a-b <= 1 && b-a <= 1 }

// signs are what people write for letters.
var signs = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// forms returns what a password in lower case is made of: itself, without what was added around
// it, with letters for signs, and the part that repeats.
func forms(password string) []string {
	all := []string{password, signs.Replace(password)}
	core := strings.TrimFunc(password, func(r rune) bool { return !unicode.IsLetter(r) })
	if len(password)-len(core) <= maxAdded {
		all = append(all, core, signs.Replace(core))
	}
	for _, text := range slices.Clone(all) {
		all = append(all, unit(text))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// unit returns the shortest text that a text is a repetition of.
func unit(text string) string {
	if at := strings.Index((text + text)[min(1, len(text)):], text); at >= 0 && at+1 < len(text) {
		return text[:at+1]
	}
	return text
}

// listed reports whether one of some texts is in the list.
func listed(texts []string) (bool, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(list))
	if err != nil {
		return false, fmt.Errorf("the list of passwords: %w", err)
	}
	lines := bufio.NewScanner(unpacked)
	for lines.Scan() {
		if slices.Contains(texts, lines.Text()) {
			return true, nil
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("the list of passwords: %w", err)
	}
	return false, nil
}

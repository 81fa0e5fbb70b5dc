package notes

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A head introduces a section.
type head struct {
	start, end int  // of the head in its text, with its colon and what hides it
	letter     byte // of its section: s, o, a, p
}

// findHeads finds the heads of a marked text, in order. A head is one of the letters S, O,
// A, P or of the words Subjective, Objective, Assessment, Plan, in any case, with a colon,
// also a wide one. "A/P", "A & P", "Assessment/Plan" and "Assessment and Plan" are one head
// of the assessment. A word on its own line needs no colon, and neither does a letter that
// is a heading. White space may precede the colon, and the mark of a list may precede the
// head.
//
// At the beginning of a line a head always counts, except that a pulse is not a plan ("T:
// 38.5", "P: 120", "R: 24"). Within a line it counts in these cases:
//   - The line begins with a head, or another head of the line has counted, and this one
//     comes later in the order S, O, A, P. An A directly after a word, as in "brand A:",
//     counts only directly after O.
//   - It follows punctuation, a wide blank or another head, or begins bold text; and it is
//     a word, or another head of the line counts or may count.
//   - The line holds three different heads, and it is the first of its kind.
//
// It never counts where the word before belongs to it ("vitamin A", "hepatitis A", "protein
// S", "pain assessment"), nor where a letter is in a row of measurements ("T: 38.5 P: 120",
// "K: 4.1, P: 5.2", "kitten A: 200 g, kitten B: 180 g").
func findHeads(text string) []head {
	plain := uncover(text)
	var heads []head
	var before line
	for from := 0; from < len(plain.text); {
		end := len(plain.text)
		if n := strings.IndexAny(plain.text[from:], "\r\n"); n >= 0 {
			end = from + n
		}
		l := plain.line(from, end)
		next := end + 1
		for _, c := range l.heads(&before, plain.following(next)) {
			heads = append(heads, plain.head(c))
		}
		if !l.blank() {
			before = l
		}
		from = next
	}
	return heads
}

// An uncovered text has no invisible characters and no marks. A wide colon is replaced by a
// plain one.
type uncovered struct {
	text   string
	length int     // of the covered text
	at     []int32 // the offset of each byte of text in the covered one; nil: the same

	bold, headings map[int]bool // offsets at which emphasised text, a heading begins
}

// invisible reports whether a character is not seen: a mark, a format character (Unicode
// Cf), one that is ignorable by default, or one that was lost (R7).
func invisible(r rune) bool {
	return r == 0 || r == pims.Lost || r >= '\u00ad' && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) &&
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// wideColon reports whether a character is a colon of East Asian or other typesetting.
func wideColon(r rune) bool { return r == '\uff1a' || r == '\ufe55' || r == '\ufe13' || r == '\u2236' }

func uncover(covered string) *uncovered {
	u := &uncovered{text: covered, length: len(covered)}
	if strings.IndexFunc(covered, func(r rune) bool { return invisible(r) || wideColon(r) }) < 0 {
		return u
	}
	var out strings.Builder
	u.at = make([]int32, 0, len(covered))
	u.bold, u.headings = make(map[int]bool), make(map[int]bool)
	for i, r := range covered {
		if invisible(r) {
			if strings.HasPrefix(covered[i:], headingMark) {
				u.headings[out.Len()] = true
			} else if r == 0 {
				u.bold[out.Len()] = true
			}
			continue
		}
		if wideColon(r) {
			u.at = append(u.at, int32(i+utf8.RuneLen(r)-1)) //nolint:gosec // as below
			out.WriteByte(':')
			continue
		}
		for n := range utf8.RuneLen(r) {
			u.at = append(u.at, int32(i+n)) //nolint:gosec // a note is far shorter
		}
		out.WriteRune(r)
	}
	u.text = out.String()
	return u
}

// head returns a candidate as a head of the covered text, including the invisible
// characters around it.
func (u *uncovered) head(c candidate) head {
	if u.at == nil {
		return head{c.start, c.end, c.letter}
	}
	h := head{letter: c.letter, end: int(u.at[c.end-1]) + 1}
	if c.bare {
		h.end = u.covered(c.end)
	}
	if c.start > 0 {
		h.start = int(u.at[c.start-1]) + 1
	}
	return h
}

// covered returns the offset in the covered text of a byte of the uncovered one.
func (u *uncovered) covered(at int) int {
	if at == len(u.text) {
		return u.length
	}
	return int(u.at[at])
}

// A line is the text between two line breaks, with its labels: "T:", "S:", "Meds:".
type line struct {
	*uncovered
	from, to int
	begin    int // where its text begins, after a list's mark
	labels   []candidate
}

// A candidate is a label that may be a head.
type candidate struct {
	start, end int
	letter     byte // of its section; noSection: no head
	word       string
	first      bool // nothing but a list's mark stands before it
	bare       bool // it has no colon, and its line for itself
}

func (u *uncovered) line(from, to int) line {
	l := line{uncovered: u, from: from, to: to}
	text := u.text[from:to]
	marked := text[len(listMark.FindString(text)):]
	l.begin = to - len(strings.TrimLeftFunc(marked, unicode.IsSpace))
	if bare, ok := l.bare(); ok {
		l.labels = []candidate{bare}
		return l
	}
	for colon := from; ; colon++ {
		next := strings.IndexByte(u.text[colon:to], ':')
		if next < 0 {
			return l
		}
		colon += next
		if c, ok := l.label(colon); ok {
			l.labels = append(l.labels, c)
		}
	}
}

// following returns the next line, as far as it helps to recognise a pulse.
func (u *uncovered) following(from int) func() line {
	return func() line {
		for from < len(u.text) {
			end := len(u.text)
			if n := strings.IndexAny(u.text[from:], "\r\n"); n >= 0 {
				end = from + n
			}
			if l := u.line(from, end); !l.blank() {
				return l
			}
			from = end + 1
		}
		return line{uncovered: u}
	}
}

func (l *line) blank() bool { return strings.TrimSpace(l.text[l.from:l.to]) == "" }

// listMark matches the mark before the text of a list's item.
var listMark = regexp.MustCompile(`^\s*(?:[-\x{2013}\x{2014}*\x{2022}\x{00b7}]|[0-9]{1,2}[.)])\s+`)

// bare returns the head that a line without a colon consists of.
func (l *line) bare() (candidate, bool) {
	text := strings.TrimSpace(l.text[l.begin:l.to])
	letter := sectionOf(text)
	alone := len(text) > 1 || l.headings[l.from]
	return candidate{start: l.from, end: l.begin + len(text), letter: letter, word: text, first: true, bare: true}, letter != noSection && alone
}

const (
	longestLabel = 40
	longestValue = 16 // of a measurement
)

// both matches the combined head of assessment and plan.
var both = regexp.MustCompile(`(?i)(?:^|\s)(assessment\s*(?:[/&+]|\band\b)\s*plan|a\s*[/&+]\s*p)$`)

// sectionOf returns the section of a head's word.
func sectionOf(word string) byte {
	if word == "" || len(word) > longestLabel {
		return noSection
	}
	for _, known := range []string{"s", "o", "a", "p", "subjective", "objective", "assessment", "plan"} {
		if strings.EqualFold(word, known) {
			return known[0]
		}
	}
	if endsLikePlan(word) && both.FindString(word) == word {
		return 'a'
	}
	return noSection
}

// endsLikePlan reports whether a word may end with P or plan.
func endsLikePlan(word string) bool {
	last := word[len(word)-1] | 0x20
	return last == 'p' || last == 'n'
}

// label reads the label before a colon.
func (l *line) label(colon int) (candidate, bool) {
	end := l.from + len(strings.TrimRightFunc(l.text[l.from:colon], unicode.IsSpace))
	start, apart := l.word(end)
	if start == end {
		return candidate{}, false
	}
	if endsLikePlan(l.text[start:end]) {
		if m := both.FindStringSubmatchIndex(l.text[max(l.from, end-longestLabel):end]); m != nil {
			start = max(l.from, end-longestLabel) + m[2]
		}
	}
	c := candidate{start: start, end: colon + 1, word: l.text[start:end]}
	if apart {
		c.letter = sectionOf(c.word)
	}
	if start == l.begin {
		c.first, c.start = true, l.from
	}
	return c, true
}

// word returns where the word before a position begins. apart reports whether something
// separates it from the text before.
func (l *line) word(end int) (start int, apart bool) {
	start = end
	for start > l.from && end-start <= longestLabel {
		r, size := utf8.DecodeLastRuneInString(l.text[l.from:start])
		switch {
		case unicode.IsSpace(r), start < end && l.bold[start], separates(r):
			return start, true
		case r == ':':
			return start, false
		}
		start -= size
	}
	return start, start == l.from
}

// separates reports whether a character ends a section without a blank after it:
// "S:itchy;O:red".
func separates(r rune) bool { return r == ';' || r == '|' }

// measurement matches a number, but not the number of a list: "1. otitis".
var measurement = regexp.MustCompile(`^[~<>]?\s*[0-9]+(?:[.,][0-9]+)?(?:[^0-9.,)]|[.,)]?$|,\s)`)

// measured reports whether a number follows the candidate.
func (l *line) measured(c candidate) bool {
	value := strings.TrimLeft(l.text[c.end:min(l.to, c.end+longestLabel)], " \t")
	return !c.bare && value != "" && strings.IndexByte("~<>0123456789", value[0]) >= 0 && measurement.MatchString(value)
}

// strong reports whether something separates a candidate from the word before it:
// punctuation, a wide blank, another label, bold text.
func (l *line) strong(c candidate) bool {
	before := l.text[max(l.from, c.start-longestLabel):c.start]
	word := strings.TrimRight(before, " \t")
	gap := before[len(word):]
	if last, _ := utf8.DecodeLastRuneInString(before); separates(last) {
		return true
	}
	return l.bold[c.start] || len(gap) > 1 || gap == "\t" || gap != "" && word != "" && strings.IndexByte(".;!?,):", word[len(word)-1]) >= 0
}

// full reports whether the head is longer than one letter.
func (c candidate) full() bool { return len(c.word) > 1 }

// heads returns the candidates of the line that count.
func (l *line) heads(before *line, after func() line) []candidate {
	var candidates []candidate
	kinds := make(map[byte]bool)
	for i, c := range l.labels {
		if c.letter == noSection || !c.first && l.named(c) || l.inARow(i) || c.first && l.pulse(i, before, after) {
			continue
		}
		candidates = append(candidates, c)
		kinds[c.letter] = true
	}
	var heads []candidate
	seen := make(map[byte]bool)
	for _, c := range candidates {
		if c.first || l.counts(c, heads, seen[c.letter], len(kinds)) {
			heads = append(heads, c)
		}
		seen[c.letter] = true
	}
	return heads
}

// counts reports whether a head within a line counts.
func (l *line) counts(c candidate, heads []candidate, again bool, kinds int) bool {
	if kinds >= 3 && !again {
		return true
	}
	if len(heads) == 0 {
		return (c.full() || kinds >= 2) && l.strong(c)
	}
	last := heads[len(heads)-1]
	if l.strong(c) {
		return true
	}
	return order(c.letter) > order(last.letter) && (c.full() || c.letter != 'a' || last.letter == 'o')
}

func order(letter byte) int { return strings.IndexByte("soap", letter) }

// named reports whether the word before a candidate belongs to it, as in "vitamin A".
func (l *line) named(c candidate) bool {
	text := l.text[max(l.from, c.start-longestLabel):c.start]
	text = strings.ToLower(strings.TrimRight(text, " \t\u00a0."))
	word := text[strings.LastIndexAny(text, " \t\u00a0(/,;")+1:]
	if c.full() {
		return namesWord[word]
	}
	return namesLetter[c.letter][word]
}

var (
	namesLetter = map[byte]map[string]bool{
		's': pims.WordSet("protein vitamin"),
		'o': pims.WordSet("type typ group blood bloodtype streptolysin"),
		'a': pims.WordSet(
			"vitamin vitamins vit hepatitis hep influenza type typ group grade class category stage dea panel part appendix section table figure fig",
			"ward option plan brand product phase toxin botulinum immunoglobulin",
		),
		'p': pims.WordSet("factor substance vitamin"),
	}
	namesWord = pims.WordSet(
		"pain nutritional nutrition risk wound lameness behavior behaviour behavioral behavioural dental mobility health anesthetic anaesthetic body self",
		"discharge care wellness payment diet dietary meal insurance vaccine floor estate",
	)
)

// inARow reports whether a letter within a line belongs to a row of measurements: it has a
// number and no text, and so has a label next to it that is not a head.
func (l *line) inARow(i int) bool {
	c, end := l.labels[i], l.to
	if i+1 < len(l.labels) {
		end = l.labels[i+1].start
	}
	if c.first || c.full() || !l.measured(c) || len(strings.TrimSpace(l.text[c.end:end])) > longestValue {
		return false
	}
	measures := func(n int) bool {
		return n >= 0 && n < len(l.labels) && l.labels[n].letter == noSection && l.measured(l.labels[n])
	}
	return measures(i-1) || measures(i+1)
}

// pulse reports whether a P at the beginning of a line is the pulse, because its neighbours
// are temperature or respiration.
func (l *line) pulse(i int, before *line, after func() line) bool {
	c := l.labels[i]
	if c.full() || c.letter != 'p' || !l.measured(c) {
		return false
	}
	if i+1 < len(l.labels) {
		return l.is(i+1, respiration)
	}
	if !bareNumber.MatchString(l.text[c.end:l.to]) {
		return false
	}
	if n := len(before.labels); n > 0 && before.is(n-1, temperature) {
		return true
	}
	next := after()
	return len(next.labels) > 0 && next.labels[0].first && next.is(0, respiration)
}

// bareNumber matches a pulse on its own line.
var bareNumber = regexp.MustCompile(`^\s*[0-9]{2,3}\s*(?:bpm|/\s*min)?\s*$`)

var (
	temperature = pims.WordSet("t temp temperature")
	respiration = pims.WordSet("r rr resp respiration")
)

// is reports whether a label is one of the words and has a number.
func (l *line) is(n int, words map[string]bool) bool {
	return words[strings.ToLower(l.labels[n].word)] && l.measured(l.labels[n])
}

package anonymous

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A mapper replaces single words, numbers and codes, each always by the same. Before it
// replaces, it must have seen everything once.
type mapper struct {
	key       []byte
	seen      map[string]bool         // what is to be replaced, in lower case
	lengths   map[int]map[string]bool // the numbers among it, by their length
	words     map[string][]rune       // of a word or code
	numbers   map[string]string       // of a number
	taken     map[string]bool         // the replacements
	replacing bool                    // everything was seen
	known     func(word string) bool  // words of the wire format
}

func newMapper(key []byte, known func(string) bool) *mapper {
	return &mapper{
		key: key, known: known, seen: map[string]bool{}, lengths: map[int]map[string]bool{},
		words: map[string][]rune{}, numbers: map[string]string{}, taken: map[string]bool{},
	}
}

// random returns random numbers that follow from the key and a text.
func (m *mapper) random(text string) *rand.Rand {
	sum := hmac.New(sha256.New, m.key)
	sum.Write([]byte(text))
	return rand.New(rand.NewChaCha8([32]byte(sum.Sum(nil)))) //nolint:gosec // it is keyed
}

// keptDigits is how long a number may be that says nothing of anybody: an age, a dose.
const keptDigits = 2

// number replaces a number by one of the same length, in the same order of size.
func (m *mapper) number(digits string) string {
	zeros := len(digits) - len(strings.TrimLeft(digits, "0"))
	head, rest := digits[:zeros], digits[zeros:]
	if len(rest) <= keptDigits {
		return digits
	}
	if !m.replacing {
		if m.lengths[len(rest)] == nil {
			m.lengths[len(rest)] = map[string]bool{}
		}
		m.lengths[len(rest)][rest] = true
		return digits
	}
	if replaced, ok := m.numbers[rest]; ok {
		return head + replaced
	}
	return digits
}

// settle chooses the replacements of all numbers. From then on the mapper replaces.
func (m *mapper) settle() {
	for length, originals := range m.lengths {
		sorted := make([]string, 0, len(originals))
		for n := range originals {
			sorted = append(sorted, n)
		}
		slices.Sort(sorted)
		for i, replaced := range m.draw(length, len(sorted), originals) {
			m.numbers[sorted[i]] = replaced
		}
	}
	m.replacing = true
}

// draw returns distinct numbers of a length, sorted, and none of the originals where there
// are enough others.
func (m *mapper) draw(length, count int, originals map[string]bool) []string {
	r := m.random("numbers " + strconv.Itoa(length))
	drawn := make(map[string]bool, count)
	for tries := 0; len(drawn) < count; tries++ {
		n := strconv.Itoa(1 + r.IntN(9))
		for len(n) < length {
			n += strconv.Itoa(r.IntN(10))
		}
		if !originals[n] || tries > 50*count+1000 {
			drawn[n] = true
		}
	}
	numbers := make([]string, 0, count)
	for n := range drawn {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}

// phone replaces the digits of a phone number, however they are grouped.
func (m *mapper) phone(number string) string {
	if !m.replacing {
		return number
	}
	r := m.random("phone " + strings.Map(func(r rune) rune {
		if isDigit(r) {
			return r
		}
		return -1
	}, number))
	return strings.Map(func(letter rune) rune {
		if isDigit(letter) {
			return like(letter, r)
		}
		return letter
	}, number)
}

// word replaces a word, or a code of letters and digits, rune by rune, in any case of
// letters.
func (m *mapper) word(word []rune) []rune {
	folded := fold(word)
	if m.known(folded) {
		return word
	}
	if !m.replacing {
		m.seen[folded] = true
		return word
	}
	replaced, ok := m.words[folded]
	if !ok {
		replaced = m.replacement(folded)
		m.words[folded] = replaced
		m.taken[string(replaced)] = true
	}
	cased := make([]rune, len(word))
	for i, r := range replaced {
		cased[i] = r
		if upper := unicode.ToUpper(r); unicode.IsUpper(word[i]) && utf8.RuneLen(upper) == utf8.RuneLen(r) {
			cased[i] = upper
		}
	}
	return cased
}

// reference replaces the number of a letter, as in "&#233;" or "&#xe9;"; nil: it stays.
func (m *mapper) reference(number []rune) []rune {
	text, base := strings.ToLower(string(number)), 10
	if digits, ok := strings.CutPrefix(text, "x"); ok {
		text, base = digits, 16
	}
	code, err := strconv.ParseInt(text, base, 32)
	if letter := rune(code); err == nil && m.replacing && (unicode.IsLetter(letter) || unicode.IsNumber(letter)) {
		r := m.random("reference " + text)
		for range tries {
			other := like(unicode.ToLower(letter), r)
			if unicode.IsUpper(letter) {
				other = unicode.ToUpper(other)
			}
			if replaced := strconv.FormatInt(int64(other), base); other != letter && len(replaced) == len(text) {
				return append(number[:len(number)-len(text):len(number)-len(text)], []rune(replaced)...)
			}
		}
	}
	return nil
}

// replacement returns what stands for a word. A damaged word that can be another word of
// the recording stays a damaged form of that one's replacement (R7).
func (m *mapper) replacement(folded string) []rune {
	if pims.Damaged(folded) {
		if whole, at := m.whole([]rune(folded)); whole != "" {
			return damagedLike(at, m.word([]rune(whole)))
		}
	}
	return m.invent(folded)
}

// tries is how often another word is invented where the first is taken.
const tries = 300

func (m *mapper) invent(folded string) []rune {
	r := m.random("word " + folded)
	var invented []rune
	for range tries {
		invented = invented[:0]
		for _, letter := range folded {
			invented = append(invented, like(letter, r))
		}
		if text := string(invented); !m.taken[text] && !m.seen[text] && !m.known(text) {
			break
		}
	}
	return invented
}

// alphabets are letters to choose from, by one that is in the same: of the same script, and
// as long in UTF-8.
var alphabets = []struct {
	table   *unicode.RangeTable
	letters []rune
}{
	{unicode.Latin, []rune("àáâãäåæçèéêëìíîïñòóôõöøùúûü")},
	{unicode.Latin, []rune("ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữự")},
	{unicode.Greek, []rune("αβγδεζηθικλμνξοπρστυφχψω")},
	{unicode.Cyrillic, []rune("абвгдежзиклмнопрстуфхцчшщэюя")},
	{unicode.Arabic, []rune("ابتثجحخدذرزسشصضطظعغفقكلمنهوي")},
	{unicode.Hebrew, []rune("אבגדהוזחטיכלמנסעפצקרשת")},
	{unicode.Han, []rune("山川田木林森日月火水土石花草竹米糸貝車雨雪空海島谷村町里野原")},
	{unicode.Hiragana, []rune("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほ")},
	{unicode.Katakana, []rune("アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホ")},
	{unicode.Hangul, []rune("가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허")},
}

// like returns a letter or digit of the same kind.
func like(letter rune, r *rand.Rand) rune {
	switch {
	case letter >= 'a' && letter <= 'z':
		return 'a' + rune(r.IntN(26)) //nolint:gosec // below 26
	case letter >= '0' && letter <= '9':
		return '0' + rune(r.IntN(10)) //nolint:gosec // below 10
	case letter < utf8.RuneSelf, letter == pims.Lost:
		return letter
	}
	for _, a := range alphabets {
		if unicode.Is(a.table, letter) && utf8.RuneLen(a.letters[0]) == utf8.RuneLen(letter) {
			return a.letters[r.IntN(len(a.letters))]
		}
	}
	if unicode.IsMark(letter) {
		return letter
	}
	for range tries {
		other := letter&^0x3f + rune(r.IntN(0x40)) //nolint:gosec // below 64
		if unicode.IsLetter(other) && utf8.RuneLen(other) == utf8.RuneLen(letter) && unicode.ToLower(other) == other {
			return other
		}
	}
	return letter
}

// uuid replaces one of our own ids.
func (m *mapper) uuid(id uuid.UUID) uuid.UUID {
	if id == uuid.Nil {
		return id
	}
	r := m.random("uuid " + id.String())
	var replaced uuid.UUID
	binary.BigEndian.PutUint64(replaced[:8], r.Uint64())
	binary.BigEndian.PutUint64(replaced[8:], r.Uint64())
	replaced[6], replaced[8] = replaced[6]&0x0f|0x40, replaced[8]&0x3f|0x80
	return replaced
}

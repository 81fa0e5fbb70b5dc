// Package settings defines what is different about one practice (R50): the meanings of its
// status and type words, and the filters that keep appointments from becoming cases.
//
// The package holds values and computes with them. It knows no vendor and no database. No
// setting can delete a case: the meanings apply where an appointment becomes a case, and a
// filter only where a new case would be created.
package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// Settings are the settings of one clinic. The zero value changes nothing.
type Settings struct {
	// Statuses has the meanings of status words. They take precedence over the provider's.
	Statuses map[string]pims.Status

	// Types has the meanings of type words. They take precedence over the provider's.
	Types map[string]pims.Type

	Filters Filters
}

// Filters name the appointments that do not become cases.
type Filters struct {
	Types    []string
	Rooms    []string
	Statuses []string
}

// The limits of settings.
const (
	MaxWords   = 200 // of each list
	MaxWordLen = 100 // characters
)

// Statuses lists the meanings that a status word can have.
func Statuses() []pims.Status {
	return []pims.Status{
		pims.StatusScheduled, pims.StatusCheckedIn, pims.StatusInProgress, pims.StatusCompleted, pims.StatusCancelled, pims.StatusNoShow,
	}
}

// Types lists the meanings that a type word can have (W6).
func Types() []pims.Type { return []pims.Type{pims.TypeCheckup, pims.TypeSurgery, pims.TypeOther} }

// A FieldError says what is wrong with settings. Field is a path such as
// "statuses.In room".
type FieldError struct {
	Field  string
	Reason string
	Plain  string // the reason without the word, for a place where words may not be repeated (R38)
}

func (e *FieldError) Error() string { return e.Field + " " + e.Reason }

// document is the JSON form of Settings, in the database and in the API.
type document struct {
	Statuses map[string]string `json:"statuses,omitempty"`
	Types    map[string]string `json:"types,omitempty"`
	Filters  *filters          `json:"filters,omitempty"`
}

type filters struct {
	Types    []string `json:"types,omitempty"`
	Rooms    []string `json:"rooms,omitempty"`
	Statuses []string `json:"statuses,omitempty"`
}

// Parse reads settings from their JSON form. An unknown field, an unknown meaning and a
// word that is listed twice are errors; see FieldError.
func Parse(text []byte) (Settings, error) {
	s, err := decode(text)
	if err != nil {
		return s, err
	}
	if !jsontext.Value(text).IsValid() { // encoding/json would let the last of two names decide
		return s, &FieldError{Field: "settings", Reason: "list one name twice in an object, or a text that is not UTF-8"}
	}
	return s, s.Check()
}

// Stored reads settings that the database has accepted. Settings that it cannot read change
// nothing. Of two spellings of one word the one that sorts last decides.
func Stored(text []byte) Settings {
	s, err := decode(text)
	if err != nil {
		return Settings{}
	}
	return s
}

func decode(text []byte) (Settings, error) {
	var d document
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Settings{}, &FieldError{Field: "settings", Reason: "are not the JSON object that is documented: " + reasonOf(err)}
	}
	if decoder.More() {
		return Settings{}, &FieldError{Field: "settings", Reason: "must be one JSON object"}
	}
	s := Settings{Statuses: converted[pims.Status](d.Statuses), Types: converted[pims.Type](d.Types)}
	if d.Filters != nil {
		s.Filters = Filters(*d.Filters)
	}
	return s, nil
}

// reasonOf returns what is wrong with a JSON text, without its content.
func reasonOf(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s cannot be a JSON %s", wrong.Field, wrong.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// JSON returns the settings in their JSON form. The zero value is {}.
func (s Settings) JSON() []byte {
	d := document{Statuses: converted[string](s.Statuses), Types: converted[string](s.Types)}
	if f := s.Filters; len(f.Types)+len(f.Rooms)+len(f.Statuses) > 0 {
		encoded := filters(f)
		d.Filters = &encoded
	}
	text, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("settings that hold only texts have no JSON form: %v", err))
	}
	return text
}

// converted returns a map of words with their meanings in another type; nil stays nil.
func converted[B, A ~string](words map[string]A) map[string]B {
	if words == nil {
		return nil
	}
	to := make(map[string]B, len(words))
	for word, meaning := range words {
		to[word] = B(meaning)
	}
	return to
}

// IsZero reports whether the settings change nothing.
func (s Settings) IsZero() bool {
	return len(s.Statuses)+len(s.Types)+len(s.Filters.Types)+len(s.Filters.Rooms)+len(s.Filters.Statuses) == 0
}

// Check returns the first thing that is wrong with the settings, as a *FieldError.
func (s Settings) Check() error {
	for _, meaning := range slices.Sorted(maps.Values(s.Statuses)) {
		if !slices.Contains(Statuses(), meaning) {
			return &FieldError{"statuses", fmt.Sprintf("has no meaning %q; the meanings are %s", meaning, joined(Statuses())), "has a meaning that does not exist; the meanings are " + joined(Statuses())}
		}
	}
	for _, meaning := range slices.Sorted(maps.Values(s.Types)) {
		if !slices.Contains(Types(), meaning) {
			return &FieldError{"types", fmt.Sprintf("has no case type %q; the case types are %s", meaning, joined(Types())), "has a case type that does not exist; the case types are " + joined(Types())}
		}
	}
	for _, list := range []struct {
		field string
		words []string
		form  func(string) string
	}{
		{"statuses", slices.Sorted(maps.Keys(s.Statuses)), Form},
		{"types", slices.Sorted(maps.Keys(s.Types)), phrase},
		{"filters.types", s.Filters.Types, Form},
		{"filters.rooms", s.Filters.Rooms, Form},
		{"filters.statuses", s.Filters.Statuses, Form},
	} {
		if err := checkWords(list.field, list.words, list.form); err != nil {
			return err
		}
	}
	return nil
}

func checkWords(field string, words []string, form func(string) string) error {
	if len(words) > MaxWords {
		return plainly(field, fmt.Sprintf("has more than %d words", MaxWords))
	}
	seen := make(map[string]string, len(words))
	for _, word := range words {
		f := form(word)
		switch other, again := seen[f]; {
		case f == "":
			return &FieldError{field, fmt.Sprintf("has a word without a letter or digit: %q", word), "has a word without a letter or digit"}
		case again:
			return &FieldError{field, fmt.Sprintf("has one word twice: %q and %q are the same", other, word), "has one word twice, in two spellings"}
		case utf8.RuneCountInString(word) > MaxWordLen:
			return plainly(field, fmt.Sprintf("has a word of more than %d characters", MaxWordLen))
		case !utf8.ValidString(word), strings.ContainsFunc(word, unicode.IsControl):
			return plainly(field, "has a word with a control character, or one that is not UTF-8")
		}
		seen[f] = word
	}
	return nil
}

// plainly is an error whose reason repeats no word.
func plainly(field, reason string) *FieldError { return &FieldError{field, reason, reason} }

func joined[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, ", ")
}

// Form returns the form in which words are compared (R8): lower case, without spaces,
// hyphens and underscores. It is empty for a text without a letter or digit.
func Form(word string) string {
	if !strings.ContainsFunc(word, inWord) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' || r == '_' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// phrase returns the words of a type in lower case, each with a space before and after it,
// so that a phrase is found only at the limits of words.
func phrase(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !inWord(r) })
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ") + " "
}

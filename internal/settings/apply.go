package settings

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Cause is the filter that keeps an appointment from becoming a case. The zero value
// means that no filter does.
type Cause struct {
	By   string // "type", "room" or "status"
	Word string // of the filter, as it is stored
}

// Told describes the filter in plain words: the type "Staff lunch".
func (c Cause) Told() string { return "the " + c.By + ` "` + c.Word + `"` }

// A Reader applies the settings of one clinic to appointments. A nil Reader changes nothing.
// It is safe for concurrent use.
type Reader struct {
	statuses map[string]pims.Status
	types    []typeWord
	filters  [3]filter
}

type typeWord struct {
	phrase  string
	meaning pims.Type
}

type filter struct {
	by    string
	words map[string]string // form to word
	of    func(*pims.Appointment) string
}

// Reader returns what applies the settings.
func (s Settings) Reader() *Reader {
	r := &Reader{statuses: make(map[string]pims.Status, len(s.Statuses))}
	for _, word := range slices.Sorted(maps.Keys(s.Statuses)) {
		r.statuses[Form(word)] = s.Statuses[word]
	}
	for word, meaning := range s.Types {
		r.types = append(r.types, typeWord{phrase(word), meaning})
	}
	slices.SortFunc(r.types, func(a, b typeWord) int { // the longest phrase decides
		return cmp.Or(-cmp.Compare(strings.Count(a.phrase, " "), strings.Count(b.phrase, " ")), -cmp.Compare(len(a.phrase), len(b.phrase)), strings.Compare(a.phrase, b.phrase), -cmp.Compare(a.meaning, b.meaning))
	})
	r.filters = [3]filter{
		{"type", forms(s.Filters.Types), func(a *pims.Appointment) string { return a.TypeText }},
		{"room", forms(s.Filters.Rooms), func(a *pims.Appointment) string { return a.Room }},
		{"status", forms(s.Filters.Statuses), func(a *pims.Appointment) string { return a.StatusText }},
	}
	return r
}

func forms(words []string) map[string]string {
	of := make(map[string]string, len(words))
	for _, word := range words {
		of[Form(word)] = word
	}
	return of
}

// Status returns what a status word means: the clinic's meaning, else the provider's.
func (r *Reader) Status(word string, provider pims.Status) pims.Status {
	if r == nil {
		return provider
	}
	if meaning, ok := r.statuses[Form(word)]; ok {
		return meaning
	}
	return provider
}

// Type returns what the text of an appointment's type means: the clinic's meaning, else the
// provider's. A type word is found at the limits of words; the longest decides.
func (r *Reader) Type(text string, provider pims.Type) pims.Type {
	meaning, own := r.ownType(text)
	if !own {
		return provider
	}
	return meaning
}

func (r *Reader) ownType(text string) (meaning pims.Type, own bool) {
	if r == nil || len(r.types) == 0 {
		return "", false
	}
	text = phrase(text)
	for _, t := range r.types {
		if strings.Contains(text, t.phrase) {
			return t.meaning, true
		}
	}
	return "", false
}

// Apply returns the appointment with the clinic's meanings of its words. It does not change
// a.
func (r *Reader) Apply(a *pims.Appointment) *pims.Appointment {
	status, kind := r.Status(a.StatusText, a.Status), r.Type(a.TypeText, a.Type)
	if status == a.Status && kind == a.Type {
		return a
	}
	read := *a
	read.Status, read.Type = status, kind
	return &read
}

// Filtered returns the filter that an appointment meets, or the zero Cause. A filter
// compares the whole type, room or status word.
func (r *Reader) Filtered(a *pims.Appointment) Cause {
	if r == nil {
		return Cause{}
	}
	for _, f := range r.filters {
		if len(f.words) == 0 {
			continue
		}
		if word, ok := f.words[Form(f.of(a))]; ok {
			return Cause{f.by, word}
		}
	}
	return Cause{}
}

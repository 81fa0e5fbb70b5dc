package settings

import (
	"maps"
	"slices"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// An Edit changes settings word by word.
type Edit struct {
	Statuses map[string]pims.Status // words to give a meaning
	Types    map[string]pims.Type   // words to give a meaning
	Filters  Filters                // words to add
	Forget   []string               // words to remove wherever they are listed
}

// Apply returns the settings after the edit. A word that is listed in another spelling is
// replaced; one that the edit itself lists twice is an error. The error is a *FieldError.
func (e Edit) Apply(s Settings) (Settings, error) {
	if err := (Settings{e.Statuses, e.Types, e.Filters}).Check(); err != nil {
		return s, err
	}
	for _, word := range e.Forget {
		before := s
		if s = s.without(word); s.words() == before.words() {
			return s, &FieldError{"settings", `have no word "` + word + `"`, "have no such word"}
		}
	}
	after := Settings{
		Statuses: changed(s.Statuses, e.Statuses, Form),
		Types:    changed(s.Types, e.Types, phrase),
		Filters: Filters{
			Types:    added(s.Filters.Types, e.Filters.Types),
			Rooms:    added(s.Filters.Rooms, e.Filters.Rooms),
			Statuses: added(s.Filters.Statuses, e.Filters.Statuses),
		},
	}
	return after, after.Check()
}

// words returns how many words the settings list.
func (s Settings) words() int {
	return len(s.Statuses) + len(s.Types) + len(s.Filters.Types) + len(s.Filters.Rooms) + len(s.Filters.Statuses)
}

func (s Settings) without(word string) Settings {
	same := func(other string) bool { return Form(other) == Form(word) }
	return Settings{
		Statuses: kept(s.Statuses, same),
		Types:    kept(s.Types, same),
		Filters: Filters{
			Types:    slices.DeleteFunc(slices.Clone(s.Filters.Types), same),
			Rooms:    slices.DeleteFunc(slices.Clone(s.Filters.Rooms), same),
			Statuses: slices.DeleteFunc(slices.Clone(s.Filters.Statuses), same),
		},
	}
}

func kept[V any](words map[string]V, drop func(string) bool) map[string]V {
	left := maps.Clone(words)
	maps.DeleteFunc(left, func(word string, _ V) bool { return drop(word) })
	return left
}

// changed sets words in a map and replaces other spellings of them.
func changed[V any](words, set map[string]V, form func(string) string) map[string]V {
	after := maps.Clone(words)
	if after == nil {
		after = make(map[string]V, len(set))
	}
	for word, meaning := range set {
		maps.DeleteFunc(after, func(old string, _ V) bool { return form(old) == form(word) })
		after[word] = meaning
	}
	return after
}

// added appends the words that are not listed in any spelling.
func added(words, more []string) []string {
	after := slices.Clone(words)
	for _, word := range more {
		if !slices.ContainsFunc(after, func(old string) bool { return Form(old) == Form(word) }) {
			after = append(after, word)
		}
	}
	return after
}

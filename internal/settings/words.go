package settings

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// Kind says where a word stands in an appointment.
type Kind string

// The kinds of words.
const (
	KindStatus Kind = "status"
	KindType   Kind = "type"
	KindRoom   Kind = "room"
)

// A Word is a word that a practice uses.
type Word struct {
	Kind         Kind
	Word         string // in the PIMS's spelling
	Meaning      string // the provider's; empty: it knows none, or the word is a room
	Appointments int    // the most that one sync showed with it
	FirstSeen    time.Time
	LastSeen     time.Time // to the day
}

// maxNew bounds how many words of one kind one sync keeps. A field that suddenly holds
// names or notes must not fill the list.
const maxNew = 100

// Collect returns the words of a calendar, the commonest first in each kind.
func Collect(appointments []pims.Appointment) []Word {
	of := map[Kind]map[string]*Word{KindStatus: {}, KindType: {}, KindRoom: {}}
	note := func(kind Kind, text, meaning string) {
		form := Form(text)
		if form == "" || utf8.RuneCountInString(text) > MaxWordLen || strings.Contains(text, "@") {
			return
		}
		w, ok := of[kind][form]
		if !ok {
			w = &Word{Kind: kind, Word: strings.TrimSpace(text), Meaning: meaning}
			of[kind][form] = w
		}
		w.Appointments++
	}
	for i := range appointments {
		a := &appointments[i]
		note(KindStatus, a.StatusText, string(a.Status))
		note(KindType, a.TypeText, string(a.Type))
		note(KindRoom, a.Room, "")
	}
	var words []Word
	for _, kind := range []Kind{KindStatus, KindType, KindRoom} {
		words = append(words, commonest(of[kind])...)
	}
	return words
}

func commonest(words map[string]*Word) []Word {
	list := make([]Word, 0, len(words))
	for _, w := range words {
		list = append(list, *w)
	}
	slices.SortFunc(list, func(a, b Word) int {
		return cmp.Or(-cmp.Compare(a.Appointments, b.Appointments), strings.Compare(a.Word, b.Word))
	})
	return list[:min(len(list), maxNew)]
}

// A Use says what a word means to us.
type Use struct {
	Word
	Means    string // a status of Statuses, or a case type of Types; empty: unknown, or a room
	Own      bool   // the clinic's settings say so, not the provider
	Filtered bool   // appointments with it do not become cases
}

// Unknown reports whether neither the provider nor the settings know the word. A filtered
// word needs no meaning.
func (u *Use) Unknown() bool { return u.Kind != KindRoom && u.Means == "" && !u.Filtered }

// By says who gives the word its meaning: "pims", "settings", or "" where it has none.
func (u *Use) By() string {
	switch {
	case u.Means == "":
		return ""
	case u.Own:
		return "settings"
	default:
		return "pims"
	}
}

// Uses returns what words mean under the settings: the unknown ones first, then by kind and
// by how common they are.
func (s Settings) Uses(words []Word) []Use {
	r := s.Reader()
	uses := make([]Use, len(words))
	for i, w := range words {
		u := Use{Word: w, Means: w.Meaning}
		switch w.Kind {
		case KindStatus:
			u.Means = string(r.Status(w.Word, pims.Status(w.Meaning)))
			_, u.Own = r.statuses[Form(w.Word)]
			u.Filtered = r.Filtered(&pims.Appointment{StatusText: w.Word}) != (Cause{})
		case KindType:
			u.Means = string(r.Type(w.Word, pims.Type(w.Meaning)))
			_, u.Own = r.ownType(w.Word)
			u.Filtered = r.Filtered(&pims.Appointment{TypeText: w.Word}) != (Cause{})
		case KindRoom:
			u.Filtered = r.Filtered(&pims.Appointment{Room: w.Word}) != (Cause{})
		}
		uses[i] = u
	}
	order := []Kind{KindStatus, KindType, KindRoom}
	slices.SortStableFunc(uses, func(a, b Use) int {
		return cmp.Or(-compareBool(a.Unknown(), b.Unknown()), cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
			-cmp.Compare(a.Appointments, b.Appointments), strings.Compare(a.Word.Word, b.Word.Word))
	})
	return uses
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

package pims

import "strings"

// Status is the meaning of an appointment's state, whatever word the PIMS has for it. W5,
// R54.
type Status string

// The states of an appointment. Unknown stands for a word that the provider does not know
// (R7).
const (
	StatusUnknown    Status = ""
	StatusScheduled  Status = "scheduled"
	StatusCheckedIn  Status = "checked_in"
	StatusInProgress Status = "in_progress"
	StatusCompleted  Status = "completed"
	StatusCancelled  Status = "cancelled"
	StatusNoShow     Status = "no_show"
)

// Type is the meaning of an appointment's kind, whatever word the PIMS has for it. W6, R54.
type Type string

// The types of an appointment. Unknown stands for a word that the provider does not know,
// and for none.
const (
	TypeUnknown Type = ""
	TypeCheckup Type = "checkup"
	TypeSurgery Type = "surgery"
	TypeOther   Type = "other"
)

// A Vocabulary is a Provider that knows what a word means, without a request (R54). It
// returns what the provider sets in an Appointment that has this word and nothing else that
// decides. A provider whose PIMS has words for states and types implements it.
type Vocabulary interface {
	// StatusOf returns the meaning of an Appointment's StatusText, or StatusUnknown.
	StatusOf(word string) Status

	// TypeOf returns the meaning of an Appointment's TypeText, or TypeUnknown.
	TypeOf(word string) Type
}

// PlainWord returns the form in which words are compared (R8): lower case, with space,
// hyphen and underscore alike.
func PlainWord(word string) string {
	return separators.Replace(strings.ToLower(strings.TrimSpace(word)))
}

var separators = strings.NewReplacer(" ", "", "-", "", "_", "")

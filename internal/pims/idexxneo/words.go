package idexxneo

import (
	"slices"
	"strings"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

var _ pims.Vocabulary = (*provider)(nil)

// StatusOf implements pims.Vocabulary.
func (*provider) StatusOf(word string) pims.Status { return statusOf(word) }

// TypeOf implements pims.Vocabulary.
func (*provider) TypeOf(word string) pims.Type { return typeOf(word) }

// statusOf returns the meaning of Neo's word for an appointment's state. NEO.md §Calendar,
// W5.
func statusOf(word string) pims.Status {
	switch pims.PlainWord(word) {
	case "scheduled", "confirmed":
		return pims.StatusScheduled
	case "checkedin":
		return pims.StatusCheckedIn
	case "inprogress":
		return pims.StatusInProgress
	case "readytopay", "finalized", "completed", "discharged":
		return pims.StatusCompleted
	case "cancelled", "canceled":
		return pims.StatusCancelled
	case "noshow":
		return pims.StatusNoShow
	default:
		return pims.StatusUnknown
	}
}

// consultationStatus returns the meaning of Neo's word for a consultation's state.
func consultationStatus(word string) pims.ConsultationStatus {
	switch pims.PlainWord(word) {
	case "inprogress":
		return pims.ConsultationInProgress
	case "completed":
		return pims.ConsultationCompleted
	case "cancelled", "canceled":
		return pims.ConsultationCancelled
	default:
		return pims.ConsultationUnknown
	}
}

// types is the specification's table of types, in the order of R8. The first row with a
// word of the appointment's type decides.
var types = []struct {
	words   []string
	meaning pims.Type
}{
	{[]string{"surgery", "procedure"}, pims.TypeSurgery},
	{[]string{"emergency", "urgent"}, pims.TypeOther},
	{[]string{"exam", "checkup", "wellness", "vaccination", "vaccine"}, pims.TypeCheckup},
}

// typeOf returns the meaning of the practice's word for a kind of appointment (R8, W6).
func typeOf(word string) pims.Type {
	words := strings.FieldsFunc(strings.ToLower(word), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	for _, row := range types {
		for _, word := range words {
			if slices.Contains(row.words, word) {
				return row.meaning
			}
		}
	}
	return pims.TypeUnknown
}

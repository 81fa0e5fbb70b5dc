package casesync

import (
	"slices"
	"strings"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// caseStatus is the specification's table of statuses (W5).
var caseStatus = map[pims.Status]string{
	pims.StatusScheduled:  CaseDraft,
	pims.StatusCheckedIn:  CaseDraft,
	pims.StatusInProgress: CaseDraft,
	pims.StatusCompleted:  CasePending,
	pims.StatusCancelled:  CaseReviewed,
	pims.StatusNoShow:     CaseReviewed,
}

// caseTypes is the specification's table of types, in the order of R8. The first row with a
// word of the appointment type decides.
var caseTypes = []struct {
	words    []string
	caseType string
}{
	{[]string{"surgery", "procedure"}, CaseSurgery},
	{[]string{"emergency", "urgent"}, CaseOther},
	{[]string{"exam", "checkup", "wellness", "vaccination", "vaccine"}, CaseCheckup},
}

// MapStatus returns the case status of an appointment's status, and false where that is
// unknown (R7).
func MapStatus(s pims.Status) (string, bool) {
	status, known := caseStatus[s]
	return status, known
}

// MapType returns the case type of an appointment's type (R8).
func MapType(appointmentType string) string {
	words := strings.FieldsFunc(strings.ToLower(appointmentType), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	for _, row := range caseTypes {
		for _, word := range words {
			if slices.Contains(row.words, word) {
				return row.caseType
			}
		}
	}
	return CaseOther
}

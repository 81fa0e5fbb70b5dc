package idexxneo

import (
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// plain returns the form in which words are compared (R8): lower case, with space, hyphen
// and underscore alike.
func plain(word string) string { return separators.Replace(strings.ToLower(strings.TrimSpace(word))) }

var separators = strings.NewReplacer(" ", "", "-", "", "_", "")

// status returns the meaning of Neo's word for an appointment's state. NEO.md §Calendar,
// W5.
func status(word string) pims.Status {
	switch plain(word) {
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
	switch plain(word) {
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

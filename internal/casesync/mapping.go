package casesync

import "github.com/pims-sync/pims-sync/internal/pims"

// caseStatus is the specification's table of statuses (W5).
var caseStatus = map[pims.Status]string{
	pims.StatusScheduled:  CaseDraft,
	pims.StatusCheckedIn:  CaseDraft,
	pims.StatusInProgress: CaseDraft,
	pims.StatusCompleted:  CasePending,
	pims.StatusCancelled:  CaseReviewed,
	pims.StatusNoShow:     CaseReviewed,
}

// MapStatus returns the case status of an appointment's status, and false where that is
// unknown (R7).
func MapStatus(s pims.Status) (string, bool) {
	status, known := caseStatus[s]
	return status, known
}

// mapType returns the case type of an appointment's type, and false where the PIMS names
// no type (R7). A type that the provider does not know is other (R8).
func mapType(a *pims.Appointment) (string, bool) {
	switch a.Type {
	case pims.TypeCheckup:
		return CaseCheckup, true
	case pims.TypeSurgery:
		return CaseSurgery, true
	case pims.TypeOther:
		return CaseOther, true
	default:
		return CaseOther, !pims.Blank(a.TypeText)
	}
}

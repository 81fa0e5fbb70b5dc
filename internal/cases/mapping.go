package cases

import "github.com/pims-sync/pims-sync/internal/pims"

// caseStatus is the specification's table of statuses (W5).
var caseStatus = map[pims.Status]string{
	pims.StatusScheduled:  Draft,
	pims.StatusCheckedIn:  Draft,
	pims.StatusInProgress: Draft,
	pims.StatusCompleted:  Pending,
	pims.StatusCancelled:  Reviewed,
	pims.StatusNoShow:     Reviewed,
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
		return Checkup, true
	case pims.TypeSurgery:
		return Surgery, true
	case pims.TypeOther:
		return Other, true
	default:
		return Other, !pims.Blank(a.TypeText)
	}
}

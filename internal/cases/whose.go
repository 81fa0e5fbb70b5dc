package cases

import "github.com/pims-sync/pims-sync/internal/pims"

// A Whose says whose a visit or a consultation is. An empty text is unknown.
type Whose struct {
	PatientID   string
	ClientID    string
	PatientName string // empty where names do not decide (R9)
}

// Whose returns the patient and the client of the case.
func (c *Case) Whose() Whose {
	return Whose{c.Appointment.PatientID, c.Appointment.ClientID, c.PatientName}
}

// Another reports whether both are known to be different patients. It compares the patient
// ids where both are known, else the client ids where both are known. Names decide only
// where no client id does, and one patient id is known and the other is not (R7, R9).
func (w Whose) Another(than Whose) bool {
	named, thanNamed := !pims.Blank(w.PatientID), !pims.Blank(than.PatientID)
	switch {
	case named && thanNamed:
		return w.PatientID != than.PatientID
	case !pims.Blank(w.ClientID) && !pims.Blank(than.ClientID):
		return w.ClientID != than.ClientID
	default:
		return named != thanNamed && otherName(w.PatientName, than.PatientName)
	}
}

package cases

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

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

// WhoseByIDs is Whose without the name: names do not decide between two visits (R9).
func (c *Case) WhoseByIDs() Whose {
	return Whose{PatientID: c.Appointment.PatientID, ClientID: c.Appointment.ClientID}
}

// WhoseByIDs returns the patient and the client of the candidate, likewise.
func (c *Candidate) WhoseByIDs() Whose { return Whose{PatientID: c.PatientID, ClientID: c.ClientID} }

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

// Same reports whether both are known to be the same patient, by id.
func (w Whose) Same(as Whose) bool {
	return !pims.Blank(w.PatientID) && w.PatientID == as.PatientID
}

// A Holder is one of several cases that have a consultation (R9), and whose the case is, by
// ids.
type Holder struct {
	CaseID uuid.UUID
	PIMSID string
	Whose
}

// ConsultationIDs returns the consultations that the case has: the one that the calendar
// names or named last, and the stored one. They are in order, each once.
func (c *Case) ConsultationIDs() []string {
	ids := []string{c.Appointment.ConsultationID}
	if stored := c.Owner(); stored != nil {
		ids = append(ids, stored.ConsultationID)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}

// Names returns whose the consultation is, by what a read of it says and, where that is left
// out, by what the case's stored copy of it says (R7).
func (c *Case) Names(read *pims.Consultation) Whose {
	if stored := c.Owner(); stored != nil && stored.ConsultationID == read.ID {
		return Whose{PatientID: cmp.Or(read.PatientID, stored.PatientID), ClientID: cmp.Or(read.ClientID, stored.ClientID)}
	}
	return Whose{PatientID: read.PatientID, ClientID: read.ClientID}
}

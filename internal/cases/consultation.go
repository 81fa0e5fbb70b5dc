package cases

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// MergeConsultation returns a case's consultation after a read. The newer replaces the
// older whole, with two exceptions: one of the same consultation and patient without any
// notes keeps the old notes, and what the PIMS's answer does not tell stays (R7). It is
// pure. changed is false where only the time of the read differs (R12); then it returns the
// old one.
func MergeConsultation(old *Consultation, read pims.Consultation, at time.Time) (merged Consultation, changed bool) {
	merged = Consultation{Consultation: read, FetchedAt: at}
	merged.Unusable = nil // it describes this read, not the record
	if merged.SOAP.Blank() {
		merged.SOAP = pims.SOAP{} // white space is not a section and is not stored
	}
	if old == nil || old.ID != read.ID || old.Belonging().whose().Another(old.stillNames(read)) {
		mendConsultation(&merged.Consultation, &pims.Consultation{})
		return merged, true
	}
	whose := old.stillNames(read)
	merged.PatientID, merged.ClientID = whose.PatientID, whose.ClientID
	if !hasNotes(&read) {
		keepNotes(&merged.Consultation, &old.Consultation)
	}
	if read.Vitals == nil {
		merged.Vitals = old.Vitals
	}
	if read.Diagnoses == nil {
		merged.Diagnoses = old.Diagnoses
	}
	for _, part := range read.Unusable {
		keepPart(&merged.Consultation, &old.Consultation, part)
	}
	mendConsultation(&merged.Consultation, &old.Consultation)
	if sameConsultation(&old.Consultation, &merged.Consultation) {
		return *old, false
	}
	return merged, true
}

// stillNames returns whose the consultation is after a newer read of it: what it named
// before and leaves out now, it still names (R7).
func (c *Consultation) stillNames(read pims.Consultation) Whose {
	return Whose{PatientID: cmp.Or(read.PatientID, c.PatientID), ClientID: cmp.Or(read.ClientID, c.ClientID)}
}

// keepPart keeps the stored value of a part that a newer read of the same consultation
// could not parse. A part that cannot be parsed proves nothing.
func keepPart(merged, old *pims.Consultation, part pims.Part) {
	switch part {
	case pims.PartTime:
		merged.At, merged.AtText = old.At, old.AtText
	case pims.PartStatus:
		merged.Status, merged.StatusText = old.Status, old.StatusText
	case pims.PartReason:
		merged.Reason = old.Reason
	case pims.PartNotes:
		if hasNotes(old) {
			keepNotes(merged, old)
		}
	case pims.PartDischarge:
		merged.Discharge = old.Discharge
	case pims.PartDiagnoses: // the diagnoses with a name form a complete list
	case pims.PartVitals: // none were read, so the stored ones stay
	}
}

func hasNotes(c *pims.Consultation) bool {
	return !c.SOAP.Blank() || !pims.Blank(c.Notes) || !pims.Blank(c.RawNotes)
}

func keepNotes(merged, old *pims.Consultation) {
	merged.SOAP, merged.Notes, merged.RawNotes = old.SOAP, old.Notes, old.RawNotes
}

// sameConsultation reports whether both are the same consultation of the same patient. A
// patient or a client that only one of them names makes no difference (R7).
func sameConsultation(a, b *pims.Consultation) bool {
	return a.ID == b.ID && !Differ(a.PatientID, b.PatientID) && !Differ(a.ClientID, b.ClientID) && a.AppointmentID == b.AppointmentID && a.At.Equal(b.At) && pims.WallText(a.AtText) == pims.WallText(b.AtText) &&
		a.Status == b.Status && a.StatusText == b.StatusText && a.Reason == b.Reason &&
		a.RawNotes == b.RawNotes && a.SOAP == b.SOAP && a.Notes == b.Notes &&
		sameVitals(a.Vitals, b.Vitals) && slices.Equal(a.Diagnoses, b.Diagnoses) && a.Discharge == b.Discharge
}

func sameVitals(a, b *pims.Vitals) bool {
	if a == nil || b == nil {
		return a == b
	}
	return sameNumber(a.Temperature, b.Temperature) && a.TemperatureUnit == b.TemperatureUnit &&
		sameNumber(a.Pulse, b.Pulse) && sameNumber(a.Respiration, b.Respiration) &&
		sameNumber(a.Weight, b.Weight) && a.WeightUnit == b.WeightUnit && maps.Equal(a.Raw, b.Raw)
}

func sameNumber(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

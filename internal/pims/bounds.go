package pims

import "fmt"

// How long the texts of a PIMS may be, in bytes (R57). Nothing longer enters a case: the
// record, or the part, that has it is unusable, and is counted (R6, R20). No text is cut,
// because a cut name or note says something else.
const (
	MaxName = 1 << 10  // an id, a name, a phone number, an address, a word, a time
	MaxText = 16 << 10 // the title and the reason of an appointment: a process keeps the calendars of many clinics
	MaxNote = 1 << 20  // a note; the reason of a consultation; its diagnoses together
)

// Bound takes the rows with a text that is too long from the snapshot's appointments. Such a
// row is unusable and counts as present (R6). A row whose own id is too long has no id.
func (s *Snapshot) Bound() {
	kept := s.Appointments[:0]
	for i := range s.Appointments {
		a := &s.Appointments[i]
		switch field := a.overlong(); {
		case field == "":
			kept = append(kept, *a)
		case len(a.ID) > MaxName:
			s.Unidentified++
		default:
			s.Unusable = append(s.Unusable, *tooLong(a.ID, field, a))
		}
	}
	clear(s.Appointments[len(kept):])
	s.Appointments = kept
	rows := s.Unusable[:0]
	for _, row := range s.Unusable {
		if len(row.ID) > MaxName {
			s.Unidentified++
		} else {
			rows = append(rows, row)
		}
	}
	s.Unusable = rows
}

// BoundID returns a *RecordError for an id that is too long.
func BoundID(id string) error {
	if len(id) > MaxName {
		return tooLong(id, "id", nil)
	}
	return nil
}

// Bound returns a *RecordError where a text of the appointment is too long.
func (a *Appointment) Bound() error {
	if field := a.overlong(); field != "" {
		return tooLong(a.ID, field, a)
	}
	return nil
}

// tooLong is the error for a record with a field that is too long.
func tooLong(id, field string, a *Appointment) *RecordError {
	err := &RecordError{ID: id, Field: field, Reason: fmt.Sprintf("is longer than %d bytes", limitOf(field))}
	if len(id) > MaxName {
		err.ID = "with an id that is too long"
	}
	if a != nil {
		err.Start = a.Start
	}
	return err
}

// The fields of an appointment that are longer than a name, as errors name them.
const (
	fieldTitle  = "title"
	fieldReason = "reason"
)

func limitOf(field string) int {
	if field == fieldTitle || field == fieldReason {
		return MaxText
	}
	return MaxName
}

// A part of a record, as errors name it, and its text.
type text struct{ field, value string }

// overlong returns the first field that is too long; empty: none is.
func (a *Appointment) overlong() string {
	return firstOverlong([]text{
		{"id", a.ID},
		{"consultation id", a.ConsultationID},
		{"start", a.StartText},
		{"end", a.EndText},
		{"patient id", a.PatientID},
		{"patient name", a.PatientName},
		{"client id", a.ClientID},
		{"client name", a.ClientName},
		{"phone number", a.ClientPhone},
		{"e-mail address", a.ClientEmail},
		{"veterinarian", a.Veterinarian},
		{"room", a.Room},
		{fieldTitle, a.Title},
		{fieldReason, a.Reason},
		{"type", a.TypeText},
		{"status", a.StatusText},
	})
}

func firstOverlong(texts []text) string {
	for _, t := range texts {
		if len(t.value) > limitOf(t.field) {
			return t.field
		}
	}
	return ""
}

// Bound removes the parts of the consultation that are too long, and counts them as
// unusable: what is stored of such a part stays. The error is a *RecordError where an id is
// too long, because then it is not known whose consultation it is (R7).
func (c *Consultation) Bound() error {
	if field := firstOverlong([]text{{"id", c.ID}, {"appointment id", c.AppointmentID}, {"patient id", c.PatientID}, {"client id", c.ClientID}}); field != "" {
		return tooLong(c.ID, field, nil)
	}
	if len(c.AtText) > MaxName {
		c.leaveOut(PartTime)
		c.AtText = ""
	}
	if len(c.StatusText) > MaxName {
		c.leaveOut(PartStatus)
		c.Status, c.StatusText = ConsultationUnknown, ""
	}
	if len(c.Reason) > MaxNote {
		c.leaveOut(PartReason)
		c.Reason = ""
	}
	if c.notesBytes() > MaxNote {
		c.leaveOut(PartNotes)
		c.RawNotes, c.SOAP, c.Notes = "", SOAP{}, ""
	}
	if totalBytes(c.Diagnoses) > MaxNote {
		c.leaveOut(PartDiagnoses)
		c.Diagnoses = nil
	}
	if len(c.Discharge) > MaxNote {
		c.leaveOut(PartDischarge)
		c.Discharge = ""
	}
	if c.Vitals != nil && c.Vitals.overlong() {
		c.leaveOut(PartVitals)
		c.Vitals = nil
	}
	return nil
}

func (c *Consultation) leaveOut(p Part) { c.Unusable = append(c.Unusable, p) }

// notesBytes returns the length of the longest of the clinical note and what was made of it:
// its sections are copies of its parts.
func (c *Consultation) notesBytes() int {
	sections := totalBytes([]string{c.SOAP.Subjective, c.SOAP.Objective, c.SOAP.Assessment, c.SOAP.Plan, c.Notes})
	return max(len(c.RawNotes), sections)
}

func (v *Vitals) overlong() bool {
	for name, value := range v.Raw {
		if len(name) > MaxName || len(value) > MaxName {
			return true
		}
	}
	return len(v.TemperatureUnit) > MaxName || len(v.WeightUnit) > MaxName
}

func totalBytes(texts []string) (total int) {
	for _, t := range texts {
		total += len(t)
	}
	return total
}

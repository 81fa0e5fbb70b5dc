package pims

import "time"

// ConsultationStatus is the meaning of a consultation's state.
type ConsultationStatus string

// The states of a consultation.
const (
	ConsultationUnknown    ConsultationStatus = ""
	ConsultationInProgress ConsultationStatus = "in_progress"
	ConsultationCompleted  ConsultationStatus = "completed"
	ConsultationCancelled  ConsultationStatus = "cancelled"
)

// A ConsultationEntry is one line of a search over consultations. It is enough to know to
// which appointment the consultation belongs (R9) and whether it changed since it was read
// (R19).
type ConsultationEntry struct {
	ID            string
	AppointmentID string // empty where the PIMS does not say
	Contested     bool   // the search lists it for several visits, so AppointmentID is empty (R9)
	At            time.Time
	Status        ConsultationStatus
	StatusText    string

	// Fingerprint changes whenever anything in the entry changes. It is short and reveals
	// nothing of the content.
	Fingerprint string
}

// Size returns about how many bytes of memory the entry takes, with its place in a list and
// among the ids.
func (e *ConsultationEntry) Size() int {
	const fixed = 400
	return fixed + 2*len(e.ID) + len(e.AppointmentID) + len(e.StatusText)
}

// A Consultation is what was found and done in a visit. W8.
type Consultation struct {
	ID            string
	AppointmentID string
	PatientID     string    // whose it is; empty where the PIMS does not say (R7)
	ClientID      string    // whose patient it is; empty where the PIMS does not say (R9)
	At            time.Time // zero where the PIMS does not say
	AtText        string
	Status        ConsultationStatus
	StatusText    string
	Reason        string

	RawNotes string // the clinical note as the PIMS gave it, cleaned (R7)
	SOAP     SOAP   // its sections
	Notes    string // its text that belongs to no section (R19)

	Vitals    *Vitals  // nil: this answer cannot tell, which removes none
	Diagnoses []string // nil: this answer cannot tell; empty: there are none
	Discharge string   // what the client is told to do at home

	// Unusable lists the parts that could not be parsed or are too long, each as often as it occurred. They
	// are skipped and counted. The stored value of such a part stays.
	Unusable []Part
}

// A Part is an optional part of a consultation. Only the id is required: a part that cannot
// be parsed does not affect the others.
type Part string

// The parts of a consultation. Of vitals, what cannot be parsed is kept as text
// (Vitals.Raw); they are a part only where that text is too long (R57).
const (
	PartTime      Part = "time" // At and AtText
	PartStatus    Part = "status"
	PartReason    Part = "reason"
	PartNotes     Part = "notes" // RawNotes, SOAP and Notes
	PartDiagnoses Part = "diagnoses"
	PartDischarge Part = "discharge"
	PartVitals    Part = "vitals"
)

// SOAP are the four sections of a clinical note, as plain text.
type SOAP struct {
	Subjective string
	Objective  string
	Assessment string
	Plan       string
}

// Blank reports whether no section has any text (R19).
func (s SOAP) Blank() bool {
	return Blank(s.Subjective) && Blank(s.Objective) && Blank(s.Assessment) && Blank(s.Plan)
}

// Final reports whether the PIMS says that the consultation will not change any more (R19).
func (s ConsultationStatus) Final() bool {
	return s == ConsultationCompleted || s == ConsultationCancelled
}

// Vitals are measurements as given, with the unit as given (R7). A nil number was not
// measured, or its text is impossible or ambiguous; then Raw keeps the text. Raw also keeps
// the text of a number that is the sum of two ("12 lbs 4 oz").
type Vitals struct {
	Temperature     *float64
	TemperatureUnit string   // "F", "C", or empty where the PIMS does not say
	Pulse           *float64 // beats a minute
	Respiration     *float64 // breaths a minute
	Weight          *float64
	WeightUnit      string            // "lb", "oz", "kg", "g", or empty where the PIMS does not say
	Raw             map[string]string // name of the measurement to its text
}

package pims

import "time"

// ConsultationStatus is what a consultation's state means.
type ConsultationStatus string

// The states of a consultation.
const (
	ConsultationUnknown    ConsultationStatus = ""
	ConsultationInProgress ConsultationStatus = "in_progress"
	ConsultationCompleted  ConsultationStatus = "completed"
	ConsultationCancelled  ConsultationStatus = "cancelled"
)

// A ConsultationEntry is one line of a search over consultations: enough to know
// to which appointment it belongs (R9) and whether it changed since it was read
// (R19).
type ConsultationEntry struct {
	ID            string
	AppointmentID string // empty where the PIMS does not say
	At            time.Time
	Status        ConsultationStatus
	StatusText    string

	// Fingerprint changes whenever anything in the entry changes. It is opaque,
	// short, and tells nothing of the content.
	Fingerprint string
}

// A Consultation is what was found and done in a visit. Workflows §Phase 2 step 3.
type Consultation struct {
	ID            string
	AppointmentID string
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
}

// SOAP are the four sections of a clinical note, as plain text.
type SOAP struct {
	Subjective string
	Objective  string
	Assessment string
	Plan       string
}

// Blank tells whether no section has any text (R19).
func (s SOAP) Blank() bool {
	return Blank(s.Subjective) && Blank(s.Objective) && Blank(s.Assessment) && Blank(s.Plan)
}

// Final tells whether the PIMS says that nothing more will be written (R19).
func (s ConsultationStatus) Final() bool {
	return s == ConsultationCompleted || s == ConsultationCancelled
}

// Vitals are measurements as given, with the unit that was given (R7). A nil
// number was not measured, or was impossible: then Raw keeps its text.
type Vitals struct {
	Temperature     *float64
	TemperatureUnit string   // "F", "C", or empty where the PIMS does not say
	Pulse           *float64 // beats a minute
	Respiration     *float64 // breaths a minute
	Weight          *float64
	WeightUnit      string            // "lb", "kg", or empty where the PIMS does not say
	Raw             map[string]string // name of the measurement to its unusable text
}

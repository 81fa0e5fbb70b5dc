package neosim

import (
	"encoding/json"
	"time"
)

// Appointment is one entry of the calendar in the simulator's own words. Times are wall-clock times of the practice: what
// Start shows on its own clock is what the wire says, its Location is ignored, so a time in a spring gap can be written
// with time.UTC. A blank optional field goes over the wire as null, as "" or not at all, in turn by id; Raw fixes it.
type Appointment struct {
	// ID is the handle of every control method and the wire's appointment id. Digits go as a number or a string ([IDStyle]).
	ID string
	// EventID is the calendar's own `id` in the snake shape; "" means one that differs from ID.
	EventID string
	// ConsultationID is what the calendar says of it; "" means null, also where a consultation names this appointment.
	ConsultationID string
	// Start and End: wall clock. A zero End means half an hour after Start.
	Start, End time.Time

	PatientID, Patient            string
	Species, Breed                string
	ClientID, FirstName, LastName string
	Email, Phone                  string
	Provider, Resource            string
	Type, Reason                  string
	// Title is the calendar's caption; "" means "PATIENT; LAST, FIRST".
	Title string
	// Status is current_status (and status in the camel shape), StatusLabel status_label; a blank label repeats Status.
	Status, StatusLabel string
	// Block and Roster occupy the calendar and are no appointments.
	Block, Roster bool
	// Hidden keeps the appointment out of the calendar, while the point lookup finds it.
	Hidden bool

	// Raw replaces or adds fields of the row as it is written, in either shape: nil is null, [Omit] removes the field, a
	// json.RawMessage goes out byte by byte (lone surrogates, NUL, broken JSON), anything else through encoding/json.
	Raw map[string]any
	// Verbatim, where set, is the whole row: null, a number, a string, an object of any kind.
	Verbatim json.RawMessage
}

// Consultation is one visit's medical record in the simulator's own words. At is wall clock like [Appointment].Start.
type Consultation struct {
	ID, AppointmentID    string
	PatientID, Patient   string
	Species, Breed       string
	ClientID, Client     string
	ProviderID, Provider string
	At                   time.Time
	// Status: in_progress, completed or cancelled.
	Status string
	// Listed is the appointment that the search names, where it differs from AppointmentID; it points to "" for null.
	Listed *string
	Reason string
	// Notes is the clinical note, plain text or HTML: clinicalNotes, and consultationNotes.notes of the newer shape.
	Notes string
	// MoreNotes is consultation.notes of the newer shape, where it differs from Notes.
	MoreNotes string
	Discharge string
	Vitals    Vitals
	Diagnoses []string
	// DiagnosesAsObjects writes diagnoses as {"name": …} and not as strings.
	DiagnosesAsObjects bool
	Lines              []Line
	// Unreadable: the search lists it, both views answer 404.
	Unreadable bool

	// Raw works as for [Appointment], on search entries and on the view; RawPage on the top level of page-data.
	Raw, RawPage map[string]any
}

// Vitals of a consultation. A value is nil (null), a number, or a string such as "38,5".
type Vitals struct {
	Temperature, Pulse, Respiration, Weight any
	// TemperatureUnit is F or C, WeightUnit lb or kg; "" means null.
	TemperatureUnit, WeightUnit string
}

// Line is one product or service of a consultation (consultationLines of the newer shape).
type Line struct {
	ID, Name string
	Quantity float64
	Declined bool
}

// Provider is one row of /users/providers.
type Provider struct {
	ID, Name, Email string
	Active          bool
}

type omitted struct{}

// Omit as a value of Raw removes the field from the row.
var Omit any = omitted{}

// wall is the wall-clock time that t shows, as a time in UTC, to the second.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// civilDay is the day of t's wall clock, at midnight in UTC.
func civilDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// normal is the appointment as the book keeps it.
func (a Appointment) normal() *Appointment {
	a.Start = wall(a.Start)
	if a.End.IsZero() {
		a.End = a.Start.Add(30 * time.Minute)
	}
	a.End = wall(a.End)
	if a.StatusLabel == "" {
		a.StatusLabel = a.Status
	}
	return &a
}

// overlaps reports whether the appointment lies in [from, to), at least in part. One without length counts at its start.
func (a *Appointment) overlaps(from, to time.Time) bool {
	if !a.Start.Before(to) {
		return false
	}
	return a.End.After(from) || !a.Start.Before(from)
}

// clientName is First Last, whichever of them there is.
func (a *Appointment) clientName() string {
	switch {
	case a.FirstName == "":
		return a.LastName
	case a.LastName == "":
		return a.FirstName
	default:
		return a.FirstName + " " + a.LastName
	}
}

// clientLastFirst is LAST, FIRST as the calendar's captions have it.
func (a *Appointment) clientLastFirst() string {
	if a.FirstName == "" || a.LastName == "" {
		return a.clientName()
	}
	return a.LastName + ", " + a.FirstName
}

func (a *Appointment) caption() string {
	if a.Title != "" || a.Patient == "" {
		return a.Title
	}
	return a.Patient + "; " + a.clientLastFirst()
}

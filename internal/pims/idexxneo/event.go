package idexxneo

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// event is a row of the calendar in either generation, as it came. NEO.md §Calendar, variants A (snake case) and B (camel case).
type event struct {
	id, appointmentID, consultationID string
	noConsultation                    bool // consultation_id is there and is none
	patientID, clientID               string
	start, end                        string

	patient       string // A: patient_name, B: patientName
	firstName     string // A
	lastName      string // A
	client        string // B
	phone, email  string
	provider      string
	resource      string
	title         string
	kind          string
	reason        string
	currentStatus string // A
	label         string // A: status_label, B: status
	block, roster bool   // A
	flagged       bool   // A: is_block or is_roster is there
	snake         bool   // A: a field that only this generation has is there
	classes       []string
}

// event reads a row.
func (r *reader) event(e *event) error {
	*e = event{}
	return r.object(func(name []byte) error { return r.eventField(e, name) })
}

// eventField reads what the row is and when.
func (r *reader) eventField(e *event, name []byte) (err error) {
	e.snake = e.snake || bytes.IndexByte(name, '_') >= 0 // B has no underscore
	switch string(name) {
	case "id":
		e.id, err = r.identifier()
	case "appointment_id":
		e.appointmentID, err = r.identifier()
	case "consultation_id":
		e.consultationID, e.noConsultation, err = r.reference()
	case "start":
		e.start, err = r.text()
	case "end":
		e.end, err = r.text()
	case "current_status":
		e.currentStatus, err = r.word()
	case "status_label", "status":
		e.label, err = r.word()
	case "is_block":
		err = r.eventFlag(e, &e.block)
	case "is_roster":
		err = r.eventFlag(e, &e.roster)
	case "className":
		e.classes, err = r.list()
	default:
		err = r.eventDetail(e, name)
	}
	return err
}

// eventDetail reads whom the row is about, who sees them, where and why.
func (r *reader) eventDetail(e *event, name []byte) (err error) {
	switch string(name) {
	case "patient_id":
		e.patientID, err = r.identifier()
	case "client_id":
		e.clientID, err = r.identifier()
	case "patient_name", "patientName":
		e.patient, err = r.text()
	case "first_name":
		e.firstName, err = r.text()
	case "last_name":
		e.lastName, err = r.text()
	case "clientName":
		e.client, err = r.text()
	case "phone_number", "clientPhone":
		e.phone, err = r.text()
	case "email":
		e.email, err = r.text()
	case "title":
		e.title, err = r.text()
	case "reason":
		e.reason, err = r.text()
	case "provider", "providerName":
		e.provider, err = r.word()
	case "resourceId":
		e.resource, err = r.word()
	case "type_description", "appointmentType":
		e.kind, err = r.word()
	default:
		err = r.skip()
	}
	return err
}

func (r *reader) eventFlag(e *event, flag *bool) error {
	set, given, err := r.flag()
	*flag = set
	e.flagged = e.flagged || given
	return err
}

// isVisit tells visits from the blocks and rosters that occupy the calendar
// without being any (R5). In the generation without flags, a row without a
// patient and a status is a block; one that has no start either occupies nothing and
// is a row that is not recognised (R6).
func (e *event) isVisit() bool {
	switch {
	case e.block, e.roster, e.hasClass("block"), e.hasClass("roster"):
		return false
	case e.flagged:
		return true
	default:
		return !pims.Blank(e.patient) || e.patientID != "" || !pims.Blank(e.statusText()) || pims.Blank(e.start)
	}
}

func (e *event) hasClass(class string) bool {
	return slices.ContainsFunc(e.classes, func(names string) bool {
		return slices.ContainsFunc(strings.Fields(names), func(name string) bool { return strings.EqualFold(name, class) })
	})
}

// identity is the appointment's id; "" where the row has none.
func (e *event) identity() string {
	if e.appointmentID != "" {
		return e.appointmentID
	}
	return e.id
}

func (e *event) statusText() string {
	if !pims.Blank(e.currentStatus) {
		return e.currentStatus
	}
	return e.label
}

// appointment translates the row, whose wall-clock texts were read before.
func (e *event) appointment(start, end time.Time, location *time.Location) pims.Appointment {
	patient, client := e.names()
	a := pims.Appointment{
		ID:             e.identity(),
		ConsultationID: e.consultationID,
		NoConsultation: e.noConsultation,
		Start:          pims.Instant(start, location),
		StartText:      pims.WallText(e.start),
		EndText:        pims.WallText(e.end),
		PatientID:      e.patientID,
		PatientName:    patient,
		ClientID:       e.clientID,
		ClientName:     client,
		ClientPhone:    e.phone,
		ClientEmail:    e.email,
		Veterinarian:   e.provider,
		Room:           e.resource,
		Title:          e.title,
		Type:           e.kind,
		Reason:         e.reason,
		Status:         status(e.statusText()),
		StatusText:     e.statusText(),
	}
	if !end.IsZero() {
		a.End = pims.Instant(end, location)
	}
	return a
}

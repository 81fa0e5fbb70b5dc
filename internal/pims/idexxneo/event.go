package idexxneo

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// event is a row of the calendar in either generation, as it was received. NEO.md
// §Calendar, variants A (snake case) and B (camel case).
type event struct {
	id                            string
	oddID                         bool // the field id has a value that is no id
	appointmentID, consultationID reference
	patientID, clientID           reference
	start, end                    string

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

// eventField reads what the row is and its time.
func (r *reader) eventField(e *event, name []byte) (err error) {
	e.snake = e.snake || bytes.IndexByte(name, '_') >= 0 // B has no underscore
	switch string(name) {
	case "id":
		kind := r.decoder.PeekKind()
		e.id, err = r.identifier()
		e.oddID = e.id == "" && kind != 'n'
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
		err = r.eventReference(e, name)
	}
	return err
}

// eventReference reads the ids that the row refers to, in every spelling.
func (r *reader) eventReference(e *event, name []byte) error {
	switch string(name) {
	case "appointment_id", "appointmentId":
		return r.reference(&e.appointmentID)
	case "consultation_id", "consultationId":
		return r.reference(&e.consultationID)
	case "patient_id", "patientId":
		return r.reference(&e.patientID)
	case "client_id", "clientId":
		return r.reference(&e.clientID)
	case "appointment":
		return r.referenceIn(&e.appointmentID)
	case "consultation":
		return r.referenceIn(&e.consultationID)
	case "patient":
		return r.referenceIn(&e.patientID)
	case "client":
		return r.referenceIn(&e.clientID)
	default:
		return r.eventDetail(e, name)
	}
}

// eventDetail reads the patient, the client, the staff, the room and the reason.
func (r *reader) eventDetail(e *event, name []byte) (err error) {
	switch string(name) {
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

// isVisit distinguishes visits from the blocks and rosters in the calendar (R5). In the
// generation without flags, a row without a patient and a status is a block. If it also has
// no start, it does not occupy the calendar and counts as a row that is not recognised
// (R6).
func (e *event) isVisit() bool {
	switch {
	case e.isMarked():
		return false
	case e.flagged:
		return true
	default:
		return !pims.Blank(e.patient) || e.patientID.id != "" || !pims.Blank(e.statusText()) || pims.Blank(e.start)
	}
}

// isMarked reports whether the row says that it is a block or a roster.
func (e *event) isMarked() bool {
	return e.block || e.roster || e.hasClass("block") || e.hasClass("roster")
}

func (e *event) hasClass(class string) bool {
	return slices.ContainsFunc(e.classes, func(names string) bool {
		return slices.ContainsFunc(strings.Fields(names), func(name string) bool { return strings.EqualFold(name, class) })
	})
}

// identity returns the appointment's id, or "" where the row has none or two.
func (e *event) identity() string {
	switch {
	case e.appointmentID.torn:
		return ""
	case e.appointmentID.id != "":
		return e.appointmentID.id
	default:
		return e.id
	}
}

// torn returns which thing the row names by two contradictory ids, in our terms; "" means
// none.
func (e *event) torn() string {
	switch {
	case e.patientID.torn:
		return "patient"
	case e.consultationID.torn:
		return "consultation"
	case e.clientID.torn:
		return "client"
	default:
		return ""
	}
}

func (e *event) statusText() string {
	if !pims.Blank(e.currentStatus) {
		return e.currentStatus
	}
	return e.label
}

// appointment translates the row. The caller has read its local times.
func (e *event) appointment(start, end time.Time, location *time.Location) pims.Appointment {
	patient, client := e.names()
	a := pims.Appointment{
		ID:             e.identity(),
		ConsultationID: e.consultationID.id,
		NoConsultation: e.consultationID.isNone(),
		Start:          pims.Instant(start, location),
		StartText:      pims.WallText(e.start),
		EndText:        pims.WallText(e.end),
		PatientID:      e.patientID.id,
		PatientName:    patient,
		ClientID:       e.clientID.id,
		ClientName:     client,
		ClientPhone:    e.phone,
		ClientEmail:    e.email,
		Veterinarian:   e.provider,
		Room:           e.resource,
		Title:          e.title,
		Reason:         e.reason,
		Type:           typeOf(e.kind),
		TypeText:       e.kind,
		Status:         statusOf(e.statusText()),
		StatusText:     e.statusText(),
	}
	if !end.IsZero() {
		a.End = pims.Instant(end, location)
	}
	return a
}

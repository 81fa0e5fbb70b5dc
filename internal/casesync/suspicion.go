package casesync

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A Suspicion is a case that may hold notes of another patient or consultation, as an
// earlier version may have left it (R7). It holds ids only (R40).
type Suspicion struct {
	CaseID  uuid.UUID
	PIMSID  string
	Shows   Belonging // whose the case and its stored consultation say that the notes are
	Reasons []SuspicionReason
}

// SuspicionReason says why, a closed set.
type SuspicionReason string

// The reasons of a suspicion.
const (
	// SuspectPatient: the notes were read for, or name, another patient than the case's.
	SuspectPatient SuspicionReason = "another_patient"

	// SuspectConsultation: the notes came from another consultation than the one that
	// the case says it has, or the appointment names another one.
	SuspectConsultation SuspicionReason = "another_consultation"

	// SuspectEqual: a part is the same as it was with another consultation or patient.
	// It was carried over or is equal by chance: the history cannot tell.
	SuspectEqual SuspicionReason = "equal_part"

	// SuspectAppointment: the stored consultation itself names another appointment.
	SuspectAppointment SuspicionReason = "another_appointment"

	// SuspectShared: the same consultation is stored for a case of another patient, too.
	SuspectShared SuspicionReason = "shared_consultation"

	// SuspectReturned: the notes are from before a soft delete, and nothing shows that
	// the appointment that came back is the same patient's.
	SuspectReturned SuspicionReason = "returned_unproved"
)

// The actors of a clearing of notes and of its undoing, each followed by the id of the
// clearing (R14).
const (
	ClearingActor       = "clearing:"
	UndoneClearingActor = "undo-clearing:"
)

// clears tells whether the event is one of a clearing or of its undoing.
func (e *Event) clears() bool {
	return strings.HasPrefix(e.Actor, ClearingActor) || strings.HasPrefix(e.Actor, UndoneClearingActor)
}

// noteParts are the parts of metadata.consultation that an earlier version could carry
// over, each for itself. The text is one part, whatever fields it fills.
var noteParts = [][]string{{"rawNotes", "soapNotes", "notes"}, {"vitals"}, {"diagnoses"}}

// belongingFields are the fields of metadata.consultation that say whose it is and when
// it was read, and nothing of its content.
var belongingFields = []string{"id", "patientId", "appointmentId", "fetchedAt"}

// Suspect tells, by the stored ids and the history of a case, why it may hold notes
// that are not its own; nil: there is no sign of it. events are the case's own of
// metadata.appointment, metadata.consultation and metadata.reconciliation, the oldest
// first. shared: another patient's case stores the same consultation. judged is false
// where the history does not reach back to when the notes came.
func Suspect(c *Case, events []Event, shared bool) (reasons []SuspicionReason, judged bool) {
	if c.Consultation == nil {
		return nil, true
	}
	w := walk{patient: firstPatient(c, events), origins: make(map[string]Belonging), doubts: make(map[string]Belonging)}
	for i := range events {
		w.event(&events[i])
	}
	add := func(reason SuspicionReason, holds bool) {
		if holds && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	a := &c.Appointment
	add(SuspectPatient, differ(c.Consultation.PatientID, a.PatientID))
	add(SuspectConsultation, !a.Earlier && differ(c.Consultation.ID, a.ConsultationID))
	for _, origin := range w.origins {
		add(SuspectPatient, differ(origin.PatientID, a.PatientID))
		add(SuspectConsultation, differ(origin.ConsultationID, c.Consultation.ID))
	}
	for _, other := range w.doubts {
		add(SuspectEqual, differ(other.PatientID, a.PatientID) || differ(other.ConsultationID, c.Consultation.ID))
	}
	add(SuspectAppointment, differ(c.Consultation.AppointmentID, c.PIMSID))
	add(SuspectShared, shared)
	add(SuspectReturned, w.returned)
	slices.Sort(reasons)
	return reasons, w.read || len(reasons) > 0
}

// firstPatient is the case's patient before the first event: a creation keeps no
// values.
func firstPatient(c *Case, events []Event) string {
	for i := range events {
		if events[i].Field == "metadata.appointment" {
			return textOf(events[i].Before, "patientId")
		}
	}
	return c.Appointment.PatientID
}

// A walk follows a case through its history.
type walk struct {
	patient  string
	origins  map[string]Belonging // of each part that is stored: whence it came
	doubts   map[string]Belonging // of each part that may be carried over: whence, then
	read     bool                 // the history holds a read of the consultation
	gone     string               // the patient when it was soft-deleted
	deleted  bool
	returned bool // a sync brought it back, and nothing proved the patient
}

// event passes over a clearing and its undoing: they hide what was there and put the
// same back, and say nothing about whose it is.
func (w *walk) event(e *Event) {
	if e.clears() {
		return
	}
	switch e.Field {
	case "metadata.appointment":
		w.patient = cmp.Or(textOf(e.After, "patientId"), w.patient)
	case "metadata.consultation":
		w.consultation(e)
	case "metadata.reconciliation":
		deleted := textOf(e.After, "softDeleted") == "true"
		if w.deleted && !deleted && strings.HasPrefix(e.Actor, "sync:") && len(w.origins) > 0 {
			w.returned = w.gone == "" || w.gone != w.patient
		}
		if deleted {
			w.gone = w.patient
		}
		w.deleted = deleted
	}
}

// consultation notes whence each part comes.
func (w *walk) consultation(e *Event) {
	w.read = true
	before, after := fieldsOf(e.Before), fieldsOf(e.After)
	if len(w.origins) == 0 && len(before) > 0 { // the history begins later
		w.take(before, nil)
	}
	w.take(after, before)
}

// take follows a write. What differs from before is what the write's own read found.
// What is equal, though the write names another consultation or patient, was carried
// over where nothing but these ids changed. Else it may be equal by chance: that
// decides nothing about vitals and diagnoses where the text was read with them for the
// same patient, and is a doubt otherwise.
func (w *walk) take(after, before map[string]json.RawMessage) {
	own := Belonging{plain(after["id"]), cmp.Or(plain(after["patientId"]), w.patient)}
	carried, fresh := sameContent(after, before), false
	for i, part := range noteParts {
		key := part[0]
		origin, known := w.origins[key]
		switch {
		case emptyPart(part, after):
			delete(w.origins, key)
			delete(w.doubts, key)
		case !known || !samePart(part, after, before):
			w.origins[key], fresh = own, true
			delete(w.doubts, key)
		case carried || !origin.another(own): // it stays what it was
		default:
			w.origins[key] = own
			if i == 0 || !fresh || differ(origin.PatientID, own.PatientID) {
				w.doubt(key, origin)
			}
		}
	}
	if fresh || len(after) == 0 {
		w.returned = false
	}
}

// doubt notes whence a part may come. The first one counts: what may be carried over
// may be carried over again.
func (w *walk) doubt(key string, origin Belonging) {
	if _, ok := w.doubts[key]; !ok {
		w.doubts[key] = origin
	}
}

// another tells whether a consultation is known to be another one, or another patient's.
func (b Belonging) another(than Belonging) bool {
	return differ(b.ConsultationID, than.ConsultationID) || differ(b.PatientID, than.PatientID)
}

func samePart(part []string, a, b map[string]json.RawMessage) bool {
	return !slices.ContainsFunc(part, func(field string) bool {
		return !bytes.Equal(a[field], b[field]) && !(empty(a[field]) && empty(b[field]))
	})
}

func emptyPart(part []string, fields map[string]json.RawMessage) bool {
	return !slices.ContainsFunc(part, func(field string) bool { return !empty(fields[field]) })
}

// sameContent tells whether two documents differ in nothing but whose they are.
func sameContent(a, b map[string]json.RawMessage) bool {
	content := func(fields map[string]json.RawMessage) map[string]json.RawMessage {
		fields = maps.Clone(fields)
		maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return slices.Contains(belongingFields, name) })
		return fields
	}
	return maps.EqualFunc(content(a), content(b), func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

func fieldsOf(document []byte) (fields map[string]json.RawMessage) {
	_ = json.Unmarshal(document, &fields) // what is no object has no fields
	return fields
}

func textOf(document []byte, field string) string { return plain(fieldsOf(document)[field]) }

// plain is a JSON text without its quotes, or another scalar as it is written.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

func empty(value json.RawMessage) bool {
	switch string(value) {
	case "", "null", `""`, "[]", "{}":
		return true
	default:
		return false
	}
}

// Clear is the write that takes a suspect case's consultation out of sight: the case is
// due at once, and gets back what the PIMS says is its own (R7, R19).
func Clear(c *Case, at time.Time) Write {
	w := Write{Before: c, After: c.hidden()}
	w.Reading = lookAgain(&w, at)
	return w
}

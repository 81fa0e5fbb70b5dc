package cases

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

// A Suspicion is a case that may hold notes of another patient or consultation, written by
// an earlier version of this program (R7). It holds ids only (R40).
type Suspicion struct {
	CaseID  uuid.UUID
	PIMSID  string
	Shows   Belonging // whose the notes are according to the case and its stored consultation
	Reasons []SuspicionReason
}

// SuspicionReason is the reason of a suspicion, one of a closed set.
type SuspicionReason string

// The reasons of a suspicion.
const (
	// SuspectPatient: the notes were read for another patient than the case's, or name one.
	SuspectPatient SuspicionReason = "another_patient"

	// SuspectConsultation: the notes came from another consultation than the case's own, or
	// the appointment names another one.
	SuspectConsultation SuspicionReason = "another_consultation"

	// SuspectEqual: a part equals the part of another consultation or patient. It was
	// carried over, or is equal by chance; the history does not show which.
	SuspectEqual SuspicionReason = "equal_part"

	// SuspectAppointment: the stored consultation itself names another appointment.
	SuspectAppointment SuspicionReason = "another_appointment"

	// SuspectShared: the same consultation is stored for a case of another patient, too.
	SuspectShared SuspicionReason = "shared_consultation"

	// SuspectReturned: the notes are older than a soft delete, and nothing proves that the
	// appointment that came back is of the same patient.
	SuspectReturned SuspicionReason = "returned_unproved"
)

// The actors that clear notes and undo it. The id of the clearing follows (R14).
const (
	ClearingActor       = "clearing:"
	UndoneClearingActor = "undo-clearing:"
)

// clears reports whether the event belongs to a clearing or its undoing.
func (e *Event) clears() bool {
	return strings.HasPrefix(e.Actor, ClearingActor) || strings.HasPrefix(e.Actor, UndoneClearingActor)
}

// noteParts are the parts of metadata.consultation that an earlier version could carry
// over, each independently. The text is one part, in whichever fields it is stored.
var noteParts = [][]string{{"rawNotes", "soapNotes", "notes"}, {"vitals"}, {"diagnoses"}}

// belongingFields are the fields of metadata.consultation that say whose it is and when it
// was read. They hold no medical content.
var belongingFields = []string{"id", "patientId", "clientId", "appointmentId", "fetchedAt"}

// Suspect returns the reasons why a case may hold notes that are not its own, from the
// stored ids and the case's history. No reasons: nothing suggests it. events are the case's
// own events of SuspectFields, the oldest first. shared: a case of another patient stores
// the same consultation. judged is false where the history does not go back to when the
// notes were written.
func Suspect(c *Case, events []Event, shared bool) (reasons []SuspicionReason, judged bool) {
	if c.Consultation == nil {
		return nil, true
	}
	w := walkThrough(c, events)
	add := func(reason SuspicionReason, holds bool) {
		if holds && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	a := &c.Appointment
	add(SuspectPatient, Differ(c.Consultation.PatientID, a.PatientID))
	add(SuspectConsultation, !a.Earlier && Differ(c.Consultation.ID, a.ConsultationID))
	if read, ok := w.shown[c.Consultation.ID]; ok {
		add(SuspectPatient, read.Another(c.Whose()))
	}
	for _, origin := range w.origins {
		add(SuspectPatient, Differ(origin.PatientID, a.PatientID))
		add(SuspectConsultation, Differ(origin.ConsultationID, c.Consultation.ID))
	}
	for _, other := range w.doubts {
		add(SuspectEqual, Differ(other.PatientID, a.PatientID) || Differ(other.ConsultationID, c.Consultation.ID))
	}
	add(SuspectAppointment, Differ(c.Consultation.AppointmentID, c.PIMSID))
	add(SuspectShared, shared)
	add(SuspectReturned, w.returned)
	slices.Sort(reasons)
	return reasons, w.read || len(reasons) > 0
}

// SuspectFields are the fields whose events Suspect reads.
var SuspectFields = []string{"patient_name", "metadata.appointment", "metadata.consultation", "metadata.reconciliation"}

// ShownForOthers returns the consultations that the case showed for other patients than its
// own, according to its history, and for whom. They do not come back while they name no
// patient (R7). events are as in Suspect.
func ShownForOthers(c *Case, events []Event) map[string]Whose {
	others := walkThrough(c, events).shown
	maps.DeleteFunc(others, func(_ string, of Whose) bool { return !of.Another(c.Whose()) })
	return others
}

// atFirst returns the case's patient before the first event. The event of a creation holds
// no values.
func atFirst(c *Case, events []Event) Whose {
	first := c.Whose()
	event := func(field string) *Event {
		i := slices.IndexFunc(events, func(e Event) bool { return e.Field == field })
		if i < 0 {
			return nil
		}
		return &events[i]
	}
	if e := event("metadata.appointment"); e != nil {
		first.PatientID, first.ClientID = textOf(e.Before, "patientId"), textOf(e.Before, "clientId")
	}
	if e := event("patient_name"); e != nil {
		first.PatientName = plain(e.Before)
	}
	return first
}

// A walk goes through the events of a case in order.
type walk struct {
	whose    Whose                // whose the visit is
	stored   string               // the consultation that is stored
	shown    map[string]Whose     // each consultation that was stored, and for whom it was read
	origins  map[string]Belonging // where each stored part comes from
	doubts   map[string]Belonging // where each part that may be carried over may come from
	read     bool                 // the history holds a read of the consultation
	gone     string               // the patient when it was soft-deleted
	deleted  bool
	returned bool // a sync brought it back, and nothing proved the patient
}

func walkThrough(c *Case, events []Event) *walk {
	w := &walk{whose: atFirst(c, events), shown: make(map[string]Whose), origins: make(map[string]Belonging), doubts: make(map[string]Belonging)}
	for i := range events {
		w.event(&events[i])
	}
	return w
}

// event ignores a clearing and its undoing: they hide the notes and put the same notes
// back, and say nothing about whose the notes are.
func (w *walk) event(e *Event) {
	if e.clears() {
		return
	}
	switch e.Field {
	case "patient_name":
		w.whose.PatientName = plain(e.After)
	case "metadata.appointment":
		w.whose.PatientID = cmp.Or(textOf(e.After, "patientId"), w.whose.PatientID)
		w.whose.ClientID = cmp.Or(textOf(e.After, "clientId"), w.whose.ClientID)
		w.learn()
	case "metadata.consultation":
		w.consultation(e)
	case "metadata.reconciliation":
		deleted := textOf(e.After, "softDeleted") == "true"
		if w.deleted && !deleted && strings.HasPrefix(e.Actor, "sync:") && len(w.origins) > 0 {
			w.returned = w.gone == "" || w.gone != w.whose.PatientID
		}
		if deleted {
			w.gone = w.whose.PatientID
		}
		w.deleted = deleted
	}
}

// consultation records where each part comes from.
func (w *walk) consultation(e *Event) {
	w.read = true
	before, after := fieldsOf(e.Before), fieldsOf(e.After)
	if len(w.origins) == 0 && len(before) > 0 { // the history begins later
		w.take(before, nil)
	}
	w.take(after, before)
	w.show(after)
}

// show records for whom a consultation is read: for the patient that it names, else for the
// one for whom the case showed it first.
func (w *walk) show(after map[string]json.RawMessage) {
	w.stored = plain(after["id"])
	_, known := w.shown[w.stored]
	if named := plain(after["patientId"]); w.stored != "" && (!known || named != "") {
		w.shown[w.stored] = Whose{cmp.Or(named, w.whose.PatientID), cmp.Or(plain(after["clientId"]), w.whose.ClientID), w.whose.PatientName}
	}
}

// learn adds what becomes known of the patient while the case shows the consultation.
func (w *walk) learn() {
	if of, ok := w.shown[w.stored]; ok && !of.Another(w.whose) {
		w.shown[w.stored] = Whose{cmp.Or(of.PatientID, w.whose.PatientID), cmp.Or(of.ClientID, w.whose.ClientID), of.PatientName}
	}
}

// take records the origin of each part of a write. A part that differs from before comes
// from the write's own read. A part that is equal, in a write that names another
// consultation or patient, was carried over where nothing but these ids changed. Else it
// may be equal by chance. Vitals and diagnoses that are equal by chance prove nothing where
// the text was read with them for the same patient; every other case is a doubt.
func (w *walk) take(after, before map[string]json.RawMessage) {
	own := Belonging{ConsultationID: plain(after["id"]), PatientID: cmp.Or(plain(after["patientId"]), w.whose.PatientID)}
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
		case carried || !origin.another(own): // its origin stays
		default:
			w.origins[key] = own
			if i == 0 || !fresh || Differ(origin.PatientID, own.PatientID) {
				w.doubt(key, origin)
			}
		}
	}
	if fresh || len(after) == 0 {
		w.returned = false
	}
}

// doubt records where a part may come from. The first origin counts, because a part that
// was carried over may be carried over again.
func (w *walk) doubt(key string, origin Belonging) {
	if _, ok := w.doubts[key]; !ok {
		w.doubts[key] = origin
	}
}

// another reports whether a consultation is known to be another one, or of another patient.
func (b Belonging) another(than Belonging) bool {
	return Differ(b.ConsultationID, than.ConsultationID) || Differ(b.PatientID, than.PatientID)
}

func samePart(part []string, a, b map[string]json.RawMessage) bool {
	return !slices.ContainsFunc(part, func(field string) bool {
		return !bytes.Equal(a[field], b[field]) && !(empty(a[field]) && empty(b[field]))
	})
}

func emptyPart(part []string, fields map[string]json.RawMessage) bool {
	return !slices.ContainsFunc(part, func(field string) bool { return !empty(fields[field]) })
}

// sameContent reports whether two documents differ only in whose they are.
func sameContent(a, b map[string]json.RawMessage) bool {
	content := func(fields map[string]json.RawMessage) map[string]json.RawMessage {
		fields = maps.Clone(fields)
		maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return slices.Contains(belongingFields, name) })
		return fields
	}
	return maps.EqualFunc(content(a), content(b), func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

func fieldsOf(document []byte) (fields map[string]json.RawMessage) {
	_ = json.Unmarshal(document, &fields) // a value that is not an object has no fields
	return fields
}

func textOf(document []byte, field string) string { return plain(fieldsOf(document)[field]) }

// plain returns a JSON text without its quotes, and another scalar as it is.
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

// Clear returns the write that hides a suspect case's consultation. The case becomes due at
// once and receives what the PIMS confirms as its own (R7, R19).
func Clear(c *Case, at time.Time) Write {
	w := Write{Before: c, After: c.WithoutNotes()}
	w.Reading = LookAgain(&w, at)
	return w
}

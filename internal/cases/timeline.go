package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Timeline is a case with its whole history (R14), read together.
type Timeline struct {
	Record Record
	Events []Event // that are kept, the oldest first
}

// A Moment is a case as it was at a moment. Of its metadata it has the keys that a sync owns;
// the history does not have those of other programs.
type Moment struct {
	Record
	At time.Time

	// NotesWithheld means that the case had medical notes then which were later found not to
	// be this patient's. They are left out: notes are never shown under another patient's
	// name, not even in retrospect (R7).
	NotesWithheld bool
}

// At returns the case as it was at a moment. The error is CodeNotFound where the case did
// not exist then, or where the history does not reach back so far (EVENT_RETENTION).
func (t *Timeline) At(at time.Time) (Moment, error) {
	if err := t.reaches(at); err != nil {
		return Moment{}, err
	}
	s, err := stateOf(&t.Record)
	if err != nil {
		return Moment{}, err
	}
	later := t.after(at)
	for _, e := range slices.Backward(later) {
		if err := s.undo(&e); err != nil {
			return Moment{}, err
		}
	}
	was := Moment{At: at}
	if was.NotesWithheld = s.notesOfAnother(later); was.NotesWithheld {
		delete(s.metadata, consultationKey)
	}
	was.Record, err = s.record(&t.Record)
	return was, err
}

// Between returns how the case differs at the end of a span from its beginning: for each
// field that differs one event, of the latest change. A field that was changed and changed
// back is left out. Notes that At withholds at one of the two moments count as none there (R7).
// The errors are those of At.
func (t *Timeline) Between(from, to time.Time) ([]Event, error) {
	if err := t.reaches(from); err != nil {
		return nil, err
	}
	var changes []Event
	for _, e := range t.after(from) {
		if shown(e.At).After(to) || e.Action != changedAction {
			continue
		}
		i := slices.IndexFunc(changes, func(c Event) bool { return c.Field == e.Field })
		if i < 0 {
			changes = append(changes, e)
			continue
		}
		e.Before = changes[i].Before
		changes[i] = e
	}
	if i := slices.IndexFunc(changes, func(c Event) bool { return c.Field == "metadata."+consultationKey }); i >= 0 {
		was, err := t.At(from)
		if err != nil {
			return nil, err
		}
		is, err := t.At(to)
		if err != nil {
			return nil, err
		}
		if was.NotesWithheld {
			changes[i].Before = nil
		}
		if is.NotesWithheld {
			changes[i].After = nil
		}
	}
	return slices.DeleteFunc(changes, func(e Event) bool { return sameJSON(e.Before, e.After) }), nil
}

// sameJSON reports whether two values of the database are the same; nil is null.
func sameJSON(a, b []byte) bool {
	null := func(v []byte) string { return cmp.Or(string(v), "null") }
	return null(a) == null(b)
}

const (
	changedAction   = "changed"
	createdAction   = "created"
	consultationKey = "consultation"
)

// shown returns a time as the history shows it, in milliseconds; the database has finer ones.
// Who asks for the moment of an event gets the case with it.
func shown(at time.Time) time.Time { return at.Truncate(time.Millisecond) }

// after returns the events after a moment.
func (t *Timeline) after(at time.Time) []Event {
	i := slices.IndexFunc(t.Events, func(e Event) bool { return shown(e.At).After(at) })
	if i < 0 {
		return nil
	}
	return t.Events[i:]
}

// reaches reports whether the history tells what the case was at a moment.
func (t *Timeline) reaches(at time.Time) error {
	created, known := shown(t.Record.CreatedAt), shown(t.Record.UpdatedAt) // what it is now, it has been since
	whole := false
	if len(t.Events) > 0 {
		known, whole = shown(t.Events[0].At), t.Events[0].Action == createdAction
	}
	if whole && known.Before(created) { // that is the replica's clock, and this the database's
		created = known
	}
	switch {
	case at.Before(created):
		return syncs.Fail(syncs.CodeNotFound, "the case did not exist at that time; it was created at %s", created.UTC().Format(time.RFC3339))
	case at.Before(known) && !whole:
		return syncs.Fail(syncs.CodeNotFound, "the history of the case does not reach back to that time; it begins at %s", known.UTC().Format(time.RFC3339))
	default:
		return nil
	}
}

// A state is a case with each of its fields as JSON.
type state struct {
	columns  map[string]json.RawMessage
	metadata map[string]json.RawMessage // the keys that a sync owns
}

// ownedKeys are the keys of metadata that the history has (R11).
var ownedKeys = []string{"appointment", consultationKey, "reconciliation", "sync"}

func stateOf(r *Record) (*state, error) {
	s := &state{columns: make(map[string]json.RawMessage), metadata: make(map[string]json.RawMessage)}
	for field, value := range map[string]any{
		"pims_id": r.PIMSID, "patient_name": r.PatientName, "client_name": r.ClientName, "phone_number": r.PhoneNumber,
		"scheduled_date": r.ScheduledDate, "status": r.Status, "sync_status": r.SyncStatus, "case_type": r.CaseType,
	} {
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		s.columns[field] = encoded
	}
	var metadata map[string]json.RawMessage
	if err := json.Unmarshal(r.Metadata, &metadata); len(r.Metadata) > 0 && err != nil {
		return nil, fmt.Errorf("reading the metadata of case %s: %w", r.ID, err)
	}
	for _, key := range ownedKeys {
		if value, ok := metadata[key]; ok {
			s.metadata[key] = value
		}
	}
	return s, nil
}

// undo takes an event back.
func (s *state) undo(e *Event) error {
	key, owned := strings.CutPrefix(e.Field, "metadata.")
	_, column := s.columns[e.Field]
	switch {
	case e.Action != changedAction:
		return nil
	case owned && (len(e.Before) == 0 || string(e.Before) == "null"):
		delete(s.metadata, key)
	case owned:
		s.metadata[key] = e.Before
	case column:
		s.columns[e.Field] = e.Before
	default:
		return fmt.Errorf("the history of case %s has a change of %q, which this version does not know", e.CaseID, e.Field)
	}
	return nil
}

// record returns the state as a record; what the history does not have is that of now.
func (s *state) record(now *Record) (r Record, err error) {
	r = *now
	read := func(field string, into any) {
		value := s.columns[field]
		if len(value) == 0 {
			value = []byte("null")
		}
		if failed := json.Unmarshal(value, into); failed != nil && err == nil {
			err = fmt.Errorf("reading the history of case %s: %s: %w", now.ID, field, failed)
		}
	}
	r.PIMSID, r.PatientName, r.ClientName, r.PhoneNumber, r.ScheduledDate, r.SyncStatus = nil, nil, nil, nil, nil, nil
	read("pims_id", &r.PIMSID)
	read("patient_name", &r.PatientName)
	read("client_name", &r.ClientName)
	read("phone_number", &r.PhoneNumber)
	read("scheduled_date", &r.ScheduledDate)
	read("status", &r.Status)
	read("sync_status", &r.SyncStatus)
	read("case_type", &r.CaseType)
	if err != nil {
		return r, err
	}
	if r.Metadata, err = json.Marshal(s.metadata); err != nil {
		return r, err
	}
	r.SoftDeleted, r.DeletedAt, r.DeletedReason = false, time.Time{}, ""
	if d := DecodeDeletion(s.metadata["reconciliation"]); d != nil && d.SoftDeleted {
		r.SoftDeleted, r.DeletedAt, r.DeletedReason = true, d.DeletedAt, d.Reason
	}
	return r, nil
}

// whose returns the patient and the client of the state's visit.
func (s *state) whose() Whose {
	visit := s.metadata["appointment"]
	return Whose{textOf(visit, "patientId"), textOf(visit, "clientId"), plain(s.columns["patient_name"])}
}

// namedBy returns the patient and the client that a stored consultation names.
func namedBy(consultation []byte) Whose {
	return Whose{PatientID: textOf(consultation, "patientId"), ClientID: textOf(consultation, "clientId")}
}

// notesOfAnother reports whether the state's medical notes are known not to be of its
// patient: they name another one, or later, while the case still had this patient, they were
// hidden or replaced by a consultation that is not known to be the same patient's.
func (s *state) notesOfAnother(later []Event) bool {
	notes := s.metadata[consultationKey]
	if len(fieldsOf(notes)) == 0 {
		return false
	}
	patient, named := s.whose(), namedBy(notes)
	if named.Another(patient) {
		return true
	}
	i := slices.IndexFunc(later, func(e Event) bool {
		return e.Field == "metadata."+consultationKey && !sameOwner(flat(e.Before), flat(e.After))
	})
	if i < 0 {
		return false
	}
	end := &later[i]
	owner, next := named.PatientID, namedBy(end.After).PatientID
	if same := owner != "" && (owner == next || next == "" && owner == patient.PatientID); same {
		return false // another visit of the same patient, or one that was discarded
	}
	return !patient.lostBy(later, end)
}

// lostBy reports whether a case has another patient, or an uncertain one, after the change
// that an event belongs to. Another name of the same patient is a corrected spelling (R7).
func (w Whose) lostBy(events []Event, last *Event) bool {
	now, uncertain := w, false
	for i := range events {
		switch e := &events[i]; {
		case e.At.After(last.At):
			return uncertain || w.Another(now)
		case e.Field == "patient_name":
			now.PatientName = plain(e.After)
		case e.Field == "metadata.appointment":
			now.PatientID, now.ClientID = textOf(e.After, "patientId"), textOf(e.After, "clientId")
			uncertain = textOf(e.After, "patientUnproved") == "true"
		}
	}
	return uncertain || w.Another(now)
}

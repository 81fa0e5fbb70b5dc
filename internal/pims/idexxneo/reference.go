package idexxneo

import "github.com/pims-sync/pims-sync/internal/pims"

// A reference is an id of another record, or of the record itself, which an answer may
// write under several names: patient_id, patientId, and the id of the object patient. A
// blank one, or zero, erases none that was read (R7).
type reference struct {
	id   string
	none bool // a field says that there is none, and no other names one
	torn bool // two fields name different ones: the id cannot be used
}

// given takes what one field says.
func (f *reference) given(id string, none bool) {
	switch {
	case id == "":
		f.none = f.none || none
	case f.id == "":
		f.id = id
	case f.id != id:
		f.torn = true
	}
}

// join takes what another part of the answer says of the same record.
func (f *reference) join(other reference) {
	f.given(other.id, other.none)
	f.torn = f.torn || other.torn
}

// isNone reports whether the answer says that there is none.
func (f *reference) isNone() bool { return f.none && f.id == "" }

// reference reads an id that may be none: null, blank or zero. What is no id in any other
// form says nothing.
func (r *reader) reference(f *reference) error {
	kind := r.decoder.PeekKind()
	id, err := r.identifier()
	f.given(id, kind == 'n' || kind == '"' || kind == '0')
	return err
}

// referenceIn reads the id of the object that tells of a record. Another value says
// nothing.
func (r *reader) referenceIn(f *reference) error {
	if r.decoder.PeekKind() != '{' {
		return r.skip()
	}
	return r.object(func(name []byte) error {
		if string(name) != "id" {
			return r.skip()
		}
		return r.reference(f)
	})
}

// torn is the error for a record that names two different ids of what field says, in our
// words: whose it is cannot be told.
func torn(id, field string) *pims.RecordError {
	return &pims.RecordError{ID: id, Field: field, Reason: "has two ids that contradict each other"}
}

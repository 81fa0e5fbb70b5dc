package idexxneo

import (
	"slices"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A reference is an id of another record, or of the record itself. An answer may write it
// under several names: patient_id, patientId, and the id of the object patient. A blank
// one, or zero, does not erase one that was read (R7).
type reference struct {
	id   string
	none bool // a field says that there is none, and no other names one
	torn bool // two fields name different ones: the id cannot be used
}

// given adds what one field says.
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

// join adds what another part of the answer says about the same record.
func (f *reference) join(other reference) {
	f.given(other.id, other.none)
	f.torn = f.torn || other.torn
}

// isNone reports whether the answer says that there is none.
func (f *reference) isNone() bool { return f.none && f.id == "" }

// reference reads an id that may say that there is none: null, blank or zero. A value in
// any other form that is not an id says nothing.
func (r *reader) reference(f *reference) error {
	kind := r.decoder.PeekKind()
	id, err := r.whole()
	if pims.Damaged(id) { // R7
		return err
	}
	f.given(identified(id), kind == 'n' || kind == '"' || kind == '0')
	return err
}

// referenceIn reads the id in the object that describes a record: its id, or a field of one
// of the other names. Any other value says nothing.
func (r *reader) referenceIn(f *reference, others ...string) error {
	if r.decoder.PeekKind() != '{' {
		return r.skip()
	}
	return r.object(func(name []byte) error {
		if string(name) != "id" && !slices.Contains(others, string(name)) {
			return r.skip()
		}
		return r.reference(f)
	})
}

// torn is the error for a record that has two different ids for one thing; field names it
// in our terms. It cannot be known which id is right.
func torn(id, field string) *pims.RecordError {
	return &pims.RecordError{ID: id, Field: field, Reason: "has two ids that contradict each other"}
}

package console

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// maxListed is how many clinics a list to choose from has at most: a page stays small. With
// more of them, a person types a name.
const maxListed = 100

// A clinicPick is the filter by clinic of a page: a list to choose from, or a field for a
// name where there are many.
type clinicPick struct {
	Choices []choice // nil: there are too many
	Text    string   // what the field shows
}

// pickClinic returns the clinic that the value clinic names (its id, its name, or the
// beginning of its id), and the filter that shows it; nil where nothing is named. Of a text
// that names no clinic or several, the Problem says so.
func pickClinic(v *Visit, clinics []clinic.Clinic, all string) (of *clinic.Clinic, pick clinicPick, err error) {
	text := v.Text("clinic")
	if text != "" {
		if of, err = clinicNamed(clinics, text); err != nil {
			return nil, pick, err
		}
	}
	if len(clinics) <= maxListed {
		id := uuid.Nil
		if of != nil {
			id = of.ID
		}
		pick.Choices = clinicChoices(clinics, id, all)
	} else if of != nil {
		pick.Text = of.Name
	}
	return of, pick, nil
}

// within returns the clinics that a list of the caller is limited to: the one that was
// chosen, or those of a limited caller (R42). Nil is all clinics, empty is none.
func (v *Visit) within(chosen *clinic.Clinic) []uuid.UUID {
	switch {
	case chosen != nil:
		return []uuid.UUID{chosen.ID}
	case v.Caller.Limited:
		return append([]uuid.UUID{}, v.Caller.Clinics...)
	}
	return nil
}

// clinicNamed returns the one clinic that a text names. An id that is nobody's is
// ErrNotFound (R42).
func clinicNamed(clinics []clinic.Clinic, text string) (*clinic.Clinic, error) {
	found := clinic.Named(clinics, text)
	if len(found) == 1 {
		return &found[0], nil
	}
	if _, err := uuid.Parse(text); err == nil {
		return nil, ErrNotFound
	}
	if len(found) == 0 {
		return nil, Problem(fmt.Sprintf("No clinic has the name “%s”. Look it up on the page Fleet.", text))
	}
	return nil, Problem(fmt.Sprintf("%s have the name “%s”. Give the id of one, or its beginning: the page Fleet finds it.", counted(len(found), "clinic"), text))
}

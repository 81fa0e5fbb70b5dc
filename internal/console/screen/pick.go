package screen

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
)

// Expiry returns when a key expires that is valid for as long as a value says; zero: never.
func Expiry(v *page.Visit, name string) (time.Time, error) {
	text := v.Text(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := clinic.ParseExpiry(text, v.Now)
	if err != nil {
		return at, page.Problem(page.Sentence(err.Error()))
	}
	return at, nil
}

// maxListed is how many clinics a list to choose from has at most: a page stays small. With
// more of them, a person types a name.
const maxListed = 100

// A Pick is the filter by clinic of a page: a list to choose from, or a field for a
// name where there are many.
type Pick struct {
	Choices []page.Choice // nil: there are too many
	Text    string        // what the field shows
}

// PickClinic returns the clinic that the value clinic names (its id, its name, or the
// beginning of its id), and the filter that shows it; nil where nothing is named. Of a text
// that names no clinic or several, the Problem says so.
func PickClinic(v *page.Visit, clinics []clinic.Clinic, all string) (of *clinic.Clinic, pick Pick, err error) {
	text := v.Text("clinic")
	if text != "" {
		if of, err = ClinicNamed(clinics, text); err != nil {
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

// PickFor is what a form offers to choose a clinic, whose id or name was typed before. An
// empty choice is called none.
func PickFor(clinics []clinic.Clinic, typed, none string) (pick Pick) {
	if len(clinics) > maxListed {
		return Pick{Text: typed}
	}
	id, _ := uuid.Parse(typed)
	return Pick{Choices: clinicChoices(clinics, id, none)}
}

// Within returns the clinics that a list of the caller is limited to: the one that was
// chosen, or those of a limited caller (R42). Nil is all clinics, empty is none.
func Within(v *page.Visit, chosen *clinic.Clinic) []uuid.UUID {
	switch {
	case chosen != nil:
		return []uuid.UUID{chosen.ID}
	case v.Caller.Limited:
		return append([]uuid.UUID{}, v.Caller.Clinics...)
	}
	return nil
}

// ClinicNamed returns the one clinic that a text names. An id that is nobody's is
// ErrNotFound (R42).
func ClinicNamed(clinics []clinic.Clinic, text string) (*clinic.Clinic, error) {
	found := clinic.Named(clinics, text)
	if len(found) == 1 {
		return &found[0], nil
	}
	if _, err := uuid.Parse(text); err == nil {
		return nil, page.ErrNotFound
	}
	if len(found) == 0 {
		return nil, page.Problem(fmt.Sprintf("No clinic has the name “%s”. Look it up on the page Fleet.", text))
	}
	return nil, page.Problem(fmt.Sprintf("%s have the name “%s”. Give the id of one, or its beginning: the page Fleet finds it.", page.Counted(len(found), "clinic"), text))
}

// clinicChoices returns a filter by clinic.
func clinicChoices(clinics []clinic.Clinic, chosen uuid.UUID, all string) []page.Choice {
	pairs := make([]string, 0, 2*len(clinics))
	for i := range clinics {
		pairs = append(pairs, clinics[i].ID.String(), clinics[i].Name)
	}
	text := ""
	if chosen != uuid.Nil {
		text = chosen.String()
	}
	if all == "" {
		return page.Choices(text, all, pairs...)[1:]
	}
	return page.Choices(text, all, pairs...)
}

package idexxneo

import (
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/names"
)

// names returns the patient's and the client's name. Where a row of the camel-case
// generation has no names, its title may: "PATIENT; LAST, FIRST".
func (e *event) names() (patient, client string) {
	patient, client = e.patient, e.clientName()
	if e.snake || !pims.Blank(patient) && client != "" {
		return patient, client
	}
	titlePatient, titleClient, ok := strings.Cut(e.title, ";")
	if !ok || !isLastFirst(titleClient) {
		return patient, client
	}
	if pims.Blank(patient) {
		patient = strings.TrimSpace(titlePatient)
	}
	if client == "" {
		client = names.FirstLast(titleClient)
	}
	return patient, client
}

// isLastFirst reports whether a caption's second part is a client's name: it has one comma,
// or two and a suffix between or after them ("Fern, Ada, DVM"). "bring records, food, and
// the cage" is not a name.
func isLastFirst(text string) bool {
	parts := strings.Split(text, ",")
	return len(parts) == 2 || len(parts) == 3 && (names.AreSuffixes(parts[1]) || names.AreSuffixes(parts[2]))
}

// clientName joins first and last name with one space. A name in only one of the two fields
// is kept as given (R7).
func (e *event) clientName() string {
	first, last := strings.TrimSpace(e.firstName), strings.TrimSpace(e.lastName)
	switch {
	case first != "" && last != "":
		return first + " " + last
	case first != "" || last != "":
		return first + last
	default:
		return names.FirstLast(e.client)
	}
}

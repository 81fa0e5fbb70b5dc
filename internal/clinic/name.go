package clinic

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how long the name of a clinic, a key or an endpoint may be, in characters.
const maxName = 200

// CheckName returns a name without the blanks around it. A name is one line in UTF-8 with at
// least one character that can be seen. The error begins with "must".
func CheckName(text string) (string, error) {
	name := strings.TrimSpace(text)
	switch {
	case !strings.ContainsFunc(name, shows):
		return "", errors.New("must not be blank: it needs a character that can be seen")
	case !utf8.ValidString(name):
		return "", errors.New("must be UTF-8")
	case utf8.RuneCountInString(name) > maxName:
		return "", fmt.Errorf("must have at most %d characters", maxName)
	case strings.ContainsFunc(name, breaksLines):
		return "", errors.New("must have no line break and no control character")
	}
	return name, nil
}

// SameName compares names without regard to case and blanks.
func SameName(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// shows reports whether a person can see a character that stands alone.
func shows(r rune) bool {
	unseen := unicode.In(r, unicode.Zs, unicode.Mn, unicode.Me, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	return unicode.IsGraphic(r) && !unseen && r != '\u2800' // a Braille cell without dots
}

// breaksLines reports whether a character would break a table with one line for each
// clinic.
func breaksLines(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }

// Named returns the clinics that a text names: those of that name or, where there are none,
// those whose id begins so.
func Named(clinics []Clinic, text string) (found []Clinic) {
	var byID []Clinic
	for i := range clinics {
		if SameName(clinics[i].Name, text) {
			found = append(found, clinics[i])
		}
		if strings.HasPrefix(clinics[i].ID.String(), strings.ToLower(text)) {
			byID = append(byID, clinics[i])
		}
	}
	if len(found) == 0 {
		return byID
	}
	return found
}

package check

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// personal are the words that may name somebody (R40).
type personal map[string]bool

// common are words of names that name nobody.
var common = pims.WordSet("dr mr ms mrs miss fr hr herr frau st sr jr dvm vmd vet phd doctor the of and or in at on to de la le der van von cat dog pet owner client patient")

// personalWords returns the words of all names and mail addresses, and those words of titles
// and reasons that only the rows of one patient or two have. A word that more patients have in
// common is no name.
func personalWords(appointments []pims.Appointment) personal {
	names := make(personal)
	free := make(map[string]map[string]bool) // a word of titles and reasons, to the patients
	for i := range appointments {
		a := &appointments[i]
		for _, word := range parts(strings.Join([]string{a.PatientName, a.ClientName, a.Veterinarian}, " ")) {
			names.add(word)
		}
		local, domain, _ := strings.Cut(a.ClientEmail, "@")
		domain = domain[:max(0, strings.LastIndex(domain, "."))]
		for _, word := range parts(local + " " + domain) {
			if len(word) > 2 {
				names.add(word)
			}
		}
		for _, word := range parts(a.Title + " " + a.Reason) {
			if free[word] == nil {
				free[word] = make(map[string]bool)
			}
			if len(free[word]) < usual {
				free[word][a.PatientID+" "+a.PatientName] = true
			}
		}
	}
	for word, patients := range free {
		if len(patients) < usual {
			names.add(word)
		}
	}
	return names
}

// usual is how many patients have a word of titles and reasons in common that names none of them.
const usual = 3

func (p personal) add(word string) {
	if !common[word] && strings.ContainsFunc(word, unicode.IsLetter) { // mayName sees long numbers by itself
		p[stem(word)] = true
	}
}

// number is a number of at least four digits: of a phone, a chip or a record.
var number = regexp.MustCompile(`[0-9]{4}`)

// mayName reports whether a text may name somebody: by a long number, a phone, a mail address, or
// a word of somebody's.
func (p personal) mayName(text string) bool {
	digits := 0
	for _, r := range text {
		digits += one(unicode.IsDigit(r))
	}
	return number.MatchString(text) || digits > 6 || strings.Contains(text, "@") ||
		slices.ContainsFunc(parts(text), func(word string) bool { return p[stem(word)] })
}

package syncs

import "strings"

// Words says in a phrase each what a sync noticed without failing. number formats a count.
func (w *Warnings) Words(number func(int) string) (words []string) {
	for _, part := range []struct {
		n    int
		word string
	}{
		{w.ConsultationsHidden, "case whose notes were hidden, because its patient or consultation changed|cases whose notes were hidden, because their patient or consultation changed"},
		{w.SharedConsultations, "consultation that cases of different patients have, shown with none of them until the PIMS says whose it is|consultations that cases of different patients have, shown with none of them until the PIMS says whose they are"},
		{w.VisitsAsBlocks, "case whose appointment is a block in the calendar now, kept as it is|cases whose appointments are blocks in the calendar now, kept as they are"},
		{w.UnusableRows, "appointment that cannot be read|appointments that cannot be read"},
		{w.UnidentifiedRows, "appointment without an id|appointments without an id"},
		{w.DuplicateRows, "appointment that came twice|appointments that came twice"},
		{w.UnknownStatuses, "status word that nobody has explained yet|status words that nobody has explained yet"},
		{w.UnusableParts, "part of a consultation that cannot be read|parts of consultations that cannot be read"},
		{w.RefusedLookups, "missing appointment about which the PIMS says nothing|missing appointments about which the PIMS says nothing"},
		{w.Filtered, "appointment that a filter of the clinic keeps from becoming a case|appointments that a filter of the clinic keeps from becoming cases"},
		{w.UnusableLookups, "missing appointment whose lookup failed|missing appointments whose lookup failed"},
	} {
		if part.n > 0 {
			one, many, _ := strings.Cut(part.word, "|")
			if part.n > 1 {
				one = many
			}
			words = append(words, number(part.n)+" "+one)
		}
	}
	return words
}

package pims

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// WhyUnusable says in words, without any value, why not one of a snapshot's rows can be used. Of
// the unidentified ones, oddIDs have a value in the place of an id that is none.
func (s *Snapshot) WhyUnusable(oddIDs int) string {
	var reasons []string
	if n := s.Unidentified - oddIDs; n > 0 {
		reasons = append(reasons, fmt.Sprintf("%d have no id", n))
	}
	if oddIDs > 0 {
		reasons = append(reasons, fmt.Sprintf("%d have an id that is neither a text nor a whole number above zero", oddIDs))
	}
	rows := make(map[string]int)
	for i := range s.Unusable {
		rows[s.Unusable[i].Field+" "+s.Unusable[i].Reason]++
	}
	for _, reason := range slices.Sorted(maps.Keys(rows)) {
		reasons = append(reasons, fmt.Sprintf("of %d the %s", rows[reason], reason))
	}
	return "not one of the calendar's rows can be used: " + strings.Join(reasons, ", ")
}

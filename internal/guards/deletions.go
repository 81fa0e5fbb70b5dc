package guards

import (
	"cmp"
	"fmt"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// The deletion guard's defaults (R23). A clinic may have its own; none turns the
// guard off.
const (
	defaultMaxDeletions = 100  // never more
	defaultMinDeletions = 5    // this many are always within the share
	defaultShare        = 0.10 // of the candidates
	minOverHalf         = 3    // this many may not be over half of the candidates
	minWholeDay         = 4    // a day of this many candidates may not vanish whole
)

// The words for what the deletion guard refuses (R23).
const (
	RefusedUnseen   = "unseen" // too many to be looked up one by one (R22)
	refusedEmpty    = "empty_pims"
	refusedShare    = "share"
	refusedHalf     = "half"
	refusedWholeDay = "whole_day"
)

// Refusals lists all words for what the deletion guard refuses; docs/interface.md §Metrics,
// deletion_guard_total{reason}.
func Refusals() []string {
	return []string{RefusedUnseen, refusedEmpty, refusedShare, refusedHalf, refusedWholeDay}
}

// Allowed returns how many of the candidates may be deleted: min(100, max(5, 10 %)),
// rounded down. Comparing with the unrounded number gives the same result (R23).
func Allowed(candidates int, limits clinic.DeletionLimits) int {
	most := cmp.Or(limits.MaxCases, defaultMaxDeletions)
	least := cmp.Or(limits.MinAllowed, defaultMinDeletions)
	share := cmp.Or(limits.Share, defaultShare)
	return min(most, max(least, int(share*float64(candidates)+1e-9)))
}

// Deletions is the deletion guard. It allows or refuses all the deletions that are left of the
// candidates of a window together, where the PIMS shows found appointments (R23). The refusal
// is one of a closed set of words; empty means that the deletion is allowed.
func Deletions(window pims.Window, candidates []cases.Case, deletions []cases.SoftDeletion, found int, limits clinic.DeletionLimits) (refusal, reason string) {
	n, all := len(deletions), len(candidates)
	if n == 0 {
		return "", ""
	}
	if found == 0 {
		return refusedEmpty, fmt.Sprintf(
			"the PIMS shows no appointment at all for %s, and we know %d: nothing was deleted", window, all)
	}
	if limit := Allowed(all, limits); n > limit {
		return refusedShare, fmt.Sprintf(
			"%d of %d cases are missing from the PIMS, more than the %d that may be deleted without a person's approval: nothing was deleted", n, all, limit)
	}
	if n >= minOverHalf && 2*n > all {
		return refusedHalf, fmt.Sprintf(
			"%d of %d cases are missing from the PIMS, over half of them: nothing was deleted", n, all)
	}
	if day, size, whole := wholeDay(window, candidates, deletions); whole {
		return refusedWholeDay, fmt.Sprintf(
			"all %d cases of %s are missing from the PIMS: nothing was deleted", size, day)
	}
	return "", ""
}

// wholeDay finds a civil day on which four or more candidates lie and all of them are to be
// deleted.
func wholeDay(window pims.Window, candidates []cases.Case, deletions []cases.SoftDeletion) (day string, size int, whole bool) {
	total := make(map[string]int)
	for i := range candidates {
		total[pims.DateOf(candidates[i].ScheduledDate, window.Location).String()]++
	}
	for d, n := range Days(window, deletions) {
		if n >= minWholeDay && n == total[d] && (!whole || d < day) {
			day, size, whole = d, n, true
		}
	}
	return day, size, whole
}

// Days counts deletions by the civil day of their visit.
func Days(window pims.Window, deletions []cases.SoftDeletion) map[string]int {
	days := make(map[string]int)
	for i := range deletions {
		days[pims.DateOf(deletions[i].Case.ScheduledDate, window.Location).String()]++
	}
	return days
}

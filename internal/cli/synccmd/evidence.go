package synccmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// heldBack describes in a few words what a plan would do.
func heldBack(plan *syncs.Plan) string {
	e := &plan.Evidence
	switch plan.Code {
	case syncs.CodeShiftGuard:
		return render.Counted(e.Moved, "move") + " by " + e.MovedBy.String()
	case syncs.CodeWrongPractice:
		return render.Counted(e.Found, "unknown appointment")
	case syncs.CodeDriftGuard:
		return "deletions, while the PIMS returns another form"
	default:
		return render.Counted(len(plan.Cases), "deletion")
	}
}

// guardOf describes the guard that made a plan, and which of its rules.
func guardOf(plan *syncs.Plan) string {
	if plan.Evidence.Refusal == "" {
		return string(plan.Code)
	}
	return string(plan.Code) + " (" + plan.Evidence.Refusal + ")"
}

// evidence returns what a guard found, as names and values (R23).
func evidence(plan *syncs.Plan, loc *time.Location) []string {
	e := &plan.Evidence
	seen := []string{
		"days", plan.Window.Start.String() + " to " + plan.Window.End.String(),
		"fetched", render.Stamp(e.FetchedAt, loc),
		"in the PIMS", render.Counted(e.Found, "appointment"),
		"known here", fmt.Sprintf("%s, %d of them in the PIMS", render.Counted(e.Known, "case"), e.Shared),
	}
	if e.Limit > 0 {
		seen = append(seen, "limit", fmt.Sprint(e.Limit))
	}
	if len(e.Days) > 0 {
		seen = append(seen, "missing", missingOn(e.Days))
	}
	for i := range e.Rereadings {
		r := &e.Rereadings[i]
		seen = append(seen, "read again", fmt.Sprintf("%s to %s at %s: %s, %d of the missing",
			r.Days.Start, r.Days.End, render.Stamp(r.At, loc), render.Counted(r.Found, "appointment"), r.Back))
	}
	if e.Moved > 0 {
		seen = append(seen, "moved", fmt.Sprintf("%s, most by %s", render.Counted(e.Moved, "appointment"), e.MovedBy))
	}
	return seen
}

// missingOn describes how many cases are missing, and on which days.
func missingOn(days map[string]int) string {
	total := 0
	var each []string
	for _, day := range slices.Sorted(maps.Keys(days)) {
		total += days[day]
		each = append(each, fmt.Sprintf("%s: %d", day, days[day]))
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(each, ", "))
}

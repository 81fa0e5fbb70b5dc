package model_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A tally counts what was seen, so that a run of the model can show that it played
// what it is about.
type tally map[string]int

// sync counts what became of one sync.
func (t tally) sync(p *play) {
	t["syncs"]++
	t["syncs that "+map[syncs.Status]string{syncs.StatusCompleted: "completed", syncs.StatusFailed: "failed", syncs.StatusCancelled: "were cancelled"}[p.audit.Status]]++
	for _, phase := range p.phases() {
		if phase.Result.Code != "" {
			t["ended with "+string(phase.Result.Code)]++
		}
	}
	stats := p.audit.Result.Stats
	t["soft deletes"] += stats.CasesDeleted
	if p.plan.ID != uuid.Nil {
		t["soft deletes by an approval"] += stats.CasesDeleted
	}
	t["cases created"] += stats.CasesCreated
	t["cases updated"] += stats.CasesUpdated
	t["cases that came back"] += stats.CasesRestored
}

func (t tally) String() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		lines = append(lines, fmt.Sprintf("%9d  %s", t[name], name))
	}
	return strings.Join(lines, "\n")
}

// requireAll demands that nothing that the model is about went unseen.
func (t tally) requireAll(tb require.TestingT) {
	for _, name := range []string{
		"cases made by hand", "soft deletes", "soft deletes by an approval", "cases created", "cases updated", "cases that came back", "cases that were due",
		"patients corrected", "ids given out again", "consultations misnamed", "filtered visits",
		"restore restored", "restore refused", "restore unchanged",
		"ended with pims_wrong_practice", "ended with schedule_shift_guard", "ended with deletion_guard",
		"ended with snapshot_incomplete", "ended with snapshot_unsound", "ended with interrupted",
	} {
		require.Positive(tb, t[name], "no sequence showed it: %s\n%s", name, t)
	}
}

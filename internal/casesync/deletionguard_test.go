package casesync_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A night is what reconciliation meets: on each day some cases, of which some are
// missing from the PIMS.
type night struct {
	cases, missing []int // by day
}

func (n night) totals() (cases, missing int) {
	for day := range n.cases {
		cases, missing = cases+n.cases[day], missing+n.missing[day]
	}
	return cases, missing
}

// refused is R23, said by the letter: more than min(100, max(5, 10 % as a real
// number)) of the candidates; three or more that are over half of them; a whole
// day of four or more; an empty PIMS. It knows nothing of how the guard is made.
func (n night) refused() bool {
	cases, missing := n.totals()
	if missing == 0 {
		return false
	}
	allowed := 100.0
	if tenth := float64(cases) / 10; tenth <= 5 {
		allowed = 5
	} else if tenth < 100 {
		allowed = tenth
	}
	wholeDay := false
	for day := range n.cases {
		wholeDay = wholeDay || n.cases[day] >= 4 && n.missing[day] == n.cases[day]
	}
	overHalf := missing >= 3 && float64(missing) > float64(cases)/2
	return float64(missing) > allowed || overHalf || wholeDay || missing == cases
}

// play makes the night of a practice and reconciles. Where every case is missing,
// the PIMS is empty.
func (p *practice) play(n night) outcome {
	p.Helper()
	p.forget()
	var known, present []pims.Appointment
	for day := range n.cases {
		visits := p.visits(fmt.Sprintf("%d-", day), n.cases[day], fmt.Sprintf("2026-02-%02d 00:00", 28-day))
		for i := range visits { // long days, so that many fit
			p.begins(fmt.Sprintf("2026-02-%02d %02d:%02d", 28-day, i/60, i%60))(&visits[i])
		}
		known, present = append(known, visits...), append(present, visits[n.missing[day]:]...)
	}
	p.know(known...)
	p.enter(present...)
	return p.try(syncs.TypeReconciliation)
}

// requireGuardDecision demands that a night was judged by the rule.
func requireGuardDecision(t require.TestingT, p *practice, n night, o outcome) {
	cases, missing := n.totals()
	deleted := scan[int](p, "select count(*) from cases where clinic_id = $1 and metadata #>> '{reconciliation,softDeleted}' = 'true'")
	require.Equal(t, cases, o.audit.Result.Stats.CasesChecked)
	if !n.refused() {
		require.NoError(t, o.err, "%+v", n)
		require.Equal(t, missing, deleted, "%+v", n)
		require.Equal(t, missing, o.audit.Result.Stats.CasesDeleted)
		require.Empty(t, p.recorder.plans)
		return
	}
	require.Equal(t, syncs.CodeDeletionGuard, o.audit.Result.Code, "%+v", n)
	require.Zero(t, deleted, "all or nothing: %+v", n)
	require.Zero(t, o.audit.Result.Stats.CasesDeleted)
	require.Len(t, p.recorder.plans, 1)
	require.Len(t, p.recorder.plans[0].Cases, missing, "the plan names every case")
}

func TestTheDeletionGuardKeepsItsRuleOnAnyNight(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	rapid.Check(t, func(t *rapid.T) {
		var n night
		for day := range rapid.IntRange(1, 4).Draw(t, "days") {
			cases := rapid.OneOf(rapid.IntRange(0, 6), rapid.IntRange(0, 60)).Draw(t, fmt.Sprint("cases ", day))
			n.cases = append(n.cases, cases)
			n.missing = append(n.missing, rapid.OneOf(rapid.IntRange(0, min(cases, 3)), rapid.IntRange(0, cases)).Draw(t, fmt.Sprint("missing ", day)))
		}
		requireGuardDecision(t, p, n, p.play(n))
	})
}

func TestTheDeletionGuardAtItsEdges(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	for _, tc := range []struct {
		name string
		night
		refusal string // "": it may be done
	}{
		{"five of few", night{[]int{30}, []int{5}}, ""},
		{"six of few", night{[]int{30}, []int{6}}, "share"},
		{"five of fifty", night{[]int{50}, []int{5}}, ""},
		{"six of fifty", night{[]int{50}, []int{6}}, "share"},
		{"six of fifty-nine: 5.9 may be deleted", night{[]int{59}, []int{6}}, "share"},
		{"six of sixty", night{[]int{60}, []int{6}}, ""},
		{"twelve of 120", night{[]int{60, 60}, []int{6, 6}}, ""},
		{"thirteen of 120", night{[]int{60, 60}, []int{6, 7}}, "share"},
		{"a hundred of a thousand", night{[]int{500, 500}, []int{50, 50}}, ""},
		{"a hundred and one of a thousand", night{[]int{500, 500}, []int{50, 51}}, "share"},
		{"a hundred of 1200", night{[]int{600, 600}, []int{50, 50}}, ""},
		{"a hundred and one of 1200: never more than a hundred", night{[]int{600, 600}, []int{50, 51}}, "share"},

		{"two of three, over half", night{[]int{3}, []int{2}}, ""},
		{"three of six, half", night{[]int{6}, []int{3}}, ""},
		{"three of five, over half", night{[]int{5}, []int{3}}, "half"},
		{"four of six, over half", night{[]int{3, 3}, []int{2, 2}}, "half"},
		{"five of nine, over half", night{[]int{9}, []int{5}}, "half"},

		{"a whole day of four", night{[]int{4, 30}, []int{4, 0}}, "whole_day"},
		{"a whole day of three", night{[]int{3, 30}, []int{3, 0}}, ""},
		{"all but one of a day", night{[]int{5, 30}, []int{4, 0}}, ""},
		{"four from four days", night{[]int{9, 9, 9, 9}, []int{1, 1, 1, 1}}, ""},

		{"one case, an empty PIMS", night{[]int{1}, []int{1}}, "empty_pims"},
		{"two cases, an empty PIMS", night{[]int{1, 1}, []int{1, 1}}, "empty_pims"},
		{"many cases, an empty PIMS", night{[]int{60, 60}, []int{60, 60}}, "empty_pims"},
		{"nothing known, an empty PIMS", night{[]int{0}, []int{0}}, ""},
	} {
		p.counted.refusals = nil
		o := p.play(tc.night)
		requireGuardDecision(t, p, tc.night, o)
		require.Equal(t, tc.refusal != "", tc.refused(), "%s: the oracle", tc.name)
		if tc.refusal != "" {
			require.Equal(t, []string{tc.refusal}, p.counted.refusals, tc.name)
			continue
		}
		require.Empty(t, p.counted.refusals, tc.name)
	}
	p.again = nil
}

func TestADayOfTheGuardIsTheClinics(t *testing.T) { // R1, R23
	t.Parallel()
	p := newPractice(t)
	evenings := p.visits("e", 4, "2026-02-27 19:00") // in UTC, the first hour is the 28th
	p.know(append(p.visits("m", 30, "2026-02-28 08:00"), evenings...)...)
	p.enter(p.visits("m", 30, "2026-02-28 08:00")...)
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	require.Equal(t, map[string]int{"2026-02-27": 4}, p.plan(o.audit.Result.PlanID).Evidence.Days)
	require.Equal(t, []string{"whole_day"}, p.counted.refusals)
}

func TestAClinicsOwnLimitsTakeThePlaceOfTheDefaults(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	for _, tc := range []struct {
		name    string
		limits  clinic.DeletionLimits
		night   night
		refusal string
	}{
		{"fewer always", clinic.DeletionLimits{MinAllowed: 2}, night{[]int{15}, []int{3}}, "share"},
		{"more always", clinic.DeletionLimits{MinAllowed: 9}, night{[]int{30}, []int{9}}, ""},
		{"a smaller share", clinic.DeletionLimits{MinAllowed: 1, Share: 0.05}, night{[]int{60}, []int{4}}, "share"},
		{"a smaller share kept", clinic.DeletionLimits{MinAllowed: 1, Share: 0.05}, night{[]int{60}, []int{3}}, ""},
		{"a larger share", clinic.DeletionLimits{Share: 0.3}, night{[]int{40}, []int{12}}, ""},
		{"a larger share exceeded", clinic.DeletionLimits{Share: 0.3}, night{[]int{40}, []int{13}}, "share"},
		{"a share that is no whole binary number", clinic.DeletionLimits{Share: 0.29}, night{[]int{50, 50}, []int{14, 15}}, ""},
		{"a lower cap", clinic.DeletionLimits{MaxCases: 2}, night{[]int{60}, []int{3}}, "share"},
		{"a higher cap", clinic.DeletionLimits{MaxCases: 120, Share: 0.5}, night{[]int{150, 150}, []int{60, 60}}, ""},

		{"no limit turns the half off", clinic.DeletionLimits{MaxCases: 9999, MinAllowed: 9999, Share: 1}, night{[]int{9}, []int{5}}, "half"},
		{"no limit turns the whole day off", clinic.DeletionLimits{MaxCases: 9999, MinAllowed: 9999, Share: 1}, night{[]int{4, 9}, []int{4, 0}}, "whole_day"},
		{"no limit turns the empty PIMS off", clinic.DeletionLimits{MaxCases: 9999, MinAllowed: 9999, Share: 1}, night{[]int{2}, []int{2}}, "empty_pims"},
	} {
		p.counted.refusals = nil
		p.clinic.DeletionLimits = tc.limits
		o := p.play(tc.night)
		if tc.refusal == "" {
			require.NoError(t, o.err, tc.name)
			_, missing := tc.night.totals()
			require.Equal(t, missing, o.Stats.CasesDeleted, tc.name)
			continue
		}
		require.Equal(t, syncs.CodeDeletionGuard, o.Code, tc.name)
		require.Equal(t, []string{tc.refusal}, p.counted.refusals, tc.name)
	}
	p.again = nil
}

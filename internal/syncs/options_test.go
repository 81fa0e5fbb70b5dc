package syncs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// The evening of the 17th in New York is the 18th in Berlin.
var evening = time.Date(2026, 1, 18, 2, 30, 0, 0, time.UTC)

func TestEachPhaseHasItsOwnDefaultWindowInTheClinicsZone(t *testing.T) { // R1, R4
	t.Parallel()
	newYork, berlin := timetest.Zone(t, "America/New_York"), timetest.Zone(t, "Europe/Berlin")

	w, err := syncs.Options{}.Windows(syncs.TypeFull, evening, newYork)
	require.NoError(t, err)
	require.Equal(t, "2026-01-17..2026-01-24 America/New_York", w.Inbound.String())
	require.Equal(t, "2026-01-10..2026-01-17 America/New_York", w.Cases.String())
	require.Equal(t, "2026-01-10..2026-01-17 America/New_York", w.Reconciliation.String())
	require.Equal(t, evening, w.CandidatesUntil, "reconciliation looks at what has begun")

	w, err = syncs.Options{}.Windows(syncs.TypeInbound, evening, berlin)
	require.NoError(t, err)
	require.Equal(t, "2026-01-18..2026-01-25 Europe/Berlin", w.Inbound.String())
	require.Zero(t, w.Cases)
	require.Zero(t, w.Reconciliation)
}

func TestTheOptionsMoveTheWindows(t *testing.T) { // R4
	t.Parallel()
	for _, tc := range []struct {
		name                           string
		kind                           syncs.Type
		options                        syncs.Options
		inbound, cases, reconciliation string
	}{
		{"a start alone", syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-01")}, "2026-02-01..2026-02-08 UTC", "", ""},
		{"days ahead", syncs.TypeInbound, syncs.Options{DaysAhead: new(0)}, "2026-01-18..2026-01-18 UTC", "", ""},
		{"both dates", syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-01"), EndDate: timetest.Date(t, "2026-02-03"), DaysAhead: new(2)}, "2026-02-01..2026-02-03 UTC", "", ""},
		{"cases of a past week", syncs.TypeCases, syncs.Options{StartDate: timetest.Date(t, "2026-01-01"), EndDate: timetest.Date(t, "2026-01-05")}, "", "2026-01-01..2026-01-05 UTC", ""},
		{"lookahead", syncs.TypeReconciliation, syncs.Options{LookbackDays: new(3), LookaheadDays: new(30)}, "", "", "2026-01-15..2026-02-17 UTC"},
		{"full over future days", syncs.TypeFull, syncs.Options{StartDate: timetest.Date(t, "2026-02-01"), EndDate: timetest.Date(t, "2026-02-03")}, "2026-02-01..2026-02-03 UTC", "2026-01-11..2026-01-18 UTC", "2026-01-11..2026-01-18 UTC"},
		{"full over past days", syncs.TypeFull, syncs.Options{StartDate: timetest.Date(t, "2026-01-01"), EndDate: timetest.Date(t, "2026-01-03")}, "2026-01-01..2026-01-03 UTC", "2026-01-01..2026-01-03 UTC", "2026-01-11..2026-01-18 UTC"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w, err := tc.options.Windows(tc.kind, evening, time.UTC)
			require.NoError(t, err)
			for want, got := range map[string]pims.Window{tc.inbound: w.Inbound, tc.cases: w.Cases, tc.reconciliation: w.Reconciliation} {
				if want == "" {
					continue
				}
				require.Equal(t, want, got.String())
			}
		})
	}
}

func TestOnlyWindowsThatHoldEveryDayOfTheDefaultSayThatDataIsFresh(t *testing.T) { // R4
	t.Parallel()
	inbound, cases, reconciliation, full := syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation, syncs.TypeFull
	for name, tc := range map[string]struct {
		kind    syncs.Type
		options syncs.Options
		fresh   []syncs.Type
	}{
		"inbound":                           {inbound, syncs.Options{}, []syncs.Type{inbound}},
		"inbound of more days":              {inbound, syncs.Options{StartDate: timetest.Date(t, "2026-01-10"), EndDate: timetest.Date(t, "2026-01-26")}, []syncs.Type{inbound}},
		"inbound of today and a week":       {inbound, syncs.Options{StartDate: timetest.Date(t, "2026-01-18")}, []syncs.Type{inbound}},
		"inbound without the last day":      {inbound, syncs.Options{DaysAhead: new(6)}, nil},
		"inbound without today":             {inbound, syncs.Options{StartDate: timetest.Date(t, "2026-01-19")}, nil},
		"inbound of long ago":               {inbound, syncs.Options{StartDate: timetest.Date(t, "2025-12-19")}, nil},
		"cases":                             {cases, syncs.Options{Force: true}, []syncs.Type{cases}},
		"cases from longer ago":             {cases, syncs.Options{StartDate: timetest.Date(t, "2025-12-20")}, []syncs.Type{cases}},
		"cases of one day":                  {cases, syncs.Options{StartDate: timetest.Date(t, "2026-01-18"), EndDate: timetest.Date(t, "2026-01-18")}, nil},
		"cases without today":               {cases, syncs.Options{EndDate: timetest.Date(t, "2026-01-17")}, nil},
		"reconciliation":                    {reconciliation, syncs.Options{LookaheadDays: new(9)}, []syncs.Type{reconciliation}},
		"reconciliation of fewer days":      {reconciliation, syncs.Options{LookbackDays: new(6)}, nil},
		"full":                              {full, syncs.Options{}, []syncs.Type{inbound, cases, reconciliation, full}},
		"full of past days":                 {full, syncs.Options{StartDate: timetest.Date(t, "2026-01-01"), EndDate: timetest.Date(t, "2026-01-03")}, []syncs.Type{reconciliation}},
		"full of coming days":               {full, syncs.Options{StartDate: timetest.Date(t, "2026-02-01")}, []syncs.Type{cases, reconciliation}},
		"full with little reconciliation":   {full, syncs.Options{LookbackDays: new(1)}, []syncs.Type{inbound, cases}},
		"a dry run":                         {full, syncs.Options{DryRun: true}, nil},
		"a dry run of the days of the rest": {inbound, syncs.Options{DryRun: true, StartDate: timetest.Date(t, "2026-01-18")}, nil},
	} {
		w, err := tc.options.Windows(tc.kind, evening, time.UTC)
		require.NoError(t, err)
		phases := []syncs.Type{tc.kind}
		if tc.kind == full {
			phases = []syncs.Type{inbound, cases, reconciliation, full}
		}
		var fresh []syncs.Type
		for _, kind := range phases {
			if w.Default[kind] {
				fresh = append(fresh, kind)
			}
		}
		require.Equal(t, tc.fresh, fresh, name)
	}
}

func TestLookaheadLetsFutureCasesBeCandidates(t *testing.T) { // R4
	t.Parallel()
	w, err := syncs.Options{LookaheadDays: new(1)}.Windows(syncs.TypeReconciliation, evening, time.UTC)
	require.NoError(t, err)
	require.Equal(t, w.Reconciliation.Until(), w.CandidatesUntil)
}

func TestAnOptionOverItsCapNamesItsField(t *testing.T) { // R4, R38
	t.Parallel()
	inbound, cases, reconciliation, full := syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation, syncs.TypeFull
	for _, tc := range []struct {
		field   string
		kind    syncs.Type
		options syncs.Options
	}{
		{"daysAhead", inbound, syncs.Options{DaysAhead: new(91)}},
		{"daysAhead", inbound, syncs.Options{DaysAhead: new(-1)}},
		{"daysAhead", cases, syncs.Options{DaysAhead: new(1)}},
		{"daysAhead", inbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-01"), EndDate: timetest.Date(t, "2026-02-03"), DaysAhead: new(7)}},
		{"daysAhead", inbound, syncs.Options{EndDate: timetest.Date(t, "2026-01-20"), DaysAhead: new(7)}},
		{"lookbackDays", reconciliation, syncs.Options{LookbackDays: new(0)}},
		{"lookbackDays", reconciliation, syncs.Options{LookbackDays: new(181)}},
		{"lookbackDays", inbound, syncs.Options{LookbackDays: new(7)}},
		{"lookaheadDays", full, syncs.Options{LookaheadDays: new(91)}},
		{"parallelBatchSize", cases, syncs.Options{ParallelBatchSize: new(21)}},
		{"parallelBatchSize", cases, syncs.Options{ParallelBatchSize: new(0)}},
		{"parallelBatchSize", reconciliation, syncs.Options{ParallelBatchSize: new(5)}},
		{"force", inbound, syncs.Options{Force: true}},
		{"startDate", reconciliation, syncs.Options{StartDate: timetest.Date(t, "2026-01-01")}},
		{"startDate", full, syncs.Options{StartDate: timetest.Date(t, "2026-01-01"), EndDate: timetest.Date(t, "2026-04-03")}},
		{"startDate", cases, syncs.Options{StartDate: timetest.Date(t, "2025-01-01")}},
		{"startDate", cases, syncs.Options{StartDate: timetest.Date(t, "2026-02-01")}},
		{"endDate", inbound, syncs.Options{EndDate: timetest.Date(t, "2026-01-01")}},
		{"endDate", inbound, syncs.Options{EndDate: timetest.Date(t, "2026-12-01")}},
		{"endDate", inbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-02"), EndDate: timetest.Date(t, "2026-02-01")}},
		{"type", "sideways", syncs.Options{}},
	} {
		_, err := tc.options.Windows(tc.kind, evening, time.UTC)
		var failure *syncs.Failure
		require.ErrorAs(t, err, &failure, "%+v", tc)
		require.Equal(t, syncs.CodeInvalidRequest, failure.Code)
		require.Equal(t, tc.field, failure.Field, failure.Message)
	}
}

func TestNinetyTwoDaysAreALongestWindow(t *testing.T) { // R4
	t.Parallel()
	_, err := syncs.Options{StartDate: timetest.Date(t, "2026-01-01"), EndDate: timetest.Date(t, "2026-04-02")}.Windows(syncs.TypeInbound, evening, time.UTC)
	require.NoError(t, err)
}

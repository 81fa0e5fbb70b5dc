package casesync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
)

func day(t testing.TB, s string) *pims.Date {
	t.Helper()
	d, err := pims.ParseDate(s)
	require.NoError(t, err)
	return &d
}

func loadZone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// The evening of the 17th in New York is the 18th in Berlin.
var evening = time.Date(2026, 1, 18, 2, 30, 0, 0, time.UTC)

func TestEachPhaseHasItsOwnDefaultWindowInTheClinicsZone(t *testing.T) { // R1, R4
	t.Parallel()
	newYork, berlin := loadZone(t, "America/New_York"), loadZone(t, "Europe/Berlin")

	w, err := casesync.Options{}.Windows(casesync.TypeFull, evening, newYork)
	require.NoError(t, err)
	require.Equal(t, "2026-01-17..2026-01-24 America/New_York", w.Inbound.String())
	require.Equal(t, "2026-01-10..2026-01-17 America/New_York", w.Cases.String())
	require.Equal(t, "2026-01-10..2026-01-17 America/New_York", w.Reconciliation.String())
	require.Equal(t, evening, w.CandidatesUntil, "reconciliation looks at what has begun")

	w, err = casesync.Options{}.Windows(casesync.TypeInbound, evening, berlin)
	require.NoError(t, err)
	require.Equal(t, "2026-01-18..2026-01-25 Europe/Berlin", w.Inbound.String())
	require.Zero(t, w.Cases)
	require.Zero(t, w.Reconciliation)
}

func TestTheOptionsMoveTheWindows(t *testing.T) { // R4
	t.Parallel()
	for _, tc := range []struct {
		name                           string
		kind                           casesync.Type
		options                        casesync.Options
		inbound, cases, reconciliation string
	}{
		{"a start alone", casesync.TypeInbound, casesync.Options{StartDate: day(t, "2026-02-01")}, "2026-02-01..2026-02-08 UTC", "", ""},
		{"days ahead", casesync.TypeInbound, casesync.Options{DaysAhead: new(0)}, "2026-01-18..2026-01-18 UTC", "", ""},
		{"both dates", casesync.TypeInbound, casesync.Options{StartDate: day(t, "2026-02-01"), EndDate: day(t, "2026-02-03"), DaysAhead: new(2)}, "2026-02-01..2026-02-03 UTC", "", ""},
		{"cases of a past week", casesync.TypeCases, casesync.Options{StartDate: day(t, "2026-01-01"), EndDate: day(t, "2026-01-05")}, "", "2026-01-01..2026-01-05 UTC", ""},
		{"lookahead", casesync.TypeReconciliation, casesync.Options{LookbackDays: new(3), LookaheadDays: new(30)}, "", "", "2026-01-15..2026-02-17 UTC"},
		{"full over future days", casesync.TypeFull, casesync.Options{StartDate: day(t, "2026-02-01"), EndDate: day(t, "2026-02-03")}, "2026-02-01..2026-02-03 UTC", "2026-01-11..2026-01-18 UTC", "2026-01-11..2026-01-18 UTC"},
		{"full over past days", casesync.TypeFull, casesync.Options{StartDate: day(t, "2026-01-01"), EndDate: day(t, "2026-01-03")}, "2026-01-01..2026-01-03 UTC", "2026-01-01..2026-01-03 UTC", "2026-01-11..2026-01-18 UTC"},
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
	inbound, cases, reconciliation, full := casesync.TypeInbound, casesync.TypeCases, casesync.TypeReconciliation, casesync.TypeFull
	for name, tc := range map[string]struct {
		kind    casesync.Type
		options casesync.Options
		fresh   []casesync.Type
	}{
		"inbound":                           {inbound, casesync.Options{}, []casesync.Type{inbound}},
		"inbound of more days":              {inbound, casesync.Options{StartDate: day(t, "2026-01-10"), EndDate: day(t, "2026-01-26")}, []casesync.Type{inbound}},
		"inbound of today and a week":       {inbound, casesync.Options{StartDate: day(t, "2026-01-18")}, []casesync.Type{inbound}},
		"inbound without the last day":      {inbound, casesync.Options{DaysAhead: new(6)}, nil},
		"inbound without today":             {inbound, casesync.Options{StartDate: day(t, "2026-01-19")}, nil},
		"inbound of long ago":               {inbound, casesync.Options{StartDate: day(t, "2025-12-19")}, nil},
		"cases":                             {cases, casesync.Options{Force: true}, []casesync.Type{cases}},
		"cases from longer ago":             {cases, casesync.Options{StartDate: day(t, "2025-12-20")}, []casesync.Type{cases}},
		"cases of one day":                  {cases, casesync.Options{StartDate: day(t, "2026-01-18"), EndDate: day(t, "2026-01-18")}, nil},
		"cases without today":               {cases, casesync.Options{EndDate: day(t, "2026-01-17")}, nil},
		"reconciliation":                    {reconciliation, casesync.Options{LookaheadDays: new(9)}, []casesync.Type{reconciliation}},
		"reconciliation of fewer days":      {reconciliation, casesync.Options{LookbackDays: new(6)}, nil},
		"full":                              {full, casesync.Options{}, []casesync.Type{inbound, cases, reconciliation, full}},
		"full of past days":                 {full, casesync.Options{StartDate: day(t, "2026-01-01"), EndDate: day(t, "2026-01-03")}, []casesync.Type{reconciliation}},
		"full of coming days":               {full, casesync.Options{StartDate: day(t, "2026-02-01")}, []casesync.Type{cases, reconciliation}},
		"full with little reconciliation":   {full, casesync.Options{LookbackDays: new(1)}, []casesync.Type{inbound, cases}},
		"a dry run":                         {full, casesync.Options{DryRun: true}, nil},
		"a dry run of the days of the rest": {inbound, casesync.Options{DryRun: true, StartDate: day(t, "2026-01-18")}, nil},
	} {
		w, err := tc.options.Windows(tc.kind, evening, time.UTC)
		require.NoError(t, err)
		phases := []casesync.Type{tc.kind}
		if tc.kind == full {
			phases = []casesync.Type{inbound, cases, reconciliation, full}
		}
		var fresh []casesync.Type
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
	w, err := casesync.Options{LookaheadDays: new(1)}.Windows(casesync.TypeReconciliation, evening, time.UTC)
	require.NoError(t, err)
	require.Equal(t, w.Reconciliation.Until(), w.CandidatesUntil)
}

func TestAnOptionOverItsCapNamesItsField(t *testing.T) { // R4, R38
	t.Parallel()
	inbound, cases, reconciliation, full := casesync.TypeInbound, casesync.TypeCases, casesync.TypeReconciliation, casesync.TypeFull
	for _, tc := range []struct {
		field   string
		kind    casesync.Type
		options casesync.Options
	}{
		{"daysAhead", inbound, casesync.Options{DaysAhead: new(91)}},
		{"daysAhead", inbound, casesync.Options{DaysAhead: new(-1)}},
		{"daysAhead", cases, casesync.Options{DaysAhead: new(1)}},
		{"daysAhead", inbound, casesync.Options{StartDate: day(t, "2026-02-01"), EndDate: day(t, "2026-02-03"), DaysAhead: new(7)}},
		{"daysAhead", inbound, casesync.Options{EndDate: day(t, "2026-01-20"), DaysAhead: new(7)}},
		{"lookbackDays", reconciliation, casesync.Options{LookbackDays: new(0)}},
		{"lookbackDays", reconciliation, casesync.Options{LookbackDays: new(181)}},
		{"lookbackDays", inbound, casesync.Options{LookbackDays: new(7)}},
		{"lookaheadDays", full, casesync.Options{LookaheadDays: new(91)}},
		{"parallelBatchSize", cases, casesync.Options{ParallelBatchSize: new(21)}},
		{"parallelBatchSize", cases, casesync.Options{ParallelBatchSize: new(0)}},
		{"parallelBatchSize", reconciliation, casesync.Options{ParallelBatchSize: new(5)}},
		{"force", inbound, casesync.Options{Force: true}},
		{"startDate", reconciliation, casesync.Options{StartDate: day(t, "2026-01-01")}},
		{"startDate", full, casesync.Options{StartDate: day(t, "2026-01-01"), EndDate: day(t, "2026-04-03")}},
		{"startDate", cases, casesync.Options{StartDate: day(t, "2025-01-01")}},
		{"startDate", cases, casesync.Options{StartDate: day(t, "2026-02-01")}},
		{"endDate", inbound, casesync.Options{EndDate: day(t, "2026-01-01")}},
		{"endDate", inbound, casesync.Options{EndDate: day(t, "2026-12-01")}},
		{"endDate", inbound, casesync.Options{StartDate: day(t, "2026-02-02"), EndDate: day(t, "2026-02-01")}},
		{"type", "sideways", casesync.Options{}},
	} {
		_, err := tc.options.Windows(tc.kind, evening, time.UTC)
		var failure *casesync.Failure
		require.ErrorAs(t, err, &failure, "%+v", tc)
		require.Equal(t, casesync.CodeInvalidRequest, failure.Code)
		require.Equal(t, tc.field, failure.Field, failure.Message)
	}
}

func TestNinetyTwoDaysAreALongestWindow(t *testing.T) { // R4
	t.Parallel()
	_, err := casesync.Options{StartDate: day(t, "2026-01-01"), EndDate: day(t, "2026-04-02")}.Windows(casesync.TypeInbound, evening, time.UTC)
	require.NoError(t, err)
}

package clinic_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// withinCaps is how casesync's rules on options bind schedules (R4). That one
// converts to the other is part of the contract.
func withinCaps(e clinic.ScheduleEntry) error {
	return e.Options.Check(e.Type)
}

func TestTheDefaultSchedulesAreTheSpecifications(t *testing.T) {
	t.Parallel()
	require.JSONEq(t, `[
		{"type": "inbound", "cron": "0 6 * * *", "enabled": true, "options": {"daysAhead": 7}},
		{"type": "cases", "cron": "0 8,14,20 * * *", "enabled": true, "options": {"parallelBatchSize": 5}},
		{"type": "reconciliation", "cron": "0 2 * * *", "enabled": true, "options": {"lookbackDays": 7}}
	]`, string(clinic.DefaultSchedules()))

	entries, problems := clinic.ParseSchedules(clinic.DefaultSchedules(), withinCaps)

	require.Empty(t, problems)
	require.Empty(t, cmp.Diff([]clinic.ScheduleEntry{
		{Index: 0, Type: syncs.TypeInbound, Cron: "0 6 * * *", Enabled: true, Options: syncs.Options{DaysAhead: new(7)}},
		{Index: 1, Type: syncs.TypeCases, Cron: "0 8,14,20 * * *", Enabled: true, Options: syncs.Options{ParallelBatchSize: new(5)}},
		{Index: 2, Type: syncs.TypeReconciliation, Cron: "0 2 * * *", Enabled: true, Options: syncs.Options{LookbackDays: new(7)}},
	}, entries))
}

func TestEveryFieldOfAnEntryIsRead(t *testing.T) {
	t.Parallel()
	entries, problems := clinic.ParseSchedules([]byte(`[
		{"type": "full", "cron": "  */5  9-17 * JAN-MAR\tmon ", "enabled": false, "options": {
			"startDate": "2026-01-17", "endDate": "2026-01-24", "daysAhead": 7, "lookbackDays": 1, "lookaheadDays": 0,
			"parallelBatchSize": 20, "force": true, "dryRun": true}},
		{"type": "cases", "cron": "0 6 * * *"},
		{"type": "cases", "cron": "0 6 * * *", "enabled": null, "options": null},
		{"type": "cases", "cron": "0 6 * * *", "options": {"force": null, "startDate": null, "parallelBatchSize": null}}
	]`), withinCaps)

	require.Empty(t, problems)
	require.Empty(t, cmp.Diff([]clinic.ScheduleEntry{
		{Type: syncs.TypeFull, Cron: "*/5 9-17 * JAN-MAR mon", Options: syncs.Options{
			StartDate: &pims.Date{Year: 2026, Month: 1, Day: 17}, EndDate: &pims.Date{Year: 2026, Month: 1, Day: 24},
			DaysAhead: new(7), LookbackDays: new(1), LookaheadDays: new(0), ParallelBatchSize: new(20), Force: true, DryRun: true,
		}},
		{Index: 1, Type: syncs.TypeCases, Cron: "0 6 * * *", Enabled: true},
		{Index: 2, Type: syncs.TypeCases, Cron: "0 6 * * *", Enabled: true},
		{Index: 3, Type: syncs.TypeCases, Cron: "0 6 * * *", Enabled: true},
	}, entries))
}

func TestABadEntryIsReportedWithItsReason(t *testing.T) {
	t.Parallel()
	for entry, reason := range map[string]string{
		`null`:                "the entry is not an object",
		`7`:                   "the entry is not an object",
		`["inbound"]`:         "the entry is not an object",
		`{}`:                  `type "" is none of`,
		`{"type": "inbound"}`: "it needs five",
		`{"type": "reconcile", "cron": "* * * * *"}`:                                                             `type "reconcile" is none of inbound, cases, reconciliation, full`,
		`{"type": 7, "cron": "* * * * *"}`:                                                                       "type is not a text",
		`{"type": "cases", "cron": 7}`:                                                                           "cron is not a text",
		`{"type": "cases", "cron": "@daily"}`:                                                                    `cron "@daily" has 1 fields`,
		`{"type": "cases", "cron": "0 0 6 * * *"}`:                                                               "has 6 fields",
		`{"type": "cases", "cron": "* * * * *", "enabled": "yes"}`:                                               "enabled is not true or false",
		`{"type": "cases", "cron": "* * * * *", "Enabled": false}`:                                               "unknown field: Enabled",
		`{"type": "cases", "cron": "* * * * *", "zone": "x", "note": "y"}`:                                       "unknown field: note, zone",
		`{"type": "cases", "type": "full", "cron": "* * * * *"}`:                                                 `the field "type" twice`,
		`{"type": "cases", "cron": "* * * * *", "options": []}`:                                                  "options is not an object",
		`{"type": "cases", "cron": "* * * * *", "options": {"force": 1}}`:                                        "force is not true or false",
		`{"type": "cases", "cron": "* * * * *", "options": {"FORCE": true}}`:                                     "options has an unknown field: FORCE",
		`{"type": "cases", "cron": "* * * * *", "options": {"force": true, "force": 1}}`:                         `options has the field "force" twice`,
		`{"type": "cases", "cron": "* * * * *", "options": {"startDate": "2026-02-30"}}`:                         "startDate is not a date",
		`{"type": "cases", "cron": "* * * * *", "options": {"endDate": 20260228}}`:                               "endDate is not a text",
		`{"type": "cases", "cron": "* * * * *", "options": {"parallelBatchSize": 5.5}}`:                          "parallelBatchSize is not a whole number",
		`{"type": "cases", "cron": "* * * * *", "options": {"parallelBatchSize": "5"}}`:                          "parallelBatchSize is not a whole number",
		`{"type": "cases", "cron": "* * * * *", "options": {"parallelBatchSize": 1e40}}`:                         "parallelBatchSize is not a whole number",
		`{"type": "cases", "cron": "* * * * *", "options": {"parallelBatchSize": 21}}`:                           "parallelBatchSize must be between 1 and 20",
		`{"type": "inbound", "cron": "* * * * *", "options": {"daysAhead": 91}}`:                                 "daysAhead must be between 0 and 90",
		`{"type": "inbound", "cron": "* * * * *", "options": {"lookbackDays": 7}}`:                               "lookbackDays is not an option",
		`{"type": "reconciliation", "cron": "* * * * *", "options": {"lookbackDays": 0}}`:                        "lookbackDays must be between 1 and 180",
		`{"type": "full", "cron": "* * * * *", "options": {"startDate": "2026-01-01", "endDate": "2026-12-31"}}`: "longer than 92 days",
	} {
		const good = `{"type": "inbound", "cron": "0 6 * * *"}`
		entries, problems := clinic.ParseSchedules([]byte("["+good+","+entry+","+good+"]"), withinCaps)

		require.Len(t, problems, 1, entry)
		require.Equal(t, 1, problems[0].Index, entry)
		require.Contains(t, problems[0].Reason, reason, entry)
		require.Len(t, entries, 2, entry)
		require.Equal(t, []int{0, 2}, []int{entries[0].Index, entries[1].Index}, "the others keep their places")
	}
}

func TestSchedulesThatAreNoArrayAreOneProblem(t *testing.T) {
	t.Parallel()
	for _, document := range []string{``, `{}`, `"x"`, `7`, `[`, `[{}`, `[] []`} {
		entries, problems := clinic.ParseSchedules([]byte(document), nil)
		require.Empty(t, entries, document)
		require.Equal(t, []clinic.ScheduleProblem{{Index: -1, Reason: "the schedules are not a JSON array of entries"}}, problems, document)
	}
	for _, document := range []string{`[]`, `null`} {
		entries, problems := clinic.ParseSchedules([]byte(document), nil)
		require.Empty(t, entries, document)
		require.Empty(t, problems, document)
	}
}

func TestACheckRefusesSingleEntries(t *testing.T) {
	t.Parallel()
	entries, problems := clinic.ParseSchedules(clinic.DefaultSchedules(), func(e clinic.ScheduleEntry) error {
		if e.Type == syncs.TypeCases {
			return errors.New("hour 25 does not exist")
		}
		return nil
	})
	require.Len(t, entries, 2)
	require.Equal(t, []clinic.ScheduleProblem{{Index: 1, Reason: "hour 25 does not exist"}}, problems)
}

// An entry is either in the schedules or in the problems, whatever it is.
func TestNoEntryIsLost(t *testing.T) {
	t.Parallel()
	values := rapid.SampledFrom([]string{
		`null`, `true`, `7`, `-1`, `"inbound"`, `"* * * * *"`, `"2026-01-17"`, `{}`, `[]`, `{"force": true}`, `{"daysAhead": 3}`,
	})
	names := rapid.SampledFrom([]string{"type", "cron", "enabled", "options", "Type", ""})
	rapid.Check(t, func(t *rapid.T) {
		array := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) json.RawMessage {
			text := ""
			for range rapid.IntRange(0, 5).Draw(t, "fields") {
				name, err := json.Marshal(names.Draw(t, "name"))
				require.NoError(t, err)
				if text != "" {
					text += ","
				}
				text += string(name) + ":" + values.Draw(t, "value")
			}
			return json.RawMessage("{" + text + "}")
		}), 0, 6).Draw(t, "entries")
		document, err := json.Marshal(array)
		require.NoError(t, err)

		entries, problems := clinic.ParseSchedules(document, withinCaps)

		require.Len(t, array, len(entries)+len(problems))
		for _, e := range entries {
			require.Contains(t, syncs.Types(), e.Type)
		}
	})
}

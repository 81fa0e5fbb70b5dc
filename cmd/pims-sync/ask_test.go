package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestOnlyAYesIsAYes(t *testing.T) {
	t.Parallel()
	for want, answers := range map[bool][]string{
		true:  {"y\n", "Y\n", "yes\r\n", " YES \n", "y"},
		false: {"\n", "", "n\n", "yep\n", "no\ny\n"},
	} {
		for _, answer := range answers {
			var said bytes.Buffer
			yes, err := ask(streams{in: strings.NewReader(answer), err: &said}, "Do it? [y/N] ")
			require.NoError(t, err)
			require.Equal(t, want, yes, "%q", answer)
			require.Equal(t, "Do it? [y/N] ", said.String())
		}
	}
	_, err := ask(streams{in: iotest.ErrReader(errors.New("gone")), err: &bytes.Buffer{}}, "")
	require.Error(t, err)
}

func TestAnApprovalSaysWhatItWouldDo(t *testing.T) { // R18, R23
	t.Parallel()
	day := pims.Date{Year: 2026, Month: 3, Day: 2}
	window := pims.Window{Start: day, End: day.AddDays(1)}
	for want, plan := range map[string]syncs.Plan{
		"soft-delete 3 cases that are still missing: 3 (2026-03-02: 1, 2026-03-03: 2)": {
			Code: syncs.CodeDeletionGuard, Cases: make([]syncs.PlannedCase, 3),
			Evidence: syncs.Evidence{Days: map[string]int{"2026-03-03": 2, "2026-03-02": 1}},
		},
		"soft-delete 1 case that is still missing: 1 (2026-03-02: 1)": {
			Code: syncs.CodeDeletionGuard, Cases: make([]syncs.PlannedCase, 1),
			Evidence: syncs.Evidence{Days: map[string]int{"2026-03-02": 1}},
		},
		"move 12 cases, most by 1h0m0s": {
			Code: syncs.CodeShiftGuard, Evidence: syncs.Evidence{Moved: 12, MovedBy: time.Hour},
		},
		"run the inbound of 2026-03-02 to 2026-03-03 with the calendar of a practice that shares no appointment with ours": {
			Code: syncs.CodeWrongPractice, SyncType: syncs.TypeInbound, Window: window,
		},
	} {
		require.Equal(t, want, approval(&plan))
	}
}

package synccmd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

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

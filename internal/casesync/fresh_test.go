package casesync_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// fresh reports whether an audit, as it is stored, says that the clinic is fresh.
func (p *practice) fresh(id uuid.UUID) bool {
	p.Helper()
	return scan[bool](p, "select covers_default from case_sync_audits where clinic_id = $1 and id = $2", id)
}

func TestEachSyncKeepsWhetherItCoversTheDefault(t *testing.T) { // R4
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	old := *timetest.Date(t, "2026-02-01")
	for _, kind := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation, syncs.TypeFull} {
		require.True(t, p.fresh(p.sync(kind).audit.ID), kind)
		require.False(t, p.fresh(p.sync(kind, syncs.Options{DryRun: true}).audit.ID), kind)
	}
	require.False(t, p.fresh(p.sync(syncs.TypeInbound, syncs.Options{StartDate: &old}).audit.ID))
	require.False(t, p.fresh(p.sync(syncs.TypeCases, syncs.Options{StartDate: &old, EndDate: &old}).audit.ID))
	require.False(t, p.fresh(p.sync(syncs.TypeReconciliation, syncs.Options{LookbackDays: new(1)}).audit.ID))

	full := p.sync(syncs.TypeFull, syncs.Options{StartDate: &old, EndDate: &old})
	require.False(t, p.fresh(full.audit.ID))
	for kind, fresh := range map[syncs.Type]bool{syncs.TypeInbound: false, syncs.TypeCases: false, syncs.TypeReconciliation: true} {
		phase := full.phase(t, kind)
		require.Equal(t, fresh, p.fresh(phase.ID), kind)
	}
	p.again = nil
}

func TestWhatAScheduleSyncsFromDayToDayCounts(t *testing.T) { // R4
	t.Parallel()
	p := newPractice(t)
	old := *timetest.Date(t, "2026-02-01")
	for _, tc := range []struct {
		options syncs.Options
		fresh   bool
	}{
		{syncs.Options{DaysAhead: new(2)}, true},
		{syncs.Options{DaysAhead: new(2), DryRun: true}, false},
		{syncs.Options{StartDate: &old}, false},
	} {
		claimed := p.claim(syncs.Run{Type: syncs.TypeInbound, Options: tc.options})
		claimed.Trigger = syncs.TriggerSchedule
		result, err := p.runner.Run(p.background(), claimed)
		require.NoError(t, err)
		require.NoError(t, syncstore.NewAudits(p.db).Finish(p.background(), claimed.Lease, syncs.StatusCompleted, result, p.clock.Now()))
		require.Equal(t, tc.fresh, p.fresh(claimed.Lease.AuditID), "%+v", tc.options)
	}
}

func TestAnApprovalCountsAsTheSyncWhosePlanItCarriesOut(t *testing.T) { // R18, R23
	t.Parallel()
	for name, tc := range map[string]struct {
		kind    syncs.Type
		options syncs.Options
		code    syncs.Code
		fresh   bool
	}{
		"inbound":                      {syncs.TypeInbound, syncs.Options{}, syncs.CodeWrongPractice, true},
		"inbound of two days":          {syncs.TypeInbound, syncs.Options{DaysAhead: new(2)}, syncs.CodeWrongPractice, false},
		"reconciliation":               {syncs.TypeReconciliation, syncs.Options{}, syncs.CodeDeletionGuard, true},
		"reconciliation of five days":  {syncs.TypeReconciliation, syncs.Options{LookbackDays: new(5)}, syncs.CodeDeletionGuard, false},
		"the reconciliation of a full": {syncs.TypeFull, syncs.Options{}, syncs.CodeDeletionGuard, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			if tc.code == syncs.CodeWrongPractice {
				p.know(p.visits("k", 9, "2026-03-03 08:00")...)
				p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
			} else {
				p.know(p.visits("v", 7, "2026-02-27 09:00")...)
			}
			o := p.fail(tc.code, tc.kind, tc.options)
			plan := o.audit.Result.PlanID
			p.pass(20 * time.Hour)
			approved := p.approve(plan)
			require.NoError(t, approved.err)
			require.Equal(t, tc.fresh, p.fresh(approved.audit.ID))
			p.again = nil
		})
	}
}

package postgres_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAFullSyncHasThePhasesOfItsLastAttempt(t *testing.T) { // R27
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeFull)
	_, err := audits.BeginPhase(t.Context(), lease, syncs.TypeInbound, monday)
	require.NoError(t, err)
	require.NoError(t, audits.GiveBack(t.Context(), lease, monday, noJob))
	lease = claimed(t, db, lease.AuditID)
	for i, kind := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases} {
		at := monday.Add(time.Duration(i+1) * time.Minute)
		id, err := audits.BeginPhase(t.Context(), lease, kind, at)
		require.NoError(t, err)
		require.NoError(t, audits.EndPhase(t.Context(), lease, id, syncs.StatusCompleted, syncs.Result{Stats: syncs.Stats{CasesCreated: i}}, at.Add(time.Second)))
	}
	audit, err := audits.Audit(t.Context(), clinicID, lease.AuditID)
	require.NoError(t, err)
	require.Len(t, audit.Children, 2)
	for i, kind := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases} {
		child := audit.Children[i]
		require.Equal(t, kind, child.Type)
		require.Equal(t, lease.AuditID, child.ParentID)
		require.Equal(t, syncs.StatusCompleted, child.Status)
		require.Equal(t, i, child.Result.Stats.CasesCreated)
		require.Equal(t, time.Second, child.Duration())
	}
	list, err := audits.Audits(t.Context(), clinicID, syncs.AuditFilter{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1, "phases are not listed")
}

func TestProgressIsReportedUnderTheLeaseAndNotTooOften(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	lease := running(t, db, clinicID, syncs.TypeInbound)
	requireTold := func(p syncs.Progress) {
		t.Helper()
		require.Eventually(t, func() bool { // nobody waits for a report
			audit, err := audits.Audit(t.Context(), clinicID, lease.AuditID)
			return err == nil && audit.Progress == p
		}, 10*time.Second, time.Millisecond, "%+v", p)
	}
	step := func(name string, done, total int) syncs.Progress {
		return syncs.Progress{Phase: syncs.TypeInbound, Step: name, Done: done, Total: total}
	}
	audits.Report(t.Context(), lease, step("fetch", 0, 0))
	requireTold(step("fetch", 0, 0))
	audits.Report(t.Context(), lease, step("write", 0, 9))
	requireTold(step("write", 0, 9)) // a new step is always told
	for i := range 8 {
		audits.Report(t.Context(), lease, step("write", i, 9))
	}
	audits.Report(t.Context(), lease, step("write", 9, 9))
	requireTold(step("write", 9, 9)) // so is the end of one
	stranger := lease
	stranger.Attempt++
	audits.Report(t.Context(), stranger, step("delete", 1, 2))
	audits.Report(t.Context(), lease, step("delete", 2, 2))
	requireTold(step("delete", 2, 2)) // written after the stranger's, which is dropped
}

func TestAuditsAreListedNewestFirstPageByPage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	audits, clinicID := syncstore.NewAudits(db), newClinic(t, db)
	exec(t, db, `insert into case_sync_audits (clinic_id, sync_type, status, created_at)
		select $1, (array['inbound','cases'])[1 + n % 2], 'completed', $2::timestamptz + (n / 3) * interval '1 minute' from generate_series(1, 25) n`, clinicID, monday)
	exec(t, db, "insert into case_sync_audits (clinic_id, sync_type, status) values ($1, 'inbound', 'failed')", newClinic(t, db))

	var seen []syncs.Audit
	page := syncs.Page{Limit: 7}
	for {
		list, err := audits.Audits(t.Context(), clinicID, syncs.AuditFilter{Page: page})
		require.NoError(t, err)
		seen = append(seen, list.Items...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
		require.Len(t, list.Items, 7)
	}
	require.Equal(t, column[uuid.UUID](t, db, "select id from case_sync_audits where clinic_id = $1 order by created_at desc, id desc", clinicID), idsOf(seen))

	list, err := audits.Audits(t.Context(), clinicID, syncs.AuditFilter{Type: syncs.TypeCases, Status: syncs.StatusCompleted})
	require.NoError(t, err)
	require.Len(t, list.Items, 13)
	for _, bad := range []string{"x", "AAAA", "////"} {
		_, err := audits.Audits(t.Context(), clinicID, syncs.AuditFilter{Page: syncs.Page{Cursor: bad}})
		requireCode(t, syncs.CodeInvalidRequest, err)
	}
}

func idsOf(audits []syncs.Audit) []uuid.UUID {
	ids := make([]uuid.UUID, len(audits))
	for i := range audits {
		ids[i] = audits[i].ID
	}
	return ids
}

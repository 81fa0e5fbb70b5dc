package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
)

func (f *fixture) restore(ids ...uuid.UUID) []cases.Restoration {
	f.Helper()
	restorations, err := f.cases.Restore(f.Context(), f.clinic, ids, "key:4711", monday.Add(time.Hour))
	require.NoError(f, err)
	return restorations
}

// everything is a case's row but for updated_at.
const everything = `select string_agg((to_jsonb(c) - 'updated_at')::text, E'\n' order by id) from cases c`

func TestARestoreIsEqualByValueInEveryColumnAndIdempotent(t *testing.T) { // R24
	t.Parallel()
	f := newFixture(t)
	first, second, byHand := f.insert(visit("1")), f.insert(visit("2")), f.insert(visit("3"))
	exec(t, f.db, `update cases set metadata = metadata || '{"billing": {"paid": 1.50}}', status = 'pending' where pims_id = '2'`)
	exec(t, f.db, `update cases set sync_status = null where pims_id = '3'`)
	before := scan[string](t, f.db, everything)
	f.softDelete(first, f.stored("2"), f.stored("3"))

	ids, err := f.cases.DeletedBy(t.Context(), f.clinic, f.lease.AuditID)
	require.NoError(t, err)
	require.ElementsMatch(t, []uuid.UUID{first.ID, second.ID, byHand.ID}, ids)
	for _, r := range f.restore(ids...) {
		require.Equal(t, cases.RestoreDone, r.Outcome)
	}
	require.Equal(t, before, scan[string](t, f.db, everything))
	for _, r := range f.restore(ids...) {
		require.Equal(t, cases.RestoreUnchanged, r.Outcome)
	}
	require.Equal(t, before, scan[string](t, f.db, everything))
	require.Contains(t, f.history(first.ID), `key:4711 changed status "reviewed" → "draft"`)
}

func TestARestoreIsRefusedWhereSomebodyChangedTheCaseSince(t *testing.T) { // R24
	t.Parallel()
	f := newFixture(t)
	changed, untouched := f.insert(visit("1")), f.insert(visit("2"))
	f.softDelete(changed, untouched)
	exec(t, f.db, `update cases set phone_number = '555-0199' where pims_id = '1'`)
	before := scan[string](t, f.db, `select to_jsonb(c)::text from cases c where pims_id = '1'`)

	outcomes := map[uuid.UUID]cases.Restoration{}
	for _, r := range f.restore(changed.ID, untouched.ID, uuid.New()) {
		outcomes[r.CaseID] = r
	}
	require.Len(t, outcomes, 2, "an id that the clinic does not have is not answered")
	require.Equal(t, cases.RestoreDone, outcomes[untouched.ID].Outcome)
	require.Equal(t, cases.RestoreRefused, outcomes[changed.ID].Outcome)
	require.Len(t, outcomes[changed.ID].Changes, 1)
	require.Equal(t, "phone_number", outcomes[changed.ID].Changes[0].Field)
	require.Equal(t, "person", outcomes[changed.ID].Changes[0].Actor)
	require.Equal(t, before, scan[string](t, f.db, `select to_jsonb(c)::text from cases c where pims_id = '1'`))
}

func TestACaseWhoseMarkAPersonTookAwayIsRefusedAndNotPassedOver(t *testing.T) { // R24
	t.Parallel()
	f := newFixture(t)
	marked, unmarked, byHand, again := f.insert(visit("1")), f.insert(visit("2")), f.insert(visit("3")), f.insert(visit("4"))
	f.softDelete(marked, unmarked, byHand, again)
	exec(t, f.db, `update case_sync_audits set result = jsonb_build_object('deletedIds', (select jsonb_agg(id) from cases)) where id = $1`, f.lease.AuditID)
	exec(t, f.db, `update cases set metadata = metadata - 'reconciliation' where pims_id = '2'`)
	exec(t, f.db, `update cases set metadata = metadata - 'reconciliation', status = 'pending' where pims_id = '3'`)
	exec(t, f.db, `update cases set metadata = jsonb_set(metadata, '{reconciliation,syncId}', to_jsonb(gen_random_uuid())) where pims_id = '4'`)

	ids, err := f.cases.DeletedBy(t.Context(), f.clinic, f.lease.AuditID)
	require.NoError(t, err)
	require.ElementsMatch(t, []uuid.UUID{marked.ID, unmarked.ID, byHand.ID}, ids, "not what another sync has deleted since")
	outcomes := map[uuid.UUID]cases.RestoreOutcome{}
	for _, r := range f.restore(ids...) {
		outcomes[r.CaseID] = r.Outcome
		if r.CaseID == unmarked.ID {
			require.ErrorContains(t, r.Refusal(), "mark of the soft delete (by a person or another program at ")
			require.ErrorContains(t, r.Refusal(), "how to undo the deletion by hand")
		}
	}
	require.Equal(t, map[uuid.UUID]cases.RestoreOutcome{
		marked.ID: cases.RestoreDone, unmarked.ID: cases.RestoreRefused, byHand.ID: cases.RestoreUnchanged,
	}, outcomes)
}

// The statements of docs/operations.md §Cases were deleted wrongly.
func TestADeletionIsUndoneByHand(t *testing.T) { // R24
	t.Parallel()
	f := newFixture(t)
	until := time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)
	c := f.insert(visit("1"))
	f.softDelete(c)
	exec(t, f.db, `update cases set status = 'pending' where pims_id = '1'`)
	require.Equal(t, cases.RestoreRefused, f.restore(c.ID)[0].Outcome)

	exec(t, f.db, `update cases set status = 'pending', metadata = metadata - 'reconciliation' where id = $1`, c.ID)
	exec(t, f.db, `insert into case_restores (case_id, clinic_id, restored_at) select id, clinic_id, now() from cases where id = $1 on conflict do nothing`, c.ID)
	require.Equal(t, cases.RestoreUnchanged, f.restore(c.ID)[0].Outcome)
	require.Empty(t, f.candidates(until))
	require.NoError(t, f.cases.SeenAgain(t.Context(), f.lease, provider, []string{"1"}))
	require.Equal(t, []string{"1"}, f.candidates(until))
}

func TestARestoredCaseIsNoCandidateUntilItsIDHasBeenSeenAgain(t *testing.T) { // R24
	t.Parallel()
	f := newFixture(t)
	until := time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC)
	c := f.insert(visit("1"))
	f.softDelete(c)
	f.restore(c.ID)
	require.Empty(t, f.candidates(until))

	require.NoError(t, f.cases.SeenAgain(t.Context(), f.lease, provider, []string{"2"}))
	require.Empty(t, f.candidates(until))
	require.NoError(t, f.cases.SeenAgain(t.Context(), f.lease, provider, []string{"1"}))
	require.Equal(t, []string{"1"}, f.candidates(until))
}

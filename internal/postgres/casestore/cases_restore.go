package casestore

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// SeenAgain implements casesync.InboundStore.
func (s *Cases) SeenAgain(ctx context.Context, lease syncs.Lease, provider string, pimsIDs []string) error {
	return s.db.Fenced(ctx, "end the protection of restored cases", lease, "", func(batch *pgx.Batch) error {
		batch.Queue(`
			delete from case_restores r using cases c
			where r.clinic_id = $1 and c.id = r.case_id and c.provider = $2 and c.pims_id = any($3)`,
			lease.ClinicID, provider, pimsIDs)
		return nil
	})
}

// Restore undoes the soft deletes of cases in the name of an actor: it puts status,
// sync_status and metadata back by value (R24). A case that is not soft-deleted stays as it
// is. A case that was changed since the delete is refused, with the changes; so is a case
// from which only the mark of the delete was removed. Ids that the clinic does not have are
// left out of the result.
func (s *Cases) Restore(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID, actor string, at time.Time) (restorations []cases.Restoration, err error) {
	err = s.db.InClinicAs(ctx, "restore cases", clinicID, actor, func(tx pgx.Tx) error {
		if restorations, err = postgres.Query(ctx, tx, lockRestorable, []any{clinicID, ids}, scanRestoration); err != nil {
			return err
		}
		var restorable []uuid.UUID
		for i := range restorations {
			r := &restorations[i]
			changes, err := changesSince(ctx, tx, clinicID, r.CaseID)
			switch {
			case err != nil:
				return err
			case r.Outcome == cases.RestoreDone && len(changes) == 0:
				restorable = append(restorable, r.CaseID)
			case r.Outcome == cases.RestoreDone, unmarked(changes):
				r.Outcome, r.Changes = cases.RestoreRefused, changes
			}
		}
		_, err := tx.Exec(ctx, restore, clinicID, restorable, at)
		return err
	})
	return restorations, err
}

// unmarked reports whether a person removed the mark of a soft delete and kept the status
// that came with it. Such a case counts neither as deleted nor as restored.
func unmarked(changes []cases.Event) (taken bool) {
	for i := range changes {
		switch e := &changes[i]; e.Field {
		case "status":
			return false
		case "metadata.reconciliation":
			taken = !strings.HasPrefix(e.Actor, "sync:")
		}
	}
	return taken
}

// DeletedBy lists the cases that a sync, or one of its phases, has soft-deleted: those that
// still have its mark, and those whose mark is gone.
func (s *Cases) DeletedBy(ctx context.Context, clinicID, syncID uuid.UUID) ([]uuid.UUID, error) {
	return postgres.ReadInClinic(ctx, s.db, "read what the sync deleted", clinicID, `
		with syncs as (
			select id, result from case_sync_audits where clinic_id = $1 and (id = $2 or parent_id = $2)
		)
		select c.id from cases c
		where c.clinic_id = $1 and case
			when c.metadata #>> '{reconciliation,softDeleted}' = 'true'
				then c.metadata #>> '{reconciliation,syncId}' in (select id::text from syncs)
				else c.id in (select (jsonb_path_query(result, '$.deletedIds[*]') #>> '{}')::uuid from syncs)
			end
		order by c.scheduled_date, c.id`,
		[]any{clinicID, syncID}, pgx.RowTo[uuid.UUID])
}

// lockRestorable selects which of the cases are soft-deleted, and locks them against
// changes until the transaction ends.
const lockRestorable = `
select id, metadata #>> '{reconciliation,softDeleted}' is not distinct from 'true'
from cases where id = any(array(select cases.id ` + fromCasesByKey + `where cases.clinic_id = $1))
order by id for update`

func scanRestoration(row pgx.CollectableRow) (r cases.Restoration, err error) {
	var deleted bool
	err = row.Scan(&r.CaseID, &deleted)
	r.Outcome = cases.RestoreUnchanged
	if deleted {
		r.Outcome = cases.RestoreDone
	}
	return r, err
}

// changesSince lists the events of a case after its soft delete. Events with the time and
// the actor of the delete belong to the delete itself.
func changesSince(ctx context.Context, tx pgx.Tx, clinicID, caseID uuid.UUID) ([]cases.Event, error) {
	return postgres.Query(ctx, tx, `
		with deletion as (
			select e.id, e.at, e.actor
			from case_events e join cases c on c.id = e.case_id
			where e.clinic_id = $1 and e.case_id = $2 and e.field = 'metadata.reconciliation'
				and e.after #>> '{softDeleted}' = 'true'
				and e.after #>> '{syncId}' = coalesce(c.metadata #>> '{reconciliation,syncId}', e.after #>> '{syncId}')
			order by e.id desc limit 1
		)
		select e.id, e.case_id, e.at, e.actor, e.action, coalesce(e.field, ''), e.before, e.after
		from case_events e, deletion d
		where e.clinic_id = $1 and e.case_id = $2 and e.id > d.id and (e.at, e.actor) <> (d.at, d.actor)
		order by e.id`,
		[]any{clinicID, caseID}, scanEvent)
}

// anothersNotes is true where a restore must not put the stored consultation back (R7): it
// belongs to another patient than the case, it is another consultation than the appointment
// names, the case's patient is uncertain, or a case of another patient has it too and it does
// not say whose it is (R9).
const anothersNotes = `(
	c.metadata #>> '{appointment,patientUnproved}' is not distinct from 'true'
	or coalesce(c.metadata #>> '{consultation,patientId}' <> c.metadata #>> '{appointment,patientId}',
		c.metadata #>> '{consultation,clientId}' <> c.metadata #>> '{appointment,clientId}', false)
	or c.metadata #>> '{consultation,id}' <> c.metadata #>> '{appointment,consultationId}'
		and c.metadata #>> '{appointment,consultationIdEarlier}' is distinct from 'true'
	or coalesce(c.metadata #>> '{consultation,patientId}', '') = '' and coalesce(c.metadata #>> '{consultation,appointmentId}', '') = ''
		and exists (select from pims_sync_twins(c.clinic_id, c.provider, c.metadata #>> '{consultation,id}', c.id, c.metadata -> 'appointment')))`

// restore puts the earlier state back, and protects the case until its id has been seen
// again.
const restore = `
with restored as (
	update cases c set
		status      = coalesce(c.metadata #>> '{reconciliation,before,status}', c.status),
		sync_status = c.metadata #>> '{reconciliation,before,syncStatus}',
		metadata    = c.metadata - case when ` + anothersNotes + ` then '{reconciliation,consultation}' else '{reconciliation}' end::text[],
		updated_at  = $3
	from (select unnest($2::uuid[])) as wanted (id)
	cross join lateral (select ctid as place from cases where cases.id = wanted.id offset 0) as r
	where c.ctid = r.place and c.clinic_id = $1
	returning c.id, c.clinic_id
)
insert into case_restores (case_id, clinic_id, restored_at)
select id, clinic_id, $3 from restored
on conflict (case_id) do update set restored_at = excluded.restored_at`

func scanEvent(row pgx.CollectableRow) (e cases.Event, err error) {
	err = row.Scan(&e.ID, &e.CaseID, &e.At, &e.Actor, &e.Action, &e.Field, &e.Before, &e.After)
	return e, err
}

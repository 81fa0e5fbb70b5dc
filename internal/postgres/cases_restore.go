package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/casesync"
)

// SeenAgain is casesync.InboundStore's.
func (s *Cases) SeenAgain(ctx context.Context, lease casesync.Lease, provider string, pimsIDs []string) error {
	return s.db.fenced(ctx, "end the protection of restored cases", lease, "", func(batch *pgx.Batch) error {
		batch.Queue(`
			delete from case_restores r using cases c
			where r.clinic_id = $1 and c.id = r.case_id and c.provider = $2 and c.pims_id = any($3)`,
			lease.ClinicID, provider, pimsIDs)
		return nil
	})
}

// Restore undoes the soft deletes of cases in the name of an actor: status,
// sync_status and metadata are put back by value (R24). A case that is not
// soft-deleted stays as it is; one that somebody changed since is refused, with
// what they changed. Ids that the clinic does not have are not answered.
func (s *Cases) Restore(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID, actor string, at time.Time) (restorations []casesync.Restoration, err error) {
	err = s.db.InClinicAs(ctx, "restore cases", clinicID, actor, func(tx pgx.Tx) error {
		if restorations, err = query(ctx, tx, lockRestorable, []any{clinicID, ids}, scanRestoration); err != nil {
			return err
		}
		var restorable []uuid.UUID
		for i := range restorations {
			r := &restorations[i]
			if r.Outcome != casesync.RestoreDone {
				continue
			}
			if r.Changes, err = changesSince(ctx, tx, clinicID, r.CaseID); err != nil {
				return err
			}
			if len(r.Changes) > 0 {
				r.Outcome = casesync.RestoreRefused
				continue
			}
			restorable = append(restorable, r.CaseID)
		}
		_, err := tx.Exec(ctx, restore, clinicID, restorable, at)
		return err
	})
	return restorations, err
}

// DeletedBy lists the cases that a sync, or one of its phases, has soft-deleted
// and that are so still.
func (s *Cases) DeletedBy(ctx context.Context, clinicID, syncID uuid.UUID) ([]uuid.UUID, error) {
	return readInClinic(ctx, s.db, "read what the sync deleted", clinicID, `
		select c.id from cases c
		where c.clinic_id = $1 and c.metadata #>> '{reconciliation,softDeleted}' = 'true'
			and c.metadata #>> '{reconciliation,syncId}' in (
				select a.id::text from case_sync_audits a where a.clinic_id = $1 and (a.id = $2 or a.parent_id = $2))
		order by c.scheduled_date, c.id`,
		[]any{clinicID, syncID}, pgx.RowTo[uuid.UUID])
}

// lockRestorable tells which of the cases are soft-deleted, and keeps everybody
// from changing them until the transaction ends.
const lockRestorable = `
select id, metadata #>> '{reconciliation,softDeleted}' is not distinct from 'true'
from cases where clinic_id = $1 and id = any($2)
order by id for update`

func scanRestoration(row pgx.CollectableRow) (r casesync.Restoration, err error) {
	var deleted bool
	err = row.Scan(&r.CaseID, &deleted)
	r.Outcome = casesync.RestoreUnchanged
	if deleted {
		r.Outcome = casesync.RestoreDone
	}
	return r, err
}

// changesSince lists what happened to a case after its soft delete. The events of
// the deleting statement itself share its moment and its actor.
func changesSince(ctx context.Context, tx pgx.Tx, clinicID, caseID uuid.UUID) ([]casesync.Event, error) {
	return query(ctx, tx, `
		with deletion as (
			select e.id, e.at, e.actor
			from case_events e join cases c on c.id = e.case_id
			where e.clinic_id = $1 and e.case_id = $2 and e.field = 'metadata.reconciliation'
				and e.after #>> '{softDeleted}' = 'true'
				and e.after #>> '{syncId}' = c.metadata #>> '{reconciliation,syncId}'
			order by e.id desc limit 1
		)
		select e.id, e.case_id, e.at, e.actor, e.action, coalesce(e.field, ''), e.before, e.after
		from case_events e, deletion d
		where e.clinic_id = $1 and e.case_id = $2 and e.id > d.id and (e.at, e.actor) <> (d.at, d.actor)
		order by e.id`,
		[]any{clinicID, caseID}, scanEvent)
}

// restore puts the state before back, and protects the case until its id has been
// seen again.
const restore = `
with restored as (
	update cases c set
		status      = coalesce(c.metadata #>> '{reconciliation,before,status}', c.status),
		sync_status = c.metadata #>> '{reconciliation,before,syncStatus}',
		metadata    = c.metadata - 'reconciliation',
		updated_at  = $3
	where c.clinic_id = $1 and c.id = any($2)
	returning c.id, c.clinic_id
)
insert into case_restores (case_id, clinic_id, restored_at)
select id, clinic_id, $3 from restored
on conflict (case_id) do update set restored_at = excluded.restored_at`

func scanEvent(row pgx.CollectableRow) (e casesync.Event, err error) {
	err = row.Scan(&e.ID, &e.CaseID, &e.At, &e.Actor, &e.Action, &e.Field, &e.Before, &e.After)
	return e, err
}

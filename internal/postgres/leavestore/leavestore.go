// Package leavestore reads all that is stored of a clinic or of one client, and erases it,
// in PostgreSQL (R14, R45).
package leavestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/leaving"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/walls"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Store implements leaving.Source and, with the login of the tables' owner,
// leaving.Eraser.
type Store struct{ db *postgres.DB }

// New returns the store of a database.
func New(db *postgres.DB) *Store { return &Store{db} }

// mine is the condition for the cases of a client: $2 is the client's id at the PIMS, $3
// are cases by id. Without both, all cases of clinic $1 meet it.
const mine = `c.clinic_id = $1 and ($2 = '' and cardinality($3::uuid[]) = 0
	or $2 <> '' and c.metadata #>> '{appointment,clientId}' = $2 or c.id = any($3))`

// clientAt is the client whose a case is around an event e: the one that the latest event before
// it names, else the one that the next event replaces or names, else the present one. A client
// that becomes known was the client before. Of a case that had several clients, each one's
// archive has that client's part of the history, and no other's.
func clientAt(before, after string) string {
	const named = `(select %s from case_events o
		where o.case_id = e.case_id and o.clinic_id = $1 and o.field = 'metadata.appointment' and o.at %s e.at and %[1]s <> '' order by o.id %[3]s limit 1)`
	return "coalesce(" + fmt.Sprintf(named, "o.after ->> 'clientId'", before, "desc") + ", " +
		fmt.Sprintf(named, "coalesce(nullif(o.before ->> 'clientId', ''), o.after ->> 'clientId')", after, "") + ", present.client)"
}

// partSQL are the statements that read the parts: one JSON text for each record, without
// anything sealed and without any hash.
var partSQL = map[leaving.Part]string{
	leaving.PartClinic: `
		select jsonb_build_object('id', c.id, 'name', c.name, 'timezone', c.timezone, 'active', c.is_active, 'settings', c.settings,
			'deletionLimits', c.deletion_limits, 'createdAt', c.created_at, 'updatedAt', c.updated_at, 'disabledAt', c.disabled_at,
			'schedules', (select s.sync_schedules from clinic_schedule_configs s where s.clinic_id = c.id),
			'credentials', (select jsonb_build_object('provider', k.provider, 'createdAt', k.created_at, 'updatedAt', k.updated_at,
				'suspendedAt', k.suspended_at, 'testedAt', k.tested_at) from pims_credentials k where k.clinic_id = c.id))::text
		from clinics c where c.id = $1 and $2 = '' and cardinality($3::uuid[]) = 0`,
	leaving.PartCases: `
		select jsonb_build_object('id', c.id, 'provider', c.provider, 'pimsId', c.pims_id, 'patientName', c.patient_name,
			'clientName', c.client_name, 'phoneNumber', c.phone_number, 'scheduledDate', c.scheduled_date, 'status', c.status,
			'syncStatus', c.sync_status, 'caseType', c.case_type, 'metadata', c.metadata, 'createdAt', c.created_at, 'updatedAt', c.updated_at)::text
		from cases c where ` + mine + ` order by c.scheduled_date, c.id`,
	leaving.PartHistory: `
		select jsonb_build_object('id', e.id, 'caseId', e.case_id, 'at', e.at, 'actor', e.actor, 'action', e.action, 'field', e.field,
			'before', case when mine.was then e.before end, 'after', case when mine.becomes then e.after end)::text
		from case_events e
		left join cases c on c.id = e.case_id and c.clinic_id = e.clinic_id
		cross join lateral (select coalesce(c.metadata #>> '{appointment,clientId}', '') as client) as present
		cross join lateral (select case when c.id = any($3) then array[$2, present.client] else array[$2] end as ids,
			$2 = '' and cardinality($3::uuid[]) = 0 as everyones) as subject
		cross join lateral (select
			case when subject.everyones then true else ` + clientAt("<", ">=") + ` = any(subject.ids) end as was,
			case when subject.everyones then true else ` + clientAt("<=", ">") + ` = any(subject.ids) end as becomes) as mine
		where e.clinic_id = $1 and (mine.was or mine.becomes) and (subject.everyones
			or e.case_id in (select c.id from cases c where ` + mine + `)
			or $2 <> '' and e.case_id in (
				select o.case_id from case_events o
				where o.clinic_id = $1 and o.field = 'metadata.appointment' and $2 in (o.before ->> 'clientId', o.after ->> 'clientId')))
		order by e.id`,
	leaving.PartSyncs: `
		select jsonb_build_object('id', a.id, 'parentId', a.parent_id, 'type', a.sync_type, 'status', a.status, 'trigger', a.trigger,
			'request', a.request, 'attempt', a.attempt, 'result', a.result, 'code', a.error_code, 'error', a.error_message, 'planId', a.plan_id,
			'stats', jsonb_build_object('appointmentsFound', a.appointments_found, 'casesFound', a.cases_found, 'casesCreated', a.cases_created,
				'casesUpdated', a.cases_updated, 'casesUnchanged', a.cases_unchanged, 'casesSkipped', a.cases_skipped, 'casesEnriched', a.cases_enriched,
				'casesFailed', a.cases_failed, 'casesChecked', a.cases_checked, 'casesDeleted', a.cases_deleted, 'casesRestored', a.cases_restored),
			'createdAt', a.created_at, 'dueAt', a.due_at, 'startedAt', a.started_at, 'completedAt', a.completed_at)::text
		from case_sync_audits a where a.clinic_id = $1 and $2 = '' and cardinality($3::uuid[]) = 0 order by a.created_at, a.id`,
	leaving.PartPlans: `
		select jsonb_build_object('id', p.id, 'syncId', p.sync_id, 'type', p.sync_type, 'status', p.status, 'code', p.code, 'reason', p.reason,
			'windowStart', p.window_start, 'windowEnd', p.window_end, 'cases', p.cases, 'evidence', p.evidence, 'createdAt', p.created_at,
			'expiresAt', p.expires_at, 'decidedAt', p.decided_at, 'decidedBy', p.decided_by)::text
		from deletion_plans p where p.clinic_id = $1 and $2 = '' and cardinality($3::uuid[]) = 0 order by p.created_at, p.id`,
	leaving.PartKeys: `
		select jsonb_build_object('id', k.id, 'name', k.name, 'keyPrefix', k.key_prefix, 'permissions', k.permissions, 'active', k.is_active,
			'expiresAt', k.expires_at, 'lastUsedAt', k.last_used_at, 'createdAt', k.created_at)::text
		from clinic_api_keys k where k.clinic_id = $1 and $2 = '' and cardinality($3::uuid[]) = 0 order by k.created_at, k.id`,
	leaving.PartWords: `
		select jsonb_build_object('provider', w.provider, 'kind', w.kind, 'word', w.word, 'meaning', w.meaning, 'appointments', w.appointments,
			'firstSeen', w.first_seen, 'lastSeen', w.last_seen)::text
		from pims_words w where w.clinic_id = $1 and $2 = '' and cardinality($3::uuid[]) = 0 order by w.provider, w.kind, w.form`,
}

// Read implements leaving.Source. It works as the clinic (R41), in one snapshot.
func (s *Store) Read(ctx context.Context, subject leaving.Subject, read func(leaving.Records) error) error {
	cases, reading := append([]uuid.UUID{}, subject.Cases...), false
	return s.db.InClinic(ctx, "export", subject.ClinicID, func(tx pgx.Tx) error {
		if reading {
			return errors.New("the database interrupted the export; run it again")
		}
		reading = true
		if _, err := tx.Exec(ctx, "set transaction isolation level repeatable read, read only"); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, "select exists (select from clinics where id = $1)", subject.ClinicID).Scan(&exists); err != nil {
			return err
		}
		if !exists {
			return syncs.Fail(syncs.CodeNotFound, "there is no such clinic")
		}
		if err := requireCases(ctx, tx, &subject); err != nil {
			return err
		}
		return read(func(part leaving.Part, emit func([]byte) error) error {
			rows, err := tx.Query(ctx, partSQL[part], subject.ClinicID, subject.Client, cases)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := emit(rows.RawValues()[0]); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	})
}

// requireCases returns an error that names the first case of a subject that its clinic does
// not have.
func requireCases(ctx context.Context, tx pgx.Tx, subject *leaving.Subject) error {
	var unknown uuid.UUID
	err := tx.QueryRow(ctx, `
		select named.id from unnest($2::uuid[]) with ordinality as named (id, place)
		where not exists (select from cases c where c.clinic_id = $1 and c.id = named.id) order by named.place limit 1`,
		subject.ClinicID, append([]uuid.UUID{}, subject.Cases...)).Scan(&unknown)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncs.Fail(syncs.CodeNotFound, "the clinic has no case %s: check the id", unknown)
}

// atMost bounds a step of an erasure: so many cases.
const atMost = 500

// CountClinic implements leaving.Eraser.
func (s *Store) CountClinic(ctx context.Context, clinicID uuid.UUID) (leaving.Counts, error) {
	counts := leaving.Counts{}
	err := s.db.AsOwner(ctx, "count what is stored of a clinic", func(tx pgx.Tx) error {
		for _, t := range walls.Tables {
			if t.Clinic == "" {
				continue
			}
			var n int64
			sql := fmt.Sprintf("select count(*) from %s where %s = $1", pgx.Identifier{t.Name}.Sanitize(), pgx.Identifier{t.Clinic}.Sanitize())
			if err := tx.QueryRow(ctx, sql, clinicID).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				counts[t.Name] = n
			}
		}
		return nil
	})
	return counts, err
}

// EraseClinic implements leaving.Eraser.
func (s *Store) EraseClinic(ctx context.Context, clinicID uuid.UUID, state leaving.State) (leaving.State, leaving.Counts, error) {
	return s.erase(ctx, clinicID, state, false)
}

// FinishClinic implements leaving.Eraser.
func (s *Store) FinishClinic(ctx context.Context, clinicID uuid.UUID, state leaving.State) (leaving.Counts, error) {
	state, counts, err := s.erase(ctx, clinicID, state, true)
	if err == nil && !state.Done {
		err = errors.New("something was stored for the clinic meanwhile; run the command again")
	}
	return counts, err
}

func (s *Store) erase(ctx context.Context, clinicID uuid.UUID, state leaving.State, finish bool) (next leaving.State, counts leaving.Counts, err error) {
	err = s.db.AsOwner(ctx, "erase a clinic", func(tx pgx.Tx) error {
		var active bool
		err := tx.QueryRow(ctx, "select is_active from clinics where id = $1", clinicID).Scan(&active)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return syncs.Fail(syncs.CodeNotFound, "there is no such clinic")
		case err != nil:
			return err
		case active:
			return leaving.ErrActive
		}
		return tx.QueryRow(ctx, "select removed, seen_event, done from pims_sync_erase_clinic($1, $2, $3, $4)", clinicID, state.Event, atMost, finish).
			Scan(&counts, &next.Event, &next.Done)
	})
	return next, counts, err
}

// EraseClient implements leaving.Eraser.
func (s *Store) EraseClient(ctx context.Context, subject leaving.Subject, trial bool) (counts leaving.Counts, err error) {
	err = s.db.AsOwner(ctx, "erase a client", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select set_config('app.actor', $1, true)", subject.Actor); err != nil {
			return err
		}
		if err := requireCases(ctx, tx, &subject); err != nil {
			return err
		}
		var shown int64
		err := tx.QueryRow(ctx, "select count(*) from pims_sync_notes_shown where clinic_id = $1 and $2 <> '' and client_id = $2",
			subject.ClinicID, subject.Client).Scan(&shown)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, "select pims_sync_erase_client($1, $2, $3, $4)",
			subject.ClinicID, subject.Client, append([]uuid.UUID{}, subject.Cases...), trial).Scan(&counts)
		if err != nil {
			return err
		}
		// Nobody can see whether a sealed recording names the client, so all of them go.
		gone := "with gone as (delete from recordings where clinic_id = $1 returning id) select count(*) from gone"
		if trial {
			gone = "select count(*) from recordings where clinic_id = $1"
		}
		var recordings int64
		err = tx.QueryRow(ctx, gone, subject.ClinicID).Scan(&recordings)
		counts.Add(leaving.Counts{"recordings": recordings, "notes_shown": shown})
		return err
	})
	return counts, err
}

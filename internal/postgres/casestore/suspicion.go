package casestore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// suspectBatch is how many cases are checked at a time. It is small because their history
// contains their notes.
const suspectBatch = 200

// A NotesCheck is the result of the check of a clinic's stored notes.
type NotesCheck struct {
	Checked  int // cases with a stored consultation
	Unjudged int // of these: their history does not reach back to when the notes came
	Suspects []cases.Suspicion
	Cleared  int // suspects whose notes were hidden
}

// CheckNotes looks for cases of a clinic that may hold notes of another patient or
// consultation, by their stored ids and their history (R7). With an actor it also hides
// those notes, in the actor's name, so that the history shows it, and only where the case
// has not changed since the check. The error is CodeSyncRunning, with the sync's id, where
// a sync of the clinic runs.
func (s *Cases) CheckNotes(ctx context.Context, clinicID uuid.UUID, actor string, at time.Time) (check NotesCheck, err error) {
	shared, err := s.sharedConsultations(ctx, clinicID)
	if err != nil {
		return check, err
	}
	var suspects []*providersCase // find all of them before any is hidden: a hidden consultation no longer counts as shared
	for after := uuid.Nil; ; {
		found, err := s.withNotes(ctx, clinicID, after)
		if err != nil {
			return check, err
		}
		if len(found) == 0 {
			break
		}
		after = found[len(found)-1].ID
		suspect, err := s.judge(ctx, clinicID, found, shared, &check)
		if err != nil {
			return check, err
		}
		suspects = append(suspects, suspect...)
	}
	if actor == "" {
		return check, nil
	}
	for batch := range slices.Chunk(suspects, suspectBatch) {
		n, err := s.clearNotes(ctx, clinicID, batch, actor, at)
		check.Cleared += n
		if err != nil {
			return check, err
		}
	}
	return check, nil
}

// sharedConsultations returns the cases of a clinic whose stored consultation is also
// stored for a case of another patient. A case without a patient does not count.
func (s *Cases) sharedConsultations(ctx context.Context, clinicID uuid.UUID) (map[uuid.UUID]bool, error) {
	ids, err := postgres.ReadInClinic(ctx, s.db, "find shared consultations", clinicID, `
		select unnest(array_agg(id)) from (
			select id, provider, btrim(metadata #>> '{consultation,id}') as consultation, btrim(metadata #>> '{appointment,patientId}') as patient
			from cases where clinic_id = $1 and pims_id is not null and jsonb_typeof(metadata -> 'consultation') = 'object'
		) c
		where consultation <> '' and patient <> ''
		group by provider, consultation having count(distinct patient) > 1`, []any{clinicID}, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, err
	}
	shared := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		shared[id] = true
	}
	return shared, nil
}

// A providersCase is a case and its provider.
type providersCase struct {
	cases.Case
	provider string

	shownForOthers map[string]cases.Whose // according to its history; of a suspect only
}

// withNotes reads the next cases with a stored consultation.
func (s *Cases) withNotes(ctx context.Context, clinicID, after uuid.UUID) ([]*providersCase, error) {
	ids, err := postgres.ReadInClinic(ctx, s.db, "list the cases with notes", clinicID, `
		select id, provider from cases
		where clinic_id = $1 and id > $2 and pims_id is not null and jsonb_typeof(metadata -> 'consultation') = 'object'
		order by id limit $3`, []any{clinicID, after, suspectBatch},
		func(row pgx.CollectableRow) (c *providersCase, err error) {
			c = new(providersCase)
			err = row.Scan(&c.ID, &c.provider)
			return c, err
		})
	if err != nil {
		return nil, err
	}
	wanted := values.Convert(ids, func(c *providersCase) uuid.UUID { return c.ID })
	stored, err := s.CasesWithConsultations(ctx, clinicID, wanted)
	for _, c := range ids {
		id := c.ID
		c.Case = stored[id] // zero where it was removed meanwhile
		c.ID = id
	}
	return ids, err
}

// judge returns the suspect cases and adds them to the check.
func (s *Cases) judge(ctx context.Context, clinicID uuid.UUID, checked []*providersCase, shared map[uuid.UUID]bool, check *NotesCheck) (suspects []*providersCase, err error) {
	events, err := postgres.ReadInClinic(ctx, s.db, "read the history of notes", clinicID, `
		select id, case_id, at, actor, action, coalesce(field, ''), before, after from case_events
		where clinic_id = $1 and case_id = any($2)
			and field = any($3)
		order by case_id, id`,
		[]any{clinicID, values.Convert(checked, func(c *providersCase) uuid.UUID { return c.ID }), cases.SuspectFields}, scanEvent)
	if err != nil {
		return nil, err
	}
	of := make(map[uuid.UUID][]cases.Event)
	for _, e := range events {
		of[e.CaseID] = append(of[e.CaseID], e)
	}
	for _, c := range checked {
		if c.Consultation == nil { // it was hidden meanwhile
			continue
		}
		check.Checked++
		reasons, judged := cases.Suspect(&c.Case, of[c.ID], shared[c.ID])
		if !judged {
			check.Unjudged++
		}
		if len(reasons) == 0 {
			continue
		}
		c.shownForOthers = cases.ShownForOthers(&c.Case, of[c.ID])
		suspects = append(suspects, c)
		check.Suspects = append(check.Suspects, cases.Suspicion{
			CaseID: c.ID, PIMSID: c.PIMSID, Reasons: reasons,
			Shows: cases.Belonging{ConsultationID: c.Consultation.ID, PatientID: c.Appointment.PatientID},
		})
	}
	return suspects, nil
}

// clearNotes hides the notes of cases with the statement that syncs use, only over the row
// versions that were checked (R12).
func (s *Cases) clearNotes(ctx context.Context, clinicID uuid.UUID, checked []*providersCase, actor string, at time.Time) (n int, err error) {
	writes := make(map[string][]cases.Write)
	for _, c := range checked {
		writes[c.provider] = append(writes[c.provider], cases.Clear(&c.Case, at))
	}
	err = s.db.InClinicAs(ctx, "hide notes", clinicID, actor, func(tx pgx.Tx) error {
		n = 0
		if err := noSyncRuns(ctx, tx, clinicID); err != nil {
			return err
		}
		for provider, writes := range writes {
			_, rows, err := columnsOf(writes)
			if err != nil {
				return err
			}
			written, err := postgres.Query(ctx, tx, rows.statement(), rows.args(clinicID, provider, at), pgx.RowTo[string])
			if err != nil {
				return err
			}
			n += len(written)
		}
		_, err := tx.Exec(ctx, keepShown, shownArgs(clinicID, checked, at)...)
		return err
	})
	return n, err
}

// keepShown corrects for whom the cases that were cleared showed their consultations: the
// trigger on the update could name only the case's present patient (R7).
const keepShown = `
insert into pims_sync_notes_shown (clinic_id, case_id, consultation_id, patient_id, client_id, patient_name)
select $1, c.id, s.consultation_id, s.patient_id, s.client_id, s.patient_name
from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) as s (case_id, consultation_id, patient_id, client_id, patient_name)
join cases c on c.id = s.case_id and c.clinic_id = $1 and c.updated_at = $2 and not c.metadata ? 'consultation'
order by c.id, s.consultation_id
on conflict (case_id, consultation_id) do update set
	patient_id = excluded.patient_id, client_id = excluded.client_id, patient_name = excluded.patient_name`

func shownArgs(clinicID uuid.UUID, of []*providersCase, at time.Time) []any {
	var (
		ids                                     []uuid.UUID
		consultations, patients, clients, names []string
	)
	for _, c := range of {
		for id, shown := range c.shownForOthers {
			ids, consultations = append(ids, c.ID), append(consultations, id)
			patients, clients, names = append(patients, shown.PatientID), append(clients, shown.ClientID), append(names, shown.PatientName)
		}
	}
	return []any{clinicID, at, ids, consultations, patients, clients, names}
}

// noSyncRuns returns an error while a sync of the clinic runs, and locks the running syncs
// against being closed until the transaction ends.
func noSyncRuns(ctx context.Context, tx pgx.Tx, clinicID uuid.UUID) error {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `select id from case_sync_audits
		where clinic_id = $1 and status = 'in_progress' and parent_id is null for share`, clinicID).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	failure := syncs.Fail(syncs.CodeSyncRunning, "sync %s of the clinic is running; wait until it is over, and try again", id)
	failure.SyncID = id
	return failure
}

// RestoredNotes is the outcome of undoing a clearing.
type RestoredNotes struct {
	Restored int // their notes were put back, or would be in a dry run
	Already  int // they were put back before
	Kept     int // they changed since, and stay as they are
}

// RestoreNotes puts back what a clearing hid, in the name of an actor. It does so for each
// case that shows no notes since, and whose patient and consultation have not changed. A
// dry run changes nothing and may run during a sync. The error is CodeNotFound where the
// clinic has no such clearing, and CodeSyncRunning as in CheckNotes.
func (s *Cases) RestoreNotes(ctx context.Context, clinicID uuid.UUID, cleared, actor string, dryRun bool, at time.Time) (r RestoredNotes, err error) {
	err = s.db.InClinicAs(ctx, "put notes back", clinicID, actor, func(tx pgx.Tx) error {
		if !dryRun {
			if err := noSyncRuns(ctx, tx, clinicID); err != nil {
				return err
			}
		}
		if err := tx.QueryRow(ctx, restoreNotes, clinicID, cleared, at, actor, dryRun).Scan(&r.Restored, &r.Already, &r.Kept); err != nil {
			return err
		}
		if r == (RestoredNotes{}) {
			return syncs.Fail(syncs.CodeNotFound, "the clinic has no clearing %s", cleared)
		}
		return nil
	})
	return r, err
}

// restoreNotes checks that neither the appointment's ids nor the consultation changed
// later, so that the notes that come back belong to the case. A person says that they are
// the patient's: that the case showed them for another one does not count any more. What it
// showed of other consultations does.
const restoreNotes = `
with hidden as (
	select distinct on (case_id) id, case_id, before from case_events
	where clinic_id = $1 and actor = $2 and field = 'metadata.consultation' and after is null
	order by case_id, id desc
), already as (
	select h.case_id from hidden h
	where exists (
		select from case_events e
		where e.clinic_id = $1 and e.case_id = h.case_id and e.id > h.id and e.actor = $4 and e.field = 'metadata.consultation')
), untouched as (
	select h.* from hidden h join cases c on c.id = h.case_id and c.clinic_id = $1
	where not c.metadata ? 'consultation' and not exists (
		select from case_events e
		where e.clinic_id = $1 and e.case_id = h.case_id and e.id > h.id and (e.field = 'metadata.consultation'
			or e.field = 'metadata.appointment' and (e.before #>> '{patientId}' is distinct from e.after #>> '{patientId}'
				or e.before #>> '{clientId}' is distinct from e.after #>> '{clientId}'
				or e.before #>> '{consultationId}' is distinct from e.after #>> '{consultationId}')))
), restored as (
	update cases c set metadata = c.metadata || jsonb_build_object('consultation', u.before), updated_at = $3
	from untouched u
	where not $5 and c.id = u.case_id and c.clinic_id = $1 and not c.metadata ? 'consultation'
	returning c.id, c.metadata #>> '{consultation,id}' as consultation_id
), readings as (
	update case_enrichments e set changed_at = null
	from restored r where e.case_id = r.id and e.clinic_id = $1
), own as (
	delete from pims_sync_notes_shown m using restored r
	where m.clinic_id = $1 and m.case_id = r.id and m.consultation_id = r.consultation_id
), counted as (
	select case when $5 then (select count(*) from untouched) else (select count(*) from restored) end as restored,
		(select count(*) from already) as already, (select count(*) from hidden) as hidden
)
select restored, already, hidden - restored - already from counted`

// ClearedBy returns the clinic in which a clearing hid notes. It crosses clinics (R41). The
// error is CodeNotFound where there is no such clearing.
func (s *Cases) ClearedBy(ctx context.Context, actor string) (clinicID uuid.UUID, err error) {
	err = s.db.System(ctx, "find the clearing", func(tx pgx.Tx) error {
		row := tx.QueryRow(ctx, `select clinic_id from case_events where actor = $1 and field = 'metadata.consultation' limit 1`, actor)
		return null.Found(row.Scan(&clinicID), syncs.Fail(syncs.CodeNotFound, "there is no such clearing of notes"))
	})
	return clinicID, err
}

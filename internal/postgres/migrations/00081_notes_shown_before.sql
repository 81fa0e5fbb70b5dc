-- What the history knows of the consultations that cases showed before migration 00080. It
-- stands apart, because it reads the whole history: the trigger is committed before and
-- locks cases no longer. What the trigger has recorded since stays.

-- +goose Up
-- An older version kept notes through a change of the patient, so the patient of the first
-- showing counts before the patient of the last. Where a person undid a clearing, the notes are
-- the patient's of that moment: what was before does not count.
insert into pims_sync_notes_shown (clinic_id, case_id, consultation_id, patient_id, client_id)
select c.clinic_id, c.id, gone.consultation,
    coalesce(gone.patient, nullif(coalesce(at_first.before, c.metadata -> 'appointment') ->> 'patientId', ''),
        coalesce(at_last.before, c.metadata -> 'appointment') ->> 'patientId', ''),
    coalesce(nullif(coalesce(at_first.before, c.metadata -> 'appointment') ->> 'clientId', ''),
        coalesce(at_last.before, c.metadata -> 'appointment') ->> 'clientId', '')
from (
    select distinct on (case_id, before ->> 'id')
        id, case_id, before ->> 'id' as consultation, nullif(before ->> 'patientId', '') as patient, at
    from case_events
    where field = 'metadata.consultation' and before ->> 'id' <> '' and after ->> 'id' is distinct from before ->> 'id'
    order by case_id, before ->> 'id', case_events.id desc
) as gone
join cases c on c.id = gone.case_id
cross join lateral (
    select coalesce(max(e.id), 0) as id from case_events e
    where e.clinic_id = c.clinic_id and e.case_id = c.id and e.field = 'metadata.consultation'
        and e.actor like 'undo-clearing:%' and e.after ->> 'id' = gone.consultation
) as undone
cross join lateral (
    select min(e.at) as at from case_events e
    where e.clinic_id = c.clinic_id and e.case_id = c.id and e.field = 'metadata.consultation'
        and e.id >= undone.id and e.after ->> 'id' = gone.consultation
) as first
left join lateral (
    select coalesce(e.before, '{}') as before from case_events e
    where e.clinic_id = c.clinic_id and e.case_id = c.id and e.field = 'metadata.appointment'
        and e.at > coalesce(first.at, gone.at - interval '1 microsecond')
    order by e.id limit 1
) as at_first on true
left join lateral (
    select coalesce(e.before, '{}') as before from case_events e
    where e.clinic_id = c.clinic_id and e.case_id = c.id and e.field = 'metadata.appointment' and e.at >= gone.at
    order by e.id limit 1
) as at_last on true
where gone.id > undone.id
on conflict do nothing;

insert into pims_sync_notes_shown (clinic_id, case_id, consultation_id, patient_id)
select c.clinic_id, c.id, e.disowned_consultation_id, coalesce(e.disowned_patient_id, '')
from case_enrichments e join cases c on c.id = e.case_id
where e.disowned_consultation_id <> ''
on conflict do nothing;

-- +goose Down
select 1; -- 00080 drops the table

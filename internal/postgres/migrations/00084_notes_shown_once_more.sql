-- Migration 00080 was changed after it had landed. This brings a database that ran it as it was
-- at first to the same state as one that ran it as it is: the trigger runs as the owner, and
-- notes that a person put back after a clearing count as the present patient's.

-- +goose Up
alter function cases_notes_shown() security definer set search_path = pg_catalog, pg_temp;

delete from pims_sync_notes_shown m
using case_events back
where back.clinic_id = m.clinic_id and back.case_id = m.case_id and back.field = 'metadata.consultation'
    and back.actor like 'undo-clearing:%' and back.after ->> 'id' = m.consultation_id
    and not exists (
        select from case_events gone
        where gone.clinic_id = m.clinic_id and gone.case_id = m.case_id and gone.field = 'metadata.consultation' and gone.id > back.id
            and gone.before ->> 'id' = m.consultation_id and gone.after ->> 'id' is distinct from m.consultation_id
    );

-- +goose Down
select 1; -- 00080 drops the function and the table

-- A case whose patient or whose consultation became another one is due whatever the
-- window (R19), and what was hidden then comes back to another patient only where it
-- names that patient (R7).

-- +goose Up
alter table case_enrichments
    add column changed_at               timestamptz,        -- null: not due for that
    add column disowned_consultation_id text,               -- what was hidden last
    add column disowned_patient_id      text;               -- and whose it was; blank: not known
create index case_enrichments_changed on case_enrichments (clinic_id) where changed_at is not null;

-- +goose Down
drop index case_enrichments_changed;
alter table case_enrichments
    drop column changed_at,
    drop column disowned_consultation_id,
    drop column disowned_patient_id;

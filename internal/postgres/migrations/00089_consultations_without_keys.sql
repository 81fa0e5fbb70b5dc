-- A case that gets a consultation is not looked up and locked once more for it: a foreign key
-- does that for each row. What a trigger does for a case that a person removes does the same.

-- +goose Up
alter table pims_sync_consultation_cases drop constraint pims_sync_consultation_cases_case_id_fkey;

-- +goose StatementBegin
create function cases_consultations_removed() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
begin
    delete from public.pims_sync_consultation_cases h using old_rows o where h.case_id = o.id;
    return null;
end
$$;
-- +goose StatementEnd
create trigger cases_consultations_removed after delete on cases
    referencing old table as old_rows
    for each statement execute function cases_consultations_removed();

-- +goose Down
drop trigger cases_consultations_removed on cases;
drop function cases_consultations_removed();
delete from pims_sync_consultation_cases h where not exists (select from cases c where c.id = h.case_id);
alter table pims_sync_consultation_cases
    add constraint pims_sync_consultation_cases_case_id_fkey foreign key (case_id) references cases (id) on delete cascade;

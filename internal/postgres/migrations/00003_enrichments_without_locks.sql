-- Attempts at enrichment lock no case: a foreign key looks each row up, and marks
-- the case as locked, for every attempt that is noted. What a trigger does for a
-- case that a person removes does the same.

-- +goose Up
alter table case_enrichments
    drop constraint case_enrichments_case_id_fkey,
    drop constraint case_enrichments_clinic_id_fkey;

-- +goose StatementBegin
create function case_enrichments_on_delete() returns trigger language plpgsql as $$
begin
    delete from public.case_enrichments e using old_rows o where e.case_id = o.id;
    return null;
end
$$;
-- +goose StatementEnd
create trigger case_enrichments_delete after delete on cases
    referencing old table as old_rows
    for each statement execute function case_enrichments_on_delete();

-- +goose Down
drop trigger case_enrichments_delete on cases;
drop function case_enrichments_on_delete();
delete from case_enrichments e where not exists (select from cases c where c.id = e.case_id);
alter table case_enrichments
    add constraint case_enrichments_case_id_fkey foreign key (case_id) references cases (id) on delete cascade,
    add constraint case_enrichments_clinic_id_fkey foreign key (clinic_id) references clinics (id);

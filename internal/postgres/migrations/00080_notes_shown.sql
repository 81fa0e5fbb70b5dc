-- For whom a case showed each consultation that it does not show now. A consultation that
-- names no patient does not come back to another patient (R7). A trigger keeps it, whoever
-- takes the consultation away, so that no later change makes the case forget. It runs as the
-- owner from the beginning: an older version that still runs has no rights to the table.
-- Migration 00081 adds what the history knows of the time before.
--
-- case_enrichments.disowned_consultation_id and disowned_patient_id, which held the last such
-- consultation only, are not used any more. They stay for an older version that still runs.

-- +goose Up
create table pims_sync_notes_shown (
    clinic_id       uuid not null,
    case_id         uuid not null references cases (id) on delete cascade,
    consultation_id text not null,
    patient_id      text not null default '',               -- for whom; blank: not known
    client_id       text not null default '',
    patient_name    text not null default '',
    primary key (case_id, consultation_id)
);
create index pims_sync_notes_shown_clinic on pims_sync_notes_shown (clinic_id);

-- +goose StatementBegin
create function cases_notes_shown() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into public.pims_sync_notes_shown as m (clinic_id, case_id, consultation_id, patient_id, client_id, patient_name)
    select o.clinic_id, o.id, o.metadata #>> '{consultation,id}',
        coalesce(nullif(o.metadata #>> '{consultation,patientId}', ''), o.metadata #>> '{appointment,patientId}', ''),
        coalesce(nullif(o.metadata #>> '{consultation,clientId}', ''), o.metadata #>> '{appointment,clientId}', ''),
        coalesce(o.patient_name, '')
    from old_rows o
    join new_rows n using (id)
    where o.metadata #>> '{consultation,id}' <> ''
        and n.metadata #>> '{consultation,id}' is distinct from o.metadata #>> '{consultation,id}'
    order by o.id
    on conflict (case_id, consultation_id) do update set
        patient_id = excluded.patient_id, client_id = excluded.client_id, patient_name = excluded.patient_name;
    return null;
end
$$;
-- +goose StatementEnd
create trigger cases_notes_shown after update on cases
    referencing old table as old_rows new table as new_rows
    for each statement execute function cases_notes_shown();

-- As before, and what other cases showed for the client. "-" is an id that nobody has: the
-- notes still do not come back to another patient.
-- +goose StatementBegin
create or replace function pims_sync_erase_client(of_clinic uuid, client text, named uuid[], trial boolean) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    ids uuid[];
    others uuid[]; -- cases that were the client's once
    untils timestamptz[];
    last bigint;
    counts jsonb;
begin
    select coalesce(array_agg(id), '{}') into ids from public.cases
    where clinic_id = of_clinic and (client <> '' and metadata #>> '{appointment,clientId}' = client or id = any(named));
    select coalesce(array_agg(o.case_id), '{}'), coalesce(array_agg(o.until), '{}') into others, untils from (
        select case_id, max(at) as until from public.case_events
        where clinic_id = of_clinic and client <> '' and field = 'metadata.appointment' and not case_id = any(ids)
            and client in (before ->> 'clientId', after ->> 'clientId')
        group by case_id) o;
    counts := jsonb_build_object(
        'cases', cardinality(ids),
        'case_events', (select count(*) from public.case_events where case_id = any(ids)),
        'cleared_events', (select count(*) from public.case_events e join unnest(others, untils) as o (case_id, until) using (case_id)
            where e.at <= o.until and (e.before is not null or e.after is not null)),
        'deletion_plans', (select count(*) from public.deletion_plans p where p.clinic_id = of_clinic and exists (
            select from jsonb_array_elements(p.cases) c where (c ->> 'caseId')::uuid = any(ids))),
        'previews', (select count(*) from public.case_sync_audits where clinic_id = of_clinic and result ? 'changes'));
    if trial then
        return counts;
    end if;
    perform set_config('app.maintenance', 'on', true), set_config('app.erasing', 'on', true);
    select coalesce(max(id), 0) into last from public.case_events where case_id = any(ids);
    delete from public.cases where id = any(ids);
    delete from public.case_events where case_id = any(ids) and (id <= last or action <> 'removed');
    update public.pims_sync_notes_shown set patient_id = '-', client_id = '-', patient_name = ''
    where clinic_id = of_clinic and client <> '' and client_id = client;
    update public.case_events e set before = null, after = null
    from unnest(others, untils) as o (case_id, until)
    where o.case_id = e.case_id and e.at <= o.until and (e.before is not null or e.after is not null);
    update public.deletion_plans p set cases = (
        select coalesce(jsonb_agg(c order by o), '[]') from jsonb_array_elements(p.cases) with ordinality as x (c, o)
        where not (c ->> 'caseId')::uuid = any(ids))
    where p.clinic_id = of_clinic and exists (select from jsonb_array_elements(p.cases) c where (c ->> 'caseId')::uuid = any(ids));
    update public.case_sync_audits set result = result - 'changes' where clinic_id = of_clinic and result ? 'changes';
    perform set_config('app.maintenance', '', true), set_config('app.erasing', '', true);
    return counts;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function pims_sync_erase_client(of_clinic uuid, client text, named uuid[], trial boolean) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    ids uuid[];
    others uuid[]; -- cases that were the client's once
    untils timestamptz[];
    last bigint;
    counts jsonb;
begin
    select coalesce(array_agg(id), '{}') into ids from public.cases
    where clinic_id = of_clinic and (client <> '' and metadata #>> '{appointment,clientId}' = client or id = any(named));
    select coalesce(array_agg(o.case_id), '{}'), coalesce(array_agg(o.until), '{}') into others, untils from (
        select case_id, max(at) as until from public.case_events
        where clinic_id = of_clinic and client <> '' and field = 'metadata.appointment' and not case_id = any(ids)
            and client in (before ->> 'clientId', after ->> 'clientId')
        group by case_id) o;
    counts := jsonb_build_object(
        'cases', cardinality(ids),
        'case_events', (select count(*) from public.case_events where case_id = any(ids)),
        'cleared_events', (select count(*) from public.case_events e join unnest(others, untils) as o (case_id, until) using (case_id)
            where e.at <= o.until and (e.before is not null or e.after is not null)),
        'deletion_plans', (select count(*) from public.deletion_plans p where p.clinic_id = of_clinic and exists (
            select from jsonb_array_elements(p.cases) c where (c ->> 'caseId')::uuid = any(ids))),
        'previews', (select count(*) from public.case_sync_audits where clinic_id = of_clinic and result ? 'changes'));
    if trial then
        return counts;
    end if;
    perform set_config('app.maintenance', 'on', true), set_config('app.erasing', 'on', true);
    select coalesce(max(id), 0) into last from public.case_events where case_id = any(ids);
    delete from public.cases where id = any(ids);
    delete from public.case_events where case_id = any(ids) and (id <= last or action <> 'removed');
    update public.case_events e set before = null, after = null
    from unnest(others, untils) as o (case_id, until)
    where o.case_id = e.case_id and e.at <= o.until and (e.before is not null or e.after is not null);
    update public.deletion_plans p set cases = (
        select coalesce(jsonb_agg(c order by o), '[]') from jsonb_array_elements(p.cases) with ordinality as x (c, o)
        where not (c ->> 'caseId')::uuid = any(ids))
    where p.clinic_id = of_clinic and exists (select from jsonb_array_elements(p.cases) c where (c ->> 'caseId')::uuid = any(ids));
    update public.case_sync_audits set result = result - 'changes' where clinic_id = of_clinic and result ? 'changes';
    perform set_config('app.maintenance', '', true), set_config('app.erasing', '', true);
    return counts;
end
$$;
-- +goose StatementEnd
drop trigger cases_notes_shown on cases;
drop function cases_notes_shown();
drop table pims_sync_notes_shown;

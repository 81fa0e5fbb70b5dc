-- +goose NO TRANSACTION
-- Which cases have which consultation, whatever became of the case: it names it, named it last,
-- or stores it. A consultation that cases of different patients have, and that does not tell
-- whose it is, is shown with none of them (R9). A trigger keeps the list, whoever writes a case,
-- and makes the other patients' cases of the same consultation due in the same transaction: no
-- end of a process can come between. Each step can be repeated: the triggers come before the
-- cases are read, and lock them for a moment only.

-- +goose Up
create table if not exists pims_sync_consultation_cases (
    clinic_id       uuid not null,
    provider        text not null,
    consultation_id text not null,
    case_id         uuid not null references cases (id) on delete cascade,
    primary key (clinic_id, provider, consultation_id, case_id)
);
create index if not exists pims_sync_consultation_cases_case on pims_sync_consultation_cases (case_id);

-- The cases that have the consultation and are known to be of another patient than the one of
-- this case, as cases.Whose.Another says without names.
-- +goose StatementBegin
create or replace function pims_sync_twins(of_clinic uuid, of_provider text, consultation text, of_case uuid, appointment jsonb)
returns setof uuid language sql stable as $$
    select h.case_id
    from (
        select case_id from public.pims_sync_consultation_cases
        where clinic_id = of_clinic and provider = of_provider and consultation_id = consultation and case_id <> of_case offset 0
    ) as h
    cross join lateral (
        select metadata -> 'appointment' as other from public.cases
        where id = h.case_id and clinic_id = of_clinic and pims_id is not null offset 0
    ) as c
    where case when other ->> 'patientId' <> '' and appointment ->> 'patientId' <> ''
        then other ->> 'patientId' <> appointment ->> 'patientId'
        else coalesce(nullif(other ->> 'clientId', '') <> nullif(appointment ->> 'clientId', ''), false) end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function cases_consultations_added() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
begin
    insert into public.pims_sync_consultation_cases (clinic_id, provider, consultation_id, case_id)
    select distinct n.clinic_id, n.provider, v.id, n.id
    from new_rows n
    cross join lateral (values (n.metadata #>> '{appointment,consultationId}'), (n.metadata #>> '{consultation,id}')) as v (id)
    where n.pims_id is not null and v.id <> '' and octet_length(v.id) <= 1024
    order by 1, 2, 3, 4
    on conflict do nothing;

    insert into public.case_enrichments as e (case_id, clinic_id, tries, outcome, changed_at)
    select distinct on (m.case_id) m.case_id, m.clinic_id, 0, 'changed', m.at
    from (
        select unnest(array[n.id, twin]) as case_id, n.clinic_id, n.updated_at as at
        from new_rows n
        cross join lateral (values (n.metadata #>> '{appointment,consultationId}'), (n.metadata #>> '{consultation,id}')) as v (id)
        cross join lateral public.pims_sync_twins(n.clinic_id, n.provider, v.id, n.id, n.metadata -> 'appointment') as twin
        where n.pims_id is not null and v.id <> ''
    ) as m
    order by m.case_id
    on conflict (case_id) do update set tries = 0, next_try_at = null, outcome = 'changed', changed_at = excluded.changed_at;
    return null;
end
$$;
-- +goose StatementEnd

-- A case is concerned where it gets or loses a consultation, or becomes another patient's. The
-- others are due in both directions: what was hidden may be shown again.
-- +goose StatementBegin
create or replace function cases_consultations_changed() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    ids uuid[]; -- of the cases that are concerned; mostly none
begin
    select array_agg(n.id) into ids
    from old_rows o join new_rows n using (id)
    where row(least(o.metadata #>> '{appointment,consultationId}', o.metadata #>> '{consultation,id}'),
            greatest(o.metadata #>> '{appointment,consultationId}', o.metadata #>> '{consultation,id}'),
            o.metadata #>> '{appointment,patientId}', o.metadata #>> '{appointment,clientId}', o.pims_id)
        is distinct from
        row(least(n.metadata #>> '{appointment,consultationId}', n.metadata #>> '{consultation,id}'),
            greatest(n.metadata #>> '{appointment,consultationId}', n.metadata #>> '{consultation,id}'),
            n.metadata #>> '{appointment,patientId}', n.metadata #>> '{appointment,clientId}', n.pims_id);
    if ids is null then
        return null;
    end if;

    insert into public.case_enrichments as e (case_id, clinic_id, tries, outcome, changed_at)
    select distinct on (m.case_id) m.case_id, m.clinic_id, 0, 'changed', m.at
    from (
        select twin as case_id, n.clinic_id, n.updated_at as at
        from old_rows o join new_rows n using (id)
        cross join lateral (values (o.metadata #>> '{appointment,consultationId}'), (o.metadata #>> '{consultation,id}')) as v (id)
        cross join lateral public.pims_sync_twins(n.clinic_id, n.provider, v.id, n.id, o.metadata -> 'appointment') as twin
        where n.id = any(ids) and v.id <> ''
    ) as m
    order by m.case_id
    on conflict (case_id) do update set tries = 0, next_try_at = null, outcome = 'changed', changed_at = excluded.changed_at;

    delete from public.pims_sync_consultation_cases s using new_rows n
    where n.id = any(ids) and s.case_id = n.id
        and coalesce(s.consultation_id in (n.metadata #>> '{appointment,consultationId}', n.metadata #>> '{consultation,id}'), false) is false;

    insert into public.pims_sync_consultation_cases (clinic_id, provider, consultation_id, case_id)
    select distinct n.clinic_id, n.provider, v.id, n.id
    from new_rows n
    cross join lateral (values (n.metadata #>> '{appointment,consultationId}'), (n.metadata #>> '{consultation,id}')) as v (id)
    where n.id = any(ids) and n.pims_id is not null and v.id <> '' and octet_length(v.id) <= 1024
    order by 1, 2, 3, 4
    on conflict do nothing;

    insert into public.case_enrichments as e (case_id, clinic_id, tries, outcome, changed_at)
    select distinct on (m.case_id) m.case_id, m.clinic_id, 0, 'changed', m.at
    from (
        select unnest(array[n.id, twin]) as case_id, n.clinic_id, n.updated_at as at
        from new_rows n
        cross join lateral (values (n.metadata #>> '{appointment,consultationId}'), (n.metadata #>> '{consultation,id}')) as v (id)
        cross join lateral public.pims_sync_twins(n.clinic_id, n.provider, v.id, n.id, n.metadata -> 'appointment') as twin
        where n.id = any(ids) and n.pims_id is not null and v.id <> ''
    ) as m
    order by m.case_id
    on conflict (case_id) do update set tries = 0, next_try_at = null, outcome = 'changed', changed_at = excluded.changed_at;
    return null;
end
$$;
-- +goose StatementEnd

create or replace trigger cases_consultations_added after insert on cases
    referencing new table as new_rows
    for each statement execute function cases_consultations_added();
create or replace trigger cases_consultations_changed after update on cases
    referencing old table as old_rows new table as new_rows
    for each statement execute function cases_consultations_changed();

insert into pims_sync_consultation_cases (clinic_id, provider, consultation_id, case_id)
select distinct c.clinic_id, c.provider, v.id, c.id
from cases c
cross join lateral (values (c.metadata #>> '{appointment,consultationId}'), (c.metadata #>> '{consultation,id}')) as v (id)
where c.pims_id is not null and v.id <> '' and octet_length(v.id) <= 1024
on conflict do nothing;

-- What is shown already, and names neither its visit nor its patient, is looked at again.
insert into case_enrichments as e (case_id, clinic_id, tries, outcome, changed_at)
select distinct c.id, c.clinic_id, 0, 'changed', now()
from (
    select clinic_id, provider, consultation_id from pims_sync_consultation_cases
    group by clinic_id, provider, consultation_id having count(*) > 1
) as several
join pims_sync_consultation_cases h using (clinic_id, provider, consultation_id)
join cases c on c.id = h.case_id
where c.metadata #>> '{consultation,id}' = consultation_id
    and coalesce(c.metadata #>> '{consultation,appointmentId}', '') = '' and coalesce(c.metadata #>> '{consultation,patientId}', '') = ''
    and exists (select from pims_sync_twins(c.clinic_id, c.provider, consultation_id, c.id, c.metadata -> 'appointment'))
on conflict (case_id) do update set tries = 0, next_try_at = null, outcome = 'changed', changed_at = excluded.changed_at;

-- +goose Down
drop trigger cases_consultations_changed on cases;
drop trigger cases_consultations_added on cases;
drop function cases_consultations_changed();
drop function cases_consultations_added();
drop function pims_sync_twins(uuid, text, text, uuid, jsonb);
drop table pims_sync_consultation_cases;

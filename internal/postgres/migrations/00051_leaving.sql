-- A clinic that leaves, or one of its clients who asks for it, is erased with its history
-- (R14, R45). These functions run as the owner of the tables and are granted to nobody: the
-- service can erase nothing.

-- +goose Up
-- +goose StatementBegin
create or replace function case_events_append_only() returns trigger language plpgsql as $$
begin
    if current_setting('app.maintenance', true) = 'on'
        and (tg_op = 'DELETE' or tg_op = 'UPDATE' and current_setting('app.erasing', true) = 'on') then
        return null;
    end if;
    raise exception 'case_events is append-only; old events are removed by the retention job only';
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function operator_events_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and current_setting('app.maintenance', true) = 'on' and current_setting('app.erasing', true) = 'on' then
        return null;
    end if;
    raise exception 'operator_events is append-only';
end
$$;
-- +goose StatementEnd

-- Events that an erasure removes leave the feed by what it does itself: no cursor of another
-- reader expires.
-- +goose StatementBegin
create or replace function pims_sync_feed_of_forgotten() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    newest timestamptz;
begin
    if current_setting('app.erasing', true) = 'on' then
        return null;
    end if;
    select max(at) into newest from old_rows;
    if newest is null then
        return null;
    end if;
    perform from public.pims_sync_feed_state for update;
    delete from public.pims_sync_feed_pending where type = 'case.changed' and at <= newest;
    if found then
        delete from public.pims_sync_feed;
        update public.pims_sync_feed_state set position = position + 1, mark = gen_random_uuid();
        update public.pims_sync_feed_state set forgotten = position, forgotten_mark = mark;
    else
        perform public.pims_sync_feed_forget(newest + interval '1 microsecond');
    end if;
    return null;
end
$$;
-- +goose StatementEnd

-- The retention must tell the feed, whatever its caller has set.
-- +goose StatementBegin
create or replace function pims_sync_forget_events(older_than timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    n bigint;
begin
    perform set_config('app.maintenance', 'on', true), set_config('app.erasing', '', true);
    delete from public.case_events e
    where e.at < least(older_than, now() - (select i.event_retention from public.pims_sync_installation i));
    get diagnostics n = row_count;
    perform set_config('app.maintenance', '', true);
    return n;
end
$$;
-- +goose StatementEnd

-- One step of the erasure of a disabled clinic: at most so many cases, or so many rows of
-- one other table. It is called until it is done. Then it is called once to finish, which
-- removes the clinic and those who are limited to it. removed counts rows by table. Positions of the feed stay, without their content, because cursors
-- of other clinics may stand there.
-- +goose StatementBegin
create function pims_sync_erase_clinic(of_clinic uuid, after_event bigint, at_most integer, finish boolean,
    out removed jsonb, out seen_event bigint, out done boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    ids uuid[];
    n bigint;
    phases bigint;
begin
    removed := '{}';
    seen_event := after_event;
    done := false;
    perform from public.clinics where id = of_clinic and not is_active for update;
    if not found then
        raise exception 'only a disabled clinic can be erased' using errcode = 'PS002';
    end if;
    perform set_config('app.maintenance', 'on', true), set_config('app.erasing', 'on', true);

    -- A sync that still runs loses its lease here, and writes nothing more (R30).
    update public.case_sync_audits set status = 'cancelled', completed_at = now()
    where clinic_id = of_clinic and status in ('queued', 'in_progress');
    delete from public.clinic_api_keys where clinic_id = of_clinic;
    delete from public.pims_credentials where clinic_id = of_clinic; -- with the session

    loop
        select array_agg(c.id) into ids from (select id from public.cases where clinic_id = of_clinic limit at_most) c;
        if ids is not null then
            delete from public.cases where id = any(ids);
            delete from public.case_enrichments where case_id = any(ids);
            delete from public.case_events where case_id = any(ids);
            get diagnostics n = row_count;
            delete from public.pims_sync_feed_pending where clinic_id = of_clinic and type = 'case.changed';
            removed := jsonb_build_object('cases', cardinality(ids), 'case_events', n - cardinality(ids)); -- without those that say it
            exit;
        end if;

        -- Events of cases that were removed before. No index finds them, so they are looked
        -- for in the whole history, a part in each step.
        select max(e.id) into n from (select id from public.case_events where id > seen_event order by id limit at_most * 20) e;
        if n is not null then
            ids := '{}';
            with gone as (
                delete from public.case_events where id > seen_event and id <= n and clinic_id = of_clinic returning id
            )
            select jsonb_build_object('case_events', count(*)) into removed from gone;
            seen_event := n;
            exit;
        end if;

        delete from public.deletion_plans where id in (select id from public.deletion_plans where clinic_id = of_clinic limit at_most);
        get diagnostics n = row_count;
        removed := jsonb_build_object('deletion_plans', n);
        exit when n > 0;
        delete from public.idempotency_keys where clinic_id = of_clinic;
        get diagnostics n = row_count;
        removed := jsonb_build_object('idempotency_keys', n);
        exit when n > 0;
        delete from public.case_sync_audits where parent_id in (
            select id from public.case_sync_audits where clinic_id = of_clinic and parent_id is null limit at_most);
        get diagnostics phases = row_count;
        delete from public.case_sync_audits where id in (
            select id from public.case_sync_audits where clinic_id = of_clinic limit at_most);
        get diagnostics n = row_count;
        removed := jsonb_build_object('case_sync_audits', n + phases);
        exit when n > 0;
        delete from public.schedule_ticks where ctid in (
            select ctid from public.schedule_ticks where clinic_id = of_clinic limit at_most * 10);
        get diagnostics n = row_count;
        removed := jsonb_build_object('schedule_ticks', n);
        exit when n > 0;
        delete from public.webhook_deliveries where id in (
            select id from public.webhook_deliveries where clinic_id = of_clinic limit at_most);
        get diagnostics n = row_count;
        removed := jsonb_build_object('webhook_deliveries', n);
        exit when n > 0;
        update public.pims_sync_feed set clinic_id = null, type = 'erased', events = null, data = null where position in (
            select position from public.pims_sync_feed where clinic_id = of_clinic limit at_most);
        get diagnostics n = row_count;
        removed := jsonb_build_object('pims_sync_feed', n);
        exit when n > 0;
        update public.operator_events set before = null, after = null,
            who_name = case who_kind when 'clinic_key' then '' else who_name end,
            origin = case who_kind when 'clinic_key' then '' else origin end
        where id in (
            select id from public.operator_events
            where clinic_id = of_clinic and (before is not null or after is not null or who_kind = 'clinic_key' and (who_name <> '' or origin <> ''))
            limit at_most);
        get diagnostics n = row_count;
        removed := jsonb_build_object('operator_events', n); -- their values
        exit when n > 0;

        removed := '{}';
        done := true;
        exit when not finish;

        -- Who is limited to this clinic belongs to it.
        select coalesce(array_agg(id), '{}') into ids from public.people where clinics <@ array[of_clinic] and cardinality(clinics) > 0;
        update public.operator_events set before = null, after = null where record_kind = 'person' and record_id = any(ids::text[]);
        update public.operator_events set who_name = '' where who_kind = 'person' and who_id = any(ids);
        delete from public.people where id = any(ids);
        update public.people set clinics = array_remove(clinics, of_clinic), updated_at = now() where of_clinic = any(clinics);
        update public.fleet_keys set is_active = is_active and not clinics <@ array[of_clinic], clinics = array_remove(clinics, of_clinic)
        where of_clinic = any(clinics);
        delete from public.pims_sync_feed_pending where clinic_id = of_clinic;
        delete from public.clinics where id = of_clinic; -- with what is left of it
        removed := jsonb_build_object('people', cardinality(ids), 'clinics', 1);
        exit;
    end loop;
    perform set_config('app.maintenance', '', true), set_config('app.erasing', '', true);
end
$$;
-- +goose StatementEnd

-- Erases one client of a clinic: the cases that are the client's now, or that are named, with
-- their history, and what the history of other cases says of the client. The feed tells that
-- the cases are removed. With trial, nothing is written.
-- +goose StatementBegin
create function pims_sync_erase_client(of_clinic uuid, client text, named uuid[], trial boolean) returns jsonb
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

-- +goose Down
drop function pims_sync_erase_client(uuid, text, uuid[], boolean);
drop function pims_sync_erase_clinic(uuid, bigint, integer, boolean);

-- Old syncs and plans are removed in small steps (R14, R23). What the history or a plan still
-- names is kept in short form: times, counts and code, without lists.

-- +goose Up
alter table pims_sync_installation
    add column audit_retention interval not null default '30 days' check (audit_retention >= interval '30 days');
alter table case_sync_audits add column shortened boolean not null default false;

-- A plan outlives the sync that it names (R23).
alter table deletion_plans drop constraint deletion_plans_sync_id_fkey;

-- One step: at most so many old plans and syncs. Syncs that the history may name are those
-- that completed after events_before (null: the history is kept for ever). The latest sync of
-- each kind stays too, for the state of its clinic. after_at and after_id are where the step
-- before ended among the short ones. more says that there may be others.
-- +goose StatementBegin
create function pims_sync_forget_syncs(older_than timestamptz, events_before timestamptz, after_at timestamptz, after_id uuid, at_most integer,
    out plans integer, out audits integer, out shorter integer, out seen_at timestamptz, out seen_id uuid, out more boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    cutoff timestamptz := least(older_than, now() - (select i.audit_retention from public.pims_sync_installation i));
    long uuid[];
    short uuid[];
    kept uuid[];
begin
    with gone as (
        delete from public.deletion_plans where id in (
            select id from public.deletion_plans where created_at < cutoff and expires_at < cutoff order by created_at limit at_most)
        returning 1
    )
    select count(*) into plans from gone;

    select coalesce(array_agg(id), '{}') into long from (
        select id from public.case_sync_audits
        where parent_id is null and not shortened and completed_at < cutoff
        order by completed_at limit at_most for update skip locked) o;
    select coalesce(array_agg(id), '{}'), max(completed_at) into short, seen_at from (
        select id, completed_at from public.case_sync_audits
        where parent_id is null and shortened and events_before is not null and completed_at < least(cutoff, events_before) and (completed_at, id) > (after_at, after_id)
        order by completed_at, id limit at_most for update skip locked) o;
    select id into seen_id from public.case_sync_audits where id = any(short) order by completed_at desc, id desc limit 1;

    select coalesce(array_agg(distinct coalesce(a.parent_id, a.id)), '{}') into kept
    from public.case_sync_audits a
    where (a.id = any(long || short) or a.parent_id = any(long || short)) and (
        exists (select from public.deletion_plans p where p.sync_id = a.id)
        or (a.request ->> 'dryRun') is distinct from 'true' and (
            not exists (
                select from public.case_sync_audits n
                where n.clinic_id = a.clinic_id and n.sync_type = a.sync_type and n.status = a.status and n.completed_at > a.completed_at
                    and (n.request ->> 'dryRun') is distinct from 'true' and n.covers_default = a.covers_default)
            or (events_before is null or a.completed_at >= events_before) and exists (
                select from public.case_events e
                where e.actor = 'sync:' || a.id
                    and e.at between least(a.started_at, a.created_at, a.completed_at) - interval '1 hour' and a.completed_at + interval '1 hour')));

    update public.case_sync_audits set shortened = true, result = '{}', request = request - 'settings'
    where not shortened and (id = any(kept) or parent_id = any(kept));
    get diagnostics shorter = row_count;
    delete from public.case_sync_audits where id = any(long || short) and not id = any(kept); -- with its phases
    get diagnostics audits = row_count;
    more := greatest(plans, cardinality(long), cardinality(short)) >= at_most;
    seen_at := coalesce(seen_at, after_at);
    seen_id := coalesce(seen_id, after_id);
end
$$;
-- +goose StatementEnd

-- One step of the removal of old history: it looks at so many events after one, and removes
-- those that are old. last_id is where the next step begins; null: no event there is old.
-- +goose StatementBegin
create function pims_sync_forget_events_step(older_than timestamptz, after_id bigint, at_most integer, out forgotten bigint, out last_id bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    cutoff timestamptz := least(older_than, now() - (select i.event_retention from public.pims_sync_installation i));
begin
    forgotten := 0;
    select max(id) into last_id from (select id, at from public.case_events where id > after_id order by id limit at_most) w having bool_or(at < cutoff);
    if last_id is null then
        return;
    end if;
    perform set_config('app.maintenance', 'on', true), set_config('app.erasing', '', true);
    delete from public.case_events where id > after_id and id <= last_id and at < cutoff;
    get diagnostics forgotten = row_count;
    perform set_config('app.maintenance', '', true);
end
$$;
-- +goose StatementEnd

-- The last position is found by the index on at, also where there is none.
-- +goose StatementBegin
create or replace function pims_sync_feed_forget(before timestamptz) returns bigint language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    last public.pims_sync_feed;
    removed bigint;
begin
    perform from public.pims_sync_feed_state for update;
    select * into last from public.pims_sync_feed
    where position = (select max(o.position) from (select position from public.pims_sync_feed where at < before offset 0) o);
    if not found then
        return 0;
    end if;
    delete from public.pims_sync_feed where position <= last.position;
    get diagnostics removed = row_count;
    update public.pims_sync_feed_state set forgotten = last.position, forgotten_mark = last.mark;
    return removed;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function pims_sync_forget_events_step(timestamptz, bigint, integer);
drop function pims_sync_forget_syncs(timestamptz, timestamptz, timestamptz, uuid, integer);
alter table case_sync_audits drop column shortened;
alter table pims_sync_installation drop column audit_retention;

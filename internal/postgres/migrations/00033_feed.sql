-- The feed: what happened, in one order that never changes (R46). A transaction that
-- changes cases, or that emits an event, adds rows to pims_sync_feed_pending. After it has
-- committed, a sequencer gives its rows a position in pims_sync_feed. So a position says
-- when a transaction ended, not when it began, and nothing is added before a position that
-- somebody may have read.

-- +goose Up
create table pims_sync_feed_pending (
    id        bigint      generated always as identity primary key,
    clinic_id uuid,                                         -- null: of the installation
    xid       xid8        not null default pg_current_xact_id(),
    type      text        not null,
    events    int8multirange,                               -- ids of case_events, for case.changed
    size      integer     not null default 1,               -- how many events
    data      jsonb,                                        -- of every other type; ids, codes and counts only (R47)
    at        timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table pims_sync_feed (
    position     bigint      primary key,
    clinic_id    uuid,
    type         text        not null,
    events       int8multirange,
    size         integer     not null,
    data         jsonb,
    at           timestamptz not null,                      -- when the transaction began
    sequenced_at timestamptz not null,                      -- the database's clock
    mark         uuid        not null                       -- another one in every database that was restored and went on
);
create index pims_sync_feed_clinic on pims_sync_feed (clinic_id, position);

-- The last position that was given, and the last one that is forgotten, each with its mark.
create table pims_sync_feed_state (
    only_row         boolean primary key default true check (only_row),
    position         bigint  not null default 0,
    mark             uuid    not null default '00000000-0000-0000-0000-000000000000',
    forgotten        bigint  not null default 0,
    forgotten_mark   uuid    not null default '00000000-0000-0000-0000-000000000000'
);
insert into pims_sync_feed_state default values;

-- One pending row for each clinic and statement that made events, with their ids. The ids
-- of one statement are a few ranges, whatever other transactions do at the same time.
-- +goose StatementBegin
create function pims_sync_feed_of_events() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into public.pims_sync_feed_pending (clinic_id, type, events, size)
    select clinic_id, 'case.changed', range_agg(int8range(id, id, '[]')), count(*) from new_rows group by clinic_id;
    return null;
end
$$;
-- +goose StatementEnd
create trigger pims_sync_feed_of_events after insert on case_events
    referencing new table as new_rows
    for each statement execute function pims_sync_feed_of_events();

-- Positions up to the last one that began before a moment are forgotten.
-- +goose StatementBegin
create function pims_sync_feed_forget(before timestamptz) returns bigint language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    last public.pims_sync_feed;
    removed bigint;
begin
    perform from public.pims_sync_feed_state for update;
    select * into last from public.pims_sync_feed where at < before order by position desc limit 1;
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

-- Events that the retention removes leave the feed in the same transaction: a reader gets
-- all of a position, or hears that its cursor has expired. Events that never got a position
-- take one that is forgotten at once, so that every cursor expires.
-- +goose StatementBegin
create function pims_sync_feed_of_forgotten() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    newest timestamptz;
begin
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
create trigger pims_sync_feed_of_forgotten after delete on case_events
    referencing old table as old_rows
    for each statement execute function pims_sync_feed_of_forgotten();

-- +goose Down
drop trigger pims_sync_feed_of_forgotten on case_events;
drop trigger pims_sync_feed_of_events on case_events;
drop function pims_sync_feed_of_forgotten();
drop function pims_sync_feed_forget(timestamptz);
drop function pims_sync_feed_of_events();
drop table pims_sync_feed_state, pims_sync_feed, pims_sync_feed_pending;

-- What separates the clinics in this database (R45), and what only the owner may set:
-- how long the history of cases is kept at least (R14).

-- +goose Up
create table pims_sync_installation (
    one             boolean  primary key default true check (one),
    mode            text     not null default '' check (mode in ('', 'roles', 'single')),
    rights          text     not null default '',           -- digest of what was declared
    state           text     not null default '',           -- digest of what was found afterwards
    event_retention interval not null default '30 days' check (event_retention >= interval '30 days')
);
insert into pims_sync_installation default values;

-- The only way to remove history. It runs as the owner and never removes what is younger
-- than the owner's limit.
-- +goose StatementBegin
create function pims_sync_forget_events(older_than timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    n bigint;
begin
    perform set_config('app.maintenance', 'on', true);
    delete from public.case_events e
    where e.at < least(older_than, now() - (select i.event_retention from public.pims_sync_installation i));
    get diagnostics n = row_count;
    perform set_config('app.maintenance', '', true);
    return n;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function pims_sync_forget_events(timestamptz);
drop table pims_sync_installation;

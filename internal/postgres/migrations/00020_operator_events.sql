-- What people, keys and the command line did (R44). No foreign key: a record outlives
-- its clinic.

-- +goose Up
create table operator_events (
    id          bigint      generated always as identity primary key,
    at          timestamptz not null default now(),
    who_kind    text        not null check (who_kind in ('person', 'fleet_key', 'clinic_key', 'os_user')),
    who_id      uuid,                                       -- null: a user of the operating system
    who_name    text        not null,
    origin      text        not null,
    action      text        not null,
    clinic_id   uuid,                                       -- null: the installation
    record_kind text        not null default '',
    record_id   text        not null default '',
    before      jsonb,
    after       jsonb,
    outcome     text        not null check (outcome in ('done', 'failed')),
    code        text        not null default ''
);
create index operator_events_clinic on operator_events (clinic_id, id desc);
create index operator_events_at on operator_events (at);

-- +goose StatementBegin
create function operator_events_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'operator_events is append-only';
end
$$;
-- +goose StatementEnd
create trigger operator_events_append_only before update or delete or truncate on operator_events
    for each statement execute function operator_events_append_only();

-- +goose Down
drop table operator_events;
drop function operator_events_append_only();

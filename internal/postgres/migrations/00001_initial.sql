-- +goose Up

-- The tables of the specification and of INTERFACE.md. What an INSERT by hand
-- does not name has a default or may be null.

create table clinics (
    id              uuid        primary key default gen_random_uuid(),
    name            text        not null default '',
    timezone        text,                                   -- IANA; R1
    is_active       boolean     not null default true,
    deletion_limits jsonb       not null default '{}'
        check (jsonb_typeof(deletion_limits) = 'object'),    -- R23
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);

create table clinic_api_keys (
    id           uuid        primary key default gen_random_uuid(),
    clinic_id    uuid        not null references clinics (id) on delete cascade,
    name         text        not null default '',
    key_prefix   text        not null,                      -- first eight characters; R39
    key_hash     text        not null,                      -- SHA-256 in hex; R39
    permissions  text[],                                    -- null: the four sync scopes; R39
    is_active    boolean     not null default true,
    expires_at   timestamptz,                               -- null: never
    last_used_at timestamptz,
    created_at   timestamptz not null default now()
);
create index clinic_api_keys_prefix on clinic_api_keys (key_prefix);
create index clinic_api_keys_clinic on clinic_api_keys (clinic_id);

-- One row for each encryption key that was ever first in ENCRYPTION_KEY: a text
-- sealed with it, so that a wrong key is refused at start (R37).
create table encryption_keys (
    key_id     text        primary key,
    sealed     bytea       not null,
    created_at timestamptz not null default now()
);

create table pims_credentials (
    id               uuid        primary key default gen_random_uuid(),
    clinic_id        uuid        not null unique references clinics (id) on delete cascade,
    provider         text        not null default 'idexx_neo',
    sealed           bytea       not null,                  -- AES-256-GCM; R37
    suspended_at     timestamptz,                           -- the PIMS said "wrong password"; R32
    suspended_reason text,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);

create table pims_sessions (
    clinic_id     uuid        primary key references clinics (id) on delete cascade,
    credential_id uuid        not null references pims_credentials (id) on delete cascade,
    sealed        bytea       not null,                     -- R36, R37
    logged_in_at  timestamptz not null,                     -- 8 h absolute
    used_at       timestamptz not null                      -- 20 min idle
);

create table clinic_schedule_configs (
    id             uuid        primary key default gen_random_uuid(),
    clinic_id      uuid        not null unique references clinics (id) on delete cascade,
    sync_schedules jsonb       not null default '[]',
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now()
);

-- The entries of all schedules as they run, made of clinic_schedule_configs by
-- whoever schedules (R33). An entry that was changed is another entry.
create table schedule_entries (
    clinic_id    uuid        not null references clinics (id) on delete cascade,
    entry_key    text        not null,                      -- of everything that the entry says
    sync_type    text        not null,
    cron         text        not null,
    timezone     text        not null,
    request      jsonb       not null default '{}',
    next_tick_at timestamptz not null,                      -- the coming tick; R34
    next_run_at  timestamptz not null,                      -- and its jitter
    primary key (clinic_id, entry_key)
);
create index schedule_entries_due on schedule_entries (next_run_at);

-- What became of every tick (R34).
create table schedule_ticks (
    clinic_id   uuid        not null references clinics (id) on delete cascade,
    entry_key   text        not null,
    sync_type   text        not null,
    due_at      timestamptz not null,
    outcome     text        not null check (outcome in ('enqueued', 'coalesced', 'missed')),
    sync_id     uuid,                                       -- of an enqueued one
    recorded_at timestamptz not null,
    primary key (clinic_id, entry_key, due_at)
);
create index schedule_ticks_due on schedule_ticks (due_at);

create table cases (
    id             uuid        primary key default gen_random_uuid(),
    clinic_id      uuid        not null,                    -- of clinics, see cases_clinic
    provider       text        not null default 'idexx_neo',
    pims_id        text,                                    -- R13; null: not from a PIMS, never touched (R11)
    patient_name   text,
    client_name    text,
    phone_number   text,
    scheduled_date timestamptz,
    status         text        not null default 'draft',
    sync_status    text,                                    -- R10
    case_type      text        not null default 'other',
    metadata       jsonb       not null default '{}' check (jsonb_typeof(metadata) = 'object'),
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now()
);
create unique index cases_pims_id on cases (clinic_id, provider, pims_id); -- R13
create index cases_scheduled on cases (clinic_id, scheduled_date, id);
create index cases_updated on cases (clinic_id, updated_at, id);

create table case_sync_audits (
    id                 uuid        primary key default gen_random_uuid(),
    clinic_id          uuid        not null references clinics (id) on delete cascade,
    parent_id          uuid        references case_sync_audits (id) on delete cascade,
    sync_type          text        not null
        check (sync_type in ('inbound', 'cases', 'reconciliation', 'full')),
    status             text        not null default 'queued'
        check (status in ('queued', 'in_progress', 'completed', 'failed', 'cancelled')),
    trigger            text        not null default 'api' check (trigger in ('api', 'cli', 'schedule')),
    request            jsonb       not null default '{}',
    attempt            integer     not null default 0,
    result             jsonb       not null default '{}',
    error_code         text,
    error_message      text,
    plan_id            uuid,
    appointments_found integer     not null default 0,
    cases_found        integer     not null default 0,
    cases_created      integer     not null default 0,
    cases_updated      integer     not null default 0,
    cases_unchanged    integer     not null default 0,
    cases_skipped      integer     not null default 0,
    cases_enriched     integer     not null default 0,
    cases_failed       integer     not null default 0,
    cases_checked      integer     not null default 0,
    cases_deleted      integer     not null default 0,
    cases_restored     integer     not null default 0,
    created_at         timestamptz not null default now(),
    due_at             timestamptz,                         -- of the tick that started it (R34)
    started_at         timestamptz,
    completed_at       timestamptz
);
-- R29: one running sync per clinic over all replicas, one queued per clinic and type.
create unique index case_sync_audits_running on case_sync_audits (clinic_id)
    where status = 'in_progress' and parent_id is null;
create unique index case_sync_audits_queued on case_sync_audits (clinic_id, sync_type)
    where status = 'queued' and parent_id is null;
create index case_sync_audits_recent on case_sync_audits (clinic_id, created_at desc, id desc);
create index case_sync_audits_fresh on case_sync_audits (clinic_id, sync_type, completed_at desc)
    where status = 'completed';
create index case_sync_audits_parent on case_sync_audits (parent_id) where parent_id is not null;

-- Who works on an audit (R30), how far it is, and whether it is to stop. Apart
-- from the audit, so that a heartbeat never waits for the fence of a writer.
create table sync_leases (
    audit_id     uuid        primary key references case_sync_audits (id) on delete cascade,
    clinic_id    uuid        not null references clinics (id) on delete cascade,
    attempt      integer     not null,
    worker       text        not null,
    expires_at   timestamptz not null,                      -- by the database's clock (R3)
    progress     jsonb       not null default '{}',
    cancelled_at timestamptz
);
create index sync_leases_expires on sync_leases (expires_at);

-- The replicas that work on syncs, and when each was last heard of, by the
-- database's clock.
create table replicas (
    name    text        primary key,
    seen_at timestamptz not null
);

create table deletion_plans (
    id           uuid        primary key default gen_random_uuid(),
    clinic_id    uuid        not null references clinics (id) on delete cascade,
    sync_id      uuid        not null references case_sync_audits (id) on delete cascade,
    sync_type    text        not null,
    status       text        not null default 'open'
        check (status in ('open', 'approved', 'rejected', 'expired', 'superseded')),
    code         text        not null,
    reason       text        not null,
    window_start date        not null,
    window_end   date        not null,
    cases        jsonb       not null default '[]',
    evidence     jsonb       not null default '{}',
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    decided_at   timestamptz,
    decided_by   text
);
create index deletion_plans_recent on deletion_plans (clinic_id, created_at desc, id desc);
create unique index deletion_plans_open on deletion_plans (clinic_id, code, sync_type) where status = 'open';

-- Idempotency-Key of a request, kept 24 h (R29).
create table idempotency_keys (
    clinic_id    uuid        not null references clinics (id) on delete cascade,
    key          text        not null,
    request_hash text        not null,
    sync_id      uuid        not null references case_sync_audits (id) on delete cascade,
    created_at   timestamptz not null default now(),
    primary key (clinic_id, key)
);

-- Attempts at enrichment are no change of the case (R12, R19).
create table case_enrichments (
    case_id           uuid        primary key references cases (id) on delete cascade,
    clinic_id         uuid        not null references clinics (id),
    tries             integer     not null default 0,       -- in vain, in a row
    next_try_at       timestamptz,                          -- waits until then
    read_at           timestamptz,                          -- last successful read
    entry_fingerprint text,                                 -- of the search entry at that read
    outcome           text
);

-- Cases that a person restored, until their ids have been seen again: no candidates
-- for deletion (R24). Apart from the case, so that a restore changes nothing of it
-- that the delete had not.
create table case_restores (
    case_id     uuid        primary key references cases (id) on delete cascade,
    clinic_id   uuid        not null,
    restored_at timestamptz not null
);
create index case_restores_clinic on case_restores (clinic_id);

-- The history (R14): append-only, filled by triggers, whoever writes.
create table case_events (
    id        bigint      generated always as identity primary key,
    clinic_id uuid        not null,
    case_id   uuid        not null,
    at        timestamptz not null default now(),
    actor     text        not null,                         -- sync:<id>, key:<id>, os:<user>, person
    action    text        not null check (action in ('created', 'changed', 'removed')),
    field     text,                                         -- null for created and removed
    before    jsonb,
    after     jsonb
);
create index case_events_case on case_events (case_id, id);
-- For the retention job, and for what one sync did: its events lie together.
create index case_events_at on case_events using brin (at, actor text_bloom_ops) with (pages_per_range = 32);

-- A rate limit over all replicas is a reservation of the next free moment (R32).
-- It may be lost in a crash, and is not worth a flush to disk for each request.
create unlogged table pims_rate_limits (
    host    text        primary key,
    next_at timestamptz not null
);

-- A case belongs to a clinic. A foreign key would look into clinics once for every
-- row, a quarter of the time of a first load; this looks once for every statement.
-- +goose StatementBegin
create function cases_clinic() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct clinic_id from new_rows) n
        where not exists (select from public.clinics c where c.id = n.clinic_id)
    ) then
        raise foreign_key_violation using
            message = 'a case names a clinic that there is not', table = 'cases', constraint = 'cases_clinic';
    end if;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function clinics_cases() returns trigger language plpgsql as $$
begin
    if exists (select from public.cases where clinic_id = old.id) then
        raise foreign_key_violation using
            message = 'the clinic has cases', table = 'cases', constraint = 'cases_clinic';
    end if;
    return coalesce(new, old);
end
$$;
-- +goose StatementEnd

create trigger cases_clinic_insert after insert on cases
    referencing new table as new_rows
    for each statement execute function cases_clinic();
create trigger cases_clinic_update after update on cases
    referencing new table as new_rows
    for each statement execute function cases_clinic();
create trigger clinics_cases_delete before delete on clinics
    for each row execute function clinics_cases();
create trigger clinics_cases_update before update of id on clinics
    for each row when (old.id is distinct from new.id) execute function clinics_cases();

-- +goose StatementBegin
create function case_events_actor() returns text language sql stable as $$
    select coalesce(nullif(current_setting('app.actor', true), ''), 'person')
$$;
-- +goose StatementEnd

-- A creation is one event without values (R14).
-- +goose StatementBegin
create function case_events_on_insert() returns trigger language plpgsql as $$
begin
    insert into public.case_events (clinic_id, case_id, actor, action)
    select clinic_id, id, public.case_events_actor(), 'created' from new_rows;
    return null;
end
$$;
-- +goose StatementEnd

-- A change is one event for each sync-owned column that differs; of metadata one
-- for each owned key (R11, R14).
-- +goose StatementBegin
create function case_events_on_update() returns trigger language plpgsql as $$
begin
    insert into public.case_events (clinic_id, case_id, actor, action, field, before, after)
    select n.clinic_id, n.id, public.case_events_actor(), 'changed', f.field, f.before, f.after
    from new_rows n
    join old_rows o using (id)
    cross join lateral (
        select 'pims_id', to_jsonb(o.pims_id), to_jsonb(n.pims_id)
            where o.pims_id is distinct from n.pims_id
        union all select 'patient_name', to_jsonb(o.patient_name), to_jsonb(n.patient_name)
            where o.patient_name is distinct from n.patient_name
        union all select 'client_name', to_jsonb(o.client_name), to_jsonb(n.client_name)
            where o.client_name is distinct from n.client_name
        union all select 'phone_number', to_jsonb(o.phone_number), to_jsonb(n.phone_number)
            where o.phone_number is distinct from n.phone_number
        union all select 'scheduled_date', to_jsonb(o.scheduled_date), to_jsonb(n.scheduled_date)
            where o.scheduled_date is distinct from n.scheduled_date
        union all select 'status', to_jsonb(o.status), to_jsonb(n.status)
            where o.status is distinct from n.status
        union all select 'sync_status', to_jsonb(o.sync_status), to_jsonb(n.sync_status)
            where o.sync_status is distinct from n.sync_status
        union all select 'case_type', to_jsonb(o.case_type), to_jsonb(n.case_type)
            where o.case_type is distinct from n.case_type
        union all select 'metadata.' || k.key, o.metadata -> k.key, n.metadata -> k.key
            from (values ('appointment'), ('consultation'), ('reconciliation'), ('sync')) as k (key)
            where o.metadata is distinct from n.metadata and (o.metadata -> k.key) is distinct from (n.metadata -> k.key)
    ) as f (field, before, after);
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function case_events_on_delete() returns trigger language plpgsql as $$
begin
    insert into public.case_events (clinic_id, case_id, actor, action)
    select clinic_id, id, public.case_events_actor(), 'removed' from old_rows;
    return null;
end
$$;
-- +goose StatementEnd

create trigger case_events_insert after insert on cases
    referencing new table as new_rows
    for each statement execute function case_events_on_insert();
create trigger case_events_update after update on cases
    referencing old table as old_rows new table as new_rows
    for each statement execute function case_events_on_update();
create trigger case_events_delete after delete on cases
    referencing old table as old_rows
    for each statement execute function case_events_on_delete();

-- Only the maintenance path may delete events; nothing may change one.
-- +goose StatementBegin
create function case_events_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('app.maintenance', true) = 'on' then
        return null;
    end if;
    raise exception 'case_events is append-only; old events are removed by the retention job only';
end
$$;
-- +goose StatementEnd
create trigger case_events_append_only before update or delete or truncate on case_events
    for each statement execute function case_events_append_only();

-- Who waits for a sync, or is to stop one, hears of it at once. A phase of a full
-- sync is told under the id of its master.
-- +goose StatementBegin
create function case_sync_audits_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_audit', coalesce(new.parent_id, new.id)::text);
    return null;
end
$$;
-- +goose StatementEnd
create trigger case_sync_audits_notify_insert after insert on case_sync_audits
    for each row when (new.parent_id is not null)
    execute function case_sync_audits_notify();
create trigger case_sync_audits_notify_update after update of status on case_sync_audits
    for each row when (old.status is distinct from new.status)
    execute function case_sync_audits_notify();

-- +goose StatementBegin
create function sync_leases_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_cancel', new.audit_id::text);
    return null;
end
$$;
-- +goose StatementEnd
create trigger sync_leases_notify after update of cancelled_at on sync_leases
    for each row when (old.cancelled_at is null and new.cancelled_at is not null)
    execute function sync_leases_notify();

-- +goose StatementBegin
create function clinic_schedule_configs_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_schedules', '');
    return null;
end
$$;
-- +goose StatementEnd

-- When a schedule, or the clinic that it is for, was changed, also by plain SQL:
-- ticks before that are none (R34).
-- +goose StatementBegin
create function touch_updated_at() returns trigger language plpgsql as $$
begin
    if new.updated_at = old.updated_at then
        new.updated_at := now();
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger clinic_schedule_configs_touch before update of sync_schedules on clinic_schedule_configs
    for each row execute function touch_updated_at();
create trigger clinics_touch before update of timezone, is_active on clinics
    for each row execute function touch_updated_at();
create trigger clinics_notify after update of timezone, is_active on clinics
    for each statement execute function clinic_schedule_configs_notify();
create trigger clinic_schedule_configs_notify after insert or update or delete on clinic_schedule_configs
    for each statement execute function clinic_schedule_configs_notify();

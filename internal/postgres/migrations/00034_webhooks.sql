-- Webhooks (R47): endpoints of a clinic or of the installation, their secrets, and what is
-- or was sent to them. An endpoint is a reader of the feed: position says up to where
-- deliveries were made of it. And events of syncs and plans, for the feed.

-- +goose Up
create table webhook_endpoints (
    id              uuid        primary key default gen_random_uuid(),
    clinic_id       uuid        references clinics (id) on delete cascade, -- null: of the installation, all clinics
    url             text        not null,
    description     text        not null default '',
    types           text[]      not null,
    ordered         boolean     not null default false,
    enabled         boolean     not null default true,
    disabled_reason text,
    disabled_at     timestamptz,
    position        bigint      not null default 0,
    failures        integer     not null default 0,         -- tries in vain, in a row
    failing_since   timestamptz,
    not_before      timestamptz not null default '-infinity', -- pauses after failures
    leased_by       text,                                   -- the replica that sends; R30's clock
    leased_until    timestamptz,
    created_at      timestamptz not null default now()
);
create index webhook_endpoints_clinic on webhook_endpoints (clinic_id);

create table webhook_secrets (
    id          uuid        primary key,
    endpoint_id uuid        not null references webhook_endpoints (id) on delete cascade,
    sealed      bytea       not null,                       -- R37
    expires_at  timestamptz,                                -- of one that was replaced; null: present
    created_at  timestamptz not null default now()
);
create index webhook_secrets_endpoint on webhook_secrets (endpoint_id);

create table webhook_deliveries (
    id          uuid        primary key default gen_random_uuid(), -- webhook-id, the same for each try
    seq         bigint      generated always as identity,
    endpoint_id uuid        not null references webhook_endpoints (id) on delete cascade,
    clinic_id   uuid,
    type        text        not null,
    body        text        not null,                       -- as it is signed and sent
    state       text        not null default 'pending' check (state in ('pending', 'delivered', 'failed', 'skipped')),
    tries       integer     not null default 0,
    next_try_at timestamptz not null,
    event_at    timestamptz not null,                       -- when what it tells happened
    created_at  timestamptz not null,
    ended_at    timestamptz,
    last_try_at timestamptz,
    last_status integer,
    last_error  text,
    response    text                                        -- the beginning of the last response; for admins only
);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_try_at) where state = 'pending';
create index webhook_deliveries_open on webhook_deliveries (endpoint_id, clinic_id, seq) where state in ('pending', 'failed');
create index webhook_deliveries_recent on webhook_deliveries (endpoint_id, seq desc);
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at is not null;

-- +goose StatementBegin
create function pims_sync_feed_of_syncs() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into public.pims_sync_feed_pending (clinic_id, type, data)
    values (new.clinic_id, case new.status when 'completed' then 'sync.completed' else 'sync.failed' end,
        jsonb_strip_nulls(jsonb_build_object(
            'syncId', new.id, 'type', new.sync_type, 'trigger', new.trigger, 'code', new.error_code, 'planId', new.plan_id,
            'stats', jsonb_build_object(
                'appointmentsFound', new.appointments_found, 'casesCreated', new.cases_created, 'casesUpdated', new.cases_updated,
                'casesEnriched', new.cases_enriched, 'casesFailed', new.cases_failed, 'casesDeleted', new.cases_deleted,
                'casesRestored', new.cases_restored))));
    return null;
end
$$;
-- +goose StatementEnd
create trigger pims_sync_feed_of_syncs after update of status on case_sync_audits
    for each row when (old.status is distinct from new.status and new.status in ('completed', 'failed')
        and new.parent_id is null and (new.request ->> 'dryRun') is distinct from 'true')
    execute function pims_sync_feed_of_syncs();

-- +goose StatementBegin
create function pims_sync_feed_of_plans() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into public.pims_sync_feed_pending (clinic_id, type, data)
        values (new.clinic_id, 'plan.opened', jsonb_build_object(
            'planId', new.id, 'syncId', new.sync_id, 'type', new.sync_type, 'code', new.code,
            'cases', jsonb_array_length(new.cases), 'expiresAt', new.expires_at));
    else
        insert into public.pims_sync_feed_pending (clinic_id, type, data)
        values (new.clinic_id, 'plan.decided', jsonb_build_object('planId', new.id, 'syncId', new.sync_id, 'status', new.status));
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger pims_sync_feed_of_plans_insert after insert on deletion_plans
    for each row when (new.status = 'open') execute function pims_sync_feed_of_plans();
create trigger pims_sync_feed_of_plans_update after update of status on deletion_plans
    for each row when (old.status = 'open' and new.status <> 'open') execute function pims_sync_feed_of_plans();

-- +goose Down
drop trigger pims_sync_feed_of_plans_update on deletion_plans;
drop trigger pims_sync_feed_of_plans_insert on deletion_plans;
drop function pims_sync_feed_of_plans();
drop trigger pims_sync_feed_of_syncs on case_sync_audits;
drop function pims_sync_feed_of_syncs();
drop table webhook_deliveries, webhook_secrets, webhook_endpoints;

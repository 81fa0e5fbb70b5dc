-- Links to a practice's page, which tells without a sign-in how a clinic's syncs are. Of a
-- link's token only the SHA-256 is stored (R61).

-- +goose Up
create table pims_sync_status_links (
    id uuid primary key default gen_random_uuid(),
    clinic_id uuid not null references clinics (id) on delete cascade,
    name text not null default '', -- whom it is for
    token_hash text not null unique check (token_hash ~ '^[0-9a-f]{64}$'),
    is_active boolean not null default true, -- false: it was revoked
    created_by text not null default '', -- an actor
    created_at timestamptz not null default now(),
    last_used_at timestamptz
);
create index pims_sync_status_links_clinic on pims_sync_status_links (clinic_id, created_at);

-- +goose Down
drop table pims_sync_status_links;

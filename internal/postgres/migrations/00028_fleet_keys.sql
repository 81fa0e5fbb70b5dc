-- Keys for many clinics (R42). Of a key only the SHA-256 is stored (R39).

-- +goose Up
create table fleet_keys (
    id uuid primary key default gen_random_uuid(),
    name text not null default '',
    key_prefix text not null, -- for people to recognise the key; nothing is looked up by it
    key_hash text not null unique check (key_hash ~ '^[0-9a-f]{64}$'),
    scope text not null check (scope in ('fleet:read', 'fleet:operate', 'fleet:admin')),
    clinics uuid[], -- null: every clinic
    is_active boolean not null default true,
    expires_at timestamptz, -- null: never
    last_used_at timestamptz,
    created_by text not null default '', -- an actor
    created_at timestamptz not null default now()
);

-- +goose Down
drop table fleet_keys;

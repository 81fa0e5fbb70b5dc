-- People who sign in, their sessions and one-time links, and failed sign-ins (R42, R43).
-- Of every token only the SHA-256 is stored.

-- +goose Up
create table people (
    id uuid primary key default gen_random_uuid(),
    email text not null unique check (email = lower(email)),
    name text not null default '',
    role text not null check (role in ('viewer', 'operator', 'admin')),
    clinics uuid[], -- null: every clinic
    password_hash text, -- argon2id; null: none
    issuer text not null default '', -- of the OpenID Connect account that signed in first
    subject text not null default '',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_signed_in_at timestamptz
);

create table people_sessions (
    token_hash bytea primary key,
    person_id uuid references people on delete cascade,
    os_user text, -- who followed the link that the command line printed
    method text not null,
    began_at timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    check ((person_id is null) <> (os_user is null))
);
create index people_sessions_person_id on people_sessions (person_id);

create table pims_sync_people_links (
    token_hash bytea primary key,
    person_id uuid references people on delete cascade,
    os_user text,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    check ((person_id is null) <> (os_user is null))
);
create index pims_sync_people_links_person_id on pims_sync_people_links (person_id);

-- The key is the hash of an account or of an address.
create table pims_sync_people_tries (
    key_hash bytea primary key,
    failed integer not null,
    last_at timestamptz not null
);

-- +goose Down
drop table pims_sync_people_tries;
drop table pims_sync_people_links;
drop table people_sessions;
drop table people;

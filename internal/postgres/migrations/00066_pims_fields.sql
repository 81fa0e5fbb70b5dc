-- In which form a clinic's PIMS answers (R51): for each type of sync and endpoint which
-- fields came, how often they were filled and with which kinds of values. No value.

-- +goose Up
create table pims_fields (
    clinic_id uuid        not null references clinics (id) on delete cascade,
    provider  text        not null,
    sync_type text        not null,
    endpoint  text        not null,                         -- a path without ids
    days      integer     not null,                         -- on which it was seen
    last_seen timestamptz not null,
    profile   jsonb       not null,                         -- what earlier syncs have shown; older ones count less
    told      text[]      not null default '{}',            -- the changes that hold, as "endpoint field kind"
    told_at   timestamptz,                                  -- when the latest of them was told
    primary key (clinic_id, provider, sync_type, endpoint)
);

-- +goose Down
drop table pims_fields;

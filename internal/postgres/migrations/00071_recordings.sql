-- What the PIMS returned to a sync that was recorded (R52). The recording is sealed (R37).
-- It is kept for 7 days, and 20 of a clinic at most.

-- +goose Up
create table recordings (
    id          uuid        primary key,                    -- of the sync
    clinic_id   uuid        not null references clinics (id) on delete cascade,
    sync_type   text        not null,
    status      text        not null,                       -- how the sync ended
    code        text        not null default '',
    requests    integer     not null,                       -- to the PIMS
    bytes       integer     not null,                       -- of what is sealed, before that
    cut         text        not null default '',            -- why it is not whole
    recorded_at timestamptz not null default now(),
    sealed      bytea       not null
);
create index recordings_clinic on recordings (clinic_id, recorded_at desc);
create index recordings_age on recordings (recorded_at);

-- +goose Down
drop table recordings;

-- Unusual volume (R49): the runs whose counts lie far outside what their clinic has shown,
-- and up to which position of the feed completed syncs were judged.

-- +goose Up
create table pims_sync_unusual (
    sync_id   uuid        primary key references case_sync_audits (id) on delete cascade, -- of the phase
    clinic_id uuid        not null references clinics (id) on delete cascade,
    sync_type text        not null,
    began     timestamptz not null,
    findings  jsonb       not null,                         -- [{"count", "value", "usual", "low"}]
    field     text                                          -- that most of the changed cases changed in
);
create index pims_sync_unusual_clinic on pims_sync_unusual (clinic_id, began desc);

create table pims_sync_volume_state (
    only_row boolean primary key default true check (only_row),
    position bigint  not null
);
insert into pims_sync_volume_state (position) select position from pims_sync_feed_state;

-- +goose Down
drop table pims_sync_volume_state, pims_sync_unusual;

-- Notifications (R48): the state that each clinic was last seen in, channels that tell
-- people, and what each channel has told of each clinic.

-- +goose Up
create table pims_sync_clinic_states (
    clinic_id uuid        primary key references clinics (id) on delete cascade,
    state     text        not null,
    code      text        not null default '',
    since     timestamptz not null
);

create table notification_channels (
    id            uuid        primary key,
    clinic_id     uuid        references clinics (id) on delete cascade, -- null: all clinics
    kind          text        not null check (kind in ('slack', 'email')),
    sealed        bytea       not null,                     -- the webhook's URL or the e-mail address; R37
    name          text        not null default '',
    timezone      text        not null default 'UTC',       -- of the two below
    quiet_from    text        not null default '',          -- HH:MM; blank: no quiet time
    quiet_until   text        not null default '',
    digest_at     text        not null default '',          -- HH:MM; blank: at once
    muted_until   timestamptz,
    waiting_since timestamptz,                              -- when the first thing that is not told was seen
    sent_at       timestamptz,
    streak        integer     not null default 0,           -- messages in quick succession
    failed_at     timestamptz,                              -- the last try, if it failed
    last_error    text,
    leased_until  timestamptz,
    position      bigint      not null default 0,           -- of the feed
    created_at    timestamptz not null
);
create index notification_channels_clinic on notification_channels (clinic_id);

create table pims_sync_told (
    channel_id uuid        not null references notification_channels (id) on delete cascade,
    clinic_id  uuid        not null references clinics (id) on delete cascade,
    state      text        not null,
    code       text        not null,
    since      timestamptz not null,
    primary key (channel_id, clinic_id)
);

-- +goose Down
drop table pims_sync_told, notification_channels, pims_sync_clinic_states;

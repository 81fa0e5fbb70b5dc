-- Cursors of the change feed are signed (R46). The key is the database's own and goes with
-- its backups: a rotation of ENCRYPTION_KEY must not cost a consumer its place. Cursors from
-- before hold on for the positions of that time, and for those of a day more, in which older
-- replicas may still run.

-- +goose Up
alter table pims_sync_feed_state
    add column cursor_key bytea not null default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
    add column unsigned_until timestamptz not null default now() + interval '1 day';

-- +goose Down
alter table pims_sync_feed_state drop column cursor_key, drop column unsigned_until;

-- +goose NO TRANSACTION
-- Indexes for what removes old rows, made beside the syncs that go on. A build that was
-- interrupted leaves an unusable index, so each begins by dropping it.

-- +goose Up
drop index concurrently if exists case_sync_audits_old;
create index concurrently case_sync_audits_old on case_sync_audits (shortened, completed_at, id) where parent_id is null;
drop index concurrently if exists case_sync_audits_previews;
create index concurrently case_sync_audits_previews on case_sync_audits (completed_at) where result ? 'changes';
drop index concurrently if exists deletion_plans_sync;
create index concurrently deletion_plans_sync on deletion_plans (sync_id);
drop index concurrently if exists idempotency_keys_sync;
create index concurrently idempotency_keys_sync on idempotency_keys (sync_id);
drop index concurrently if exists pims_sync_feed_at;
create index concurrently pims_sync_feed_at on pims_sync_feed (at);
drop index concurrently if exists webhook_deliveries_clinic;
create index concurrently webhook_deliveries_clinic on webhook_deliveries (clinic_id);

-- +goose Down
drop index concurrently webhook_deliveries_clinic;
drop index concurrently pims_sync_feed_at;
drop index concurrently idempotency_keys_sync;
drop index concurrently deletion_plans_sync;
drop index concurrently case_sync_audits_previews;
drop index concurrently case_sync_audits_old;

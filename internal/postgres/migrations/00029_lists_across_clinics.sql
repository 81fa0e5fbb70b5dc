-- The newest syncs and plans of all clinics (R42).

-- +goose Up
create index case_sync_audits_newest on case_sync_audits (created_at desc, id desc) where parent_id is null;
create index deletion_plans_newest on deletion_plans (created_at desc, id desc);

-- +goose Down
drop index deletion_plans_newest;
drop index case_sync_audits_newest;

-- Which encryption keys each replica has (R37): a rotation waits until all have the
-- new one. Ids of keys are no secret.

-- +goose Up
alter table replicas add column encryption_keys text[] not null default '{}';

-- +goose Down
alter table replicas drop column encryption_keys;

-- A link that was used or is too old stays for a while, so that a further try is recorded: a
-- used one has expires_at before made_at, which replicas of before this migration refuse, too.
-- The index finds the places from which a person has signed in.

-- +goose Up
alter table pims_sync_people_links add column noted_at timestamptz;
create index operator_events_sign_ins on operator_events (who_id, at) where action = 'person.sign_in' and outcome = 'done';

-- +goose Down
drop index operator_events_sign_ins;
delete from pims_sync_people_links where expires_at < made_at;
alter table pims_sync_people_links drop column noted_at;

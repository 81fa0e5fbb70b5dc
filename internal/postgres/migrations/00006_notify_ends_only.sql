-- Who waits for a sync hears at once that it is over, or back in the queue; who is
-- to stop one, that it shall. The steps between, and those of its phases, wake
-- nobody. Databases of some unreleased commits have it already.

-- +goose Up
drop trigger if exists case_sync_audits_notify_insert on case_sync_audits;
drop trigger if exists case_sync_audits_notify_update on case_sync_audits;
drop trigger if exists case_sync_audits_notify on case_sync_audits;
-- +goose StatementBegin
create or replace function case_sync_audits_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_audit', new.id::text);
    return null;
end
$$;
-- +goose StatementEnd
create trigger case_sync_audits_notify after update of status on case_sync_audits
    for each row when (old.status is distinct from new.status and new.status <> 'in_progress' and new.parent_id is null)
    execute function case_sync_audits_notify();

-- +goose Down
drop trigger case_sync_audits_notify on case_sync_audits;
-- +goose StatementBegin
create or replace function case_sync_audits_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_audit', coalesce(new.parent_id, new.id)::text);
    return null;
end
$$;
-- +goose StatementEnd
create trigger case_sync_audits_notify_insert after insert on case_sync_audits
    for each row when (new.parent_id is not null)
    execute function case_sync_audits_notify();
create trigger case_sync_audits_notify_update after update of status on case_sync_audits
    for each row when (old.status is distinct from new.status)
    execute function case_sync_audits_notify();

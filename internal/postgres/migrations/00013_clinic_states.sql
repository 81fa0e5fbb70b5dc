-- What tells the state of a clinic: since when it is disabled, whether its
-- credentials passed their last test, and the latest sync of each type that
-- completed or failed, found without reading the others. Dry runs are left out.

-- +goose Up
alter table clinics add column disabled_at timestamptz;
update clinics set disabled_at = updated_at where not is_active;

-- It runs after clinics_touch (triggers run in the order of their names), so that
-- updated_at is the time of this change, also by plain SQL.
-- +goose StatementBegin
create function clinics_disabled() returns trigger language plpgsql as $$
begin
    if new.is_active then
        new.disabled_at := null;
    elsif tg_op = 'INSERT' or old.is_active then
        new.disabled_at := new.updated_at;
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger clinics_touch_disabled before insert or update of is_active on clinics
    for each row execute function clinics_disabled();

alter table pims_credentials
    add column tested_at timestamptz,
    add column test_outcome text;

create index case_sync_audits_ended on case_sync_audits (clinic_id, sync_type, status, completed_at desc)
    where completed_at is not null and (request ->> 'dryRun') is distinct from 'true';
drop index case_sync_audits_fresh;

-- +goose Down
create index case_sync_audits_fresh on case_sync_audits (clinic_id, sync_type, completed_at desc)
    where status = 'completed';
drop index case_sync_audits_ended;
alter table pims_credentials drop column test_outcome, drop column tested_at;
drop trigger clinics_touch_disabled on clinics;
drop function clinics_disabled();
alter table clinics drop column disabled_at;

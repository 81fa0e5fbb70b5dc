-- A change of a schedule tells of which clinic, so that only that clinic's is loaded anew
-- (R33).

-- +goose Up
-- +goose StatementBegin
create function pims_sync_schedule_changed() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_schedules', coalesce(to_jsonb(new), to_jsonb(old)) ->> tg_argv[0]);
    return null;
end
$$;
-- +goose StatementEnd
drop trigger clinics_notify on clinics;
create trigger clinics_notify after update of timezone, is_active on clinics
    for each row when ((old.timezone, old.is_active) is distinct from (new.timezone, new.is_active))
    execute function pims_sync_schedule_changed('id');
drop trigger clinic_schedule_configs_notify on clinic_schedule_configs;
create trigger clinic_schedule_configs_notify after insert or update or delete on clinic_schedule_configs
    for each row execute function pims_sync_schedule_changed('clinic_id');
drop function clinic_schedule_configs_notify(); -- no trigger calls it any more

-- +goose Down
-- +goose StatementBegin
create function clinic_schedule_configs_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('pims_sync_schedules', '');
    return null;
end
$$;
-- +goose StatementEnd
drop trigger clinic_schedule_configs_notify on clinic_schedule_configs;
create trigger clinic_schedule_configs_notify after insert or update or delete on clinic_schedule_configs
    for each statement execute function clinic_schedule_configs_notify();
drop trigger clinics_notify on clinics;
create trigger clinics_notify after update of timezone, is_active on clinics
    for each statement execute function clinic_schedule_configs_notify();
drop function pims_sync_schedule_changed();

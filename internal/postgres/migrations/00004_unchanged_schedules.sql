-- A schedule, or a clinic, that is written again as it was has not changed: an
-- upsert by the hour moves nothing (R34).

-- +goose Up
drop trigger clinic_schedule_configs_touch on clinic_schedule_configs;
create trigger clinic_schedule_configs_touch before update of sync_schedules on clinic_schedule_configs
    for each row when (old.sync_schedules is distinct from new.sync_schedules)
    execute function touch_updated_at();
drop trigger clinics_touch on clinics;
create trigger clinics_touch before update of timezone, is_active on clinics
    for each row when ((old.timezone, old.is_active) is distinct from (new.timezone, new.is_active))
    execute function touch_updated_at();

-- +goose Down
drop trigger clinics_touch on clinics;
create trigger clinics_touch before update of timezone, is_active on clinics
    for each row execute function touch_updated_at();
drop trigger clinic_schedule_configs_touch on clinic_schedule_configs;
create trigger clinic_schedule_configs_touch before update of sync_schedules on clinic_schedule_configs
    for each row execute function touch_updated_at();

-- name: InsertClinic :one
insert into clinics (id, name, timezone, is_active, deletion_limits, created_at, updated_at)
values (@id, @name, @timezone, @is_active, @deletion_limits, @created_at, @created_at)
on conflict (id) do nothing
returning *;

-- name: InsertSchedules :exec
insert into clinic_schedule_configs (clinic_id, sync_schedules, created_at, updated_at)
values (@clinic_id, @sync_schedules, @created_at, @created_at);

-- name: Clinic :one
select * from clinics where id = @id;

-- name: Clinics :many
-- Crosses clinics (R41).
select * from clinics order by name, id;

-- name: UpdateClinic :one
update clinics set
    name = @name, timezone = @timezone, is_active = @is_active, deletion_limits = @deletion_limits, updated_at = @updated_at
where id = @id
returning *;

-- name: SetSettings :one
update clinics set
    settings = @settings, updated_at = case when settings = @settings then updated_at else @updated_at end
where id = @id
returning id;

-- name: Schedules :one
select sync_schedules from clinic_schedule_configs where clinic_id = @clinic_id;

-- name: PutSchedules :exec
insert into clinic_schedule_configs (clinic_id, sync_schedules, created_at, updated_at)
values (@clinic_id, @sync_schedules, @updated_at, @updated_at)
on conflict (clinic_id) do update set sync_schedules = excluded.sync_schedules, updated_at = excluded.updated_at
where clinic_schedule_configs.sync_schedules is distinct from excluded.sync_schedules;

-- name: AllSchedules :many
-- Crosses clinics (R41). A disabled clinic has no schedules.
select s.clinic_id, c.timezone, s.sync_schedules, c.created_at,
    greatest(s.updated_at, c.updated_at)::timestamptz as changed_at
from clinic_schedule_configs s
join clinics c on c.id = s.clinic_id
where c.is_active
order by s.clinic_id;

-- name: SchedulesOf :many
-- Crosses clinics (R41). A disabled clinic has no schedules.
select s.clinic_id, c.timezone, s.sync_schedules, c.created_at,
    greatest(s.updated_at, c.updated_at)::timestamptz as changed_at
from clinic_schedule_configs s
join clinics c on c.id = s.clinic_id
where c.is_active and s.clinic_id = any(@clinic_ids::uuid[])
order by s.clinic_id;

-- name: SupersedeSeenPlans :exec
-- Those that syncs.Plan.SeenBy tells (R18, R23); @today is the first moment of the
-- clinic's day.
update deletion_plans set status = 'superseded', decided_at = @decided_at
where clinic_id = @clinic_id and code = any(@codes::text[]) and sync_type = @sync_type and status = 'open'
    and window_end between @window_start::date and @window_end::date
    and window_start + (created_at < @today::timestamptz)::int >= @window_start::date;

-- name: SupersedePlans :execrows
-- One open plan for each guard and type of sync (R18, R23).
update deletion_plans set status = 'superseded', decided_at = @decided_at
where clinic_id = @clinic_id and code = @code and sync_type = @sync_type and status = 'open';

-- name: InsertPlan :exec
insert into deletion_plans (id, clinic_id, sync_id, sync_type, status, code, reason, window_start, window_end,
    cases, evidence, created_at, expires_at, covers_default)
values (@id, @clinic_id, @sync_id, @sync_type, 'open', @code, @reason, @window_start, @window_end,
    @cases, @evidence, @created_at, @expires_at, @covers_default);

-- name: Plan :one
select * from deletion_plans where id = @id and clinic_id = @clinic_id;

-- name: ClinicOfPlan :one
-- Crosses clinics (R41).
select clinic_id from deletion_plans where id = @id;

-- name: Plans :many
-- An open plan whose time is over counts as expired.
select * from deletion_plans
where clinic_id = @clinic_id
    and (@status::text = '' or @status = case when status = 'open' and expires_at <= @at then 'expired' else status end)
    and (created_at, id) < (@before_at::timestamptz, @before_id::uuid)
order by created_at desc, id desc
limit @up_to;

-- name: DecidePlan :execrows
-- Only an open one whose time is not over (R18, R23).
update deletion_plans set status = @status, decided_at = @decided_at, decided_by = @decided_by
where id = @id and clinic_id = @clinic_id and status = 'open' and expires_at > @decided_at::timestamptz;

-- name: Executions :many
-- An approval and the sync that carries its plan out are of one moment.
select id, status, coalesce(error_code, '')::text as code, (request ->> 'approval')::uuid as plan_id
from case_sync_audits
where clinic_id = @clinic_id and created_at = any(@approved_at::timestamptz[]) and request ->> 'approval' = any(@plan_ids::text[]);

-- name: PlansAcross :many
-- Crosses clinics (R41), all or those named. An open plan whose time is over counts as
-- expired.
select * from deletion_plans
where (sqlc.narg('clinics')::uuid[] is null or clinic_id = any(sqlc.narg('clinics')))
    and (@status::text = '' or @status = case when status = 'open' and expires_at <= @at then 'expired' else status end)
    and (created_at, id) < (@before_at::timestamptz, @before_id::uuid)
order by created_at desc, id desc
limit @up_to;

-- name: ExecutionsAcross :many
-- Crosses clinics (R41). An approval and the sync that carries its plan out are of one
-- moment.
select id, status, coalesce(error_code, '')::text as code, (request ->> 'approval')::uuid as plan_id
from case_sync_audits
where clinic_id = any(@clinic_ids::uuid[]) and created_at = any(@approved_at::timestamptz[]) and request ->> 'approval' = any(@plan_ids::text[]);

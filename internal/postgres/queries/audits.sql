-- name: InsertAudit :execrows
-- Nothing is inserted where a sync of the type is queued, or, where running ones
-- are in the way too, one runs (R29).
insert into case_sync_audits (id, clinic_id, sync_type, status, trigger, request, created_at)
select @id, @clinic_id, @sync_type, 'queued', @trigger, @request, @created_at
where not exists (
    select from case_sync_audits a
    where a.clinic_id = @clinic_id and a.parent_id is null and a.status = 'queued' and a.sync_type = @sync_type
) and not (@running_conflicts::boolean and exists (
    select from case_sync_audits a
    where a.clinic_id = @clinic_id and a.parent_id is null and a.status = 'in_progress'
))
on conflict (clinic_id, sync_type) where status = 'queued' and parent_id is null do nothing;

-- name: ConflictingAudit :one
select id from case_sync_audits
where clinic_id = @clinic_id and parent_id is null
    and (status = 'queued' and sync_type = @sync_type or status = 'in_progress' and @running_conflicts::boolean)
order by status, created_at
limit 1;

-- name: ForgetIdempotencyKey :exec
delete from idempotency_keys where clinic_id = @clinic_id and key = @key and created_at <= @expired_before;

-- name: IdempotencyKey :one
select sync_id, request_hash from idempotency_keys where clinic_id = @clinic_id and key = @key;

-- name: InsertIdempotencyKey :exec
insert into idempotency_keys (clinic_id, key, request_hash, sync_id, created_at)
values (@clinic_id, @key, @request_hash, @sync_id, @created_at);

-- name: ClaimAudit :one
-- Crosses clinics (R41): a job carries the id of its sync only (R28).
with claimed as (
    update case_sync_audits
    set status = 'in_progress', attempt = attempt + 1, started_at = coalesce(started_at, @started_at)
    where id = @id and status = 'queued' and parent_id is null
    returning id, clinic_id, sync_type, trigger, request, attempt, due_at
), leased as (
    insert into sync_leases (audit_id, clinic_id, attempt, worker, expires_at)
    select id, clinic_id, attempt, @worker, clock_timestamp() + make_interval(secs => @seconds::float8) from claimed
    on conflict (audit_id) do update set
        attempt = excluded.attempt, worker = excluded.worker, expires_at = excluded.expires_at, progress = '{}'
)
select clinic_id, sync_type, trigger, request, attempt, due_at from claimed;

-- name: ExtendLease :one
update sync_leases set expires_at = clock_timestamp() + make_interval(secs => @seconds::float8)
where audit_id = @audit_id and clinic_id = @clinic_id and attempt = @attempt
returning (cancelled_at is not null)::boolean as cancelled;

-- name: ReportProgress :exec
update sync_leases set progress = @progress
where audit_id = @audit_id and clinic_id = @clinic_id and attempt = @attempt;

-- name: ExpiredLeases :many
-- Crosses clinics (R41). A running sync without any lease was made by hand, or by
-- a program that is gone: it is given as long as a lease lasts.
select a.id, a.clinic_id, a.attempt, a.sync_type, a.trigger, a.request
from case_sync_audits a
left join sync_leases l on l.audit_id = a.id
where a.status = 'in_progress' and a.parent_id is null
    and (l.expires_at < statement_timestamp()
        or l.audit_id is null and coalesce(a.started_at, a.created_at) < statement_timestamp() - make_interval(secs => @seconds::float8))
order by a.created_at
limit 1000;

-- name: LockRunningAudit :one
-- The audit is locked before its lease, as everywhere.
select id from case_sync_audits
where id = @id and clinic_id = @clinic_id and attempt = @attempt and status = 'in_progress'
for update;

-- name: LockLease :one
-- A heartbeat that waits for the lock finds no row afterwards.
select (expires_at < clock_timestamp())::boolean as expired, (cancelled_at is not null)::boolean as cancelled
from sync_leases
where audit_id = @audit_id and clinic_id = @clinic_id
for update;

-- name: RequeueAudit :exec
update case_sync_audits set status = 'queued'
where id = @id and clinic_id = @clinic_id;

-- name: DeleteLease :exec
delete from sync_leases where audit_id = @audit_id and clinic_id = @clinic_id;

-- name: CloseAudit :exec
update case_sync_audits set
    status = @status, completed_at = @completed_at,
    result = @result, error_code = @error_code, error_message = @error_message, plan_id = @plan_id,
    appointments_found = @appointments_found, cases_found = @cases_found, cases_created = @cases_created,
    cases_updated = @cases_updated, cases_unchanged = @cases_unchanged, cases_skipped = @cases_skipped,
    cases_enriched = @cases_enriched, cases_failed = @cases_failed, cases_checked = @cases_checked,
    cases_deleted = @cases_deleted, cases_restored = @cases_restored, covers_default = @covers_default
where id = @id and clinic_id::text = (@clinic_id::uuid)::text and attempt = @attempt and status = 'in_progress'
    and parent_id is not distinct from @parent_id;

-- name: InterruptPhases :exec
-- No audit stays open (R30). As text, the clinic leads to no index: a planner without
-- statistics would take one of the clinic's instead of the parent's.
update case_sync_audits set
    status = 'failed', completed_at = @completed_at, error_code = 'interrupted', error_message = @error_message
where parent_id = @parent_id and clinic_id::text = (@clinic_id::uuid)::text and status = 'in_progress';

-- name: InsertPhase :exec
insert into case_sync_audits (id, clinic_id, parent_id, sync_type, status, trigger, request, attempt, created_at, started_at)
select @id, m.clinic_id, m.id, @sync_type, 'in_progress', m.trigger, m.request, m.attempt, @started_at, @started_at
from case_sync_audits m
where m.id = @parent_id and m.clinic_id::text = (@clinic_id::uuid)::text;

-- name: LockAudit :one
select a.id, a.status from case_sync_audits a
where a.clinic_id = @clinic_id
    and a.id = (select coalesce(p.parent_id, p.id) from case_sync_audits p where p.id = @id and p.clinic_id = @clinic_id)
for update;

-- name: CancelQueuedAudit :exec
update case_sync_audits set
    status = 'cancelled', completed_at = @completed_at, error_code = 'cancelled', error_message = @error_message
where id = @id and clinic_id = @clinic_id and status = 'queued';

-- name: AskToCancel :exec
update sync_leases set cancelled_at = coalesce(cancelled_at, @cancelled_at)
where audit_id = @audit_id and clinic_id = @clinic_id;

-- name: ClinicOfAudit :one
-- Crosses clinics (R41).
select clinic_id from case_sync_audits where id = @id;

-- name: Audit :one
select sqlc.embed(a), l.progress
from case_sync_audits a
left join sync_leases l on l.audit_id = a.id
where a.id = @id and a.clinic_id = @clinic_id;

-- name: Phases :many
-- The clinic is compared as in InterruptPhases.
select sqlc.embed(a)
from case_sync_audits a
where a.parent_id = @parent_id and a.clinic_id::text = (@clinic_id::uuid)::text and a.attempt = @attempt
order by a.created_at, a.id;

-- name: Audits :many
select sqlc.embed(a), l.progress
from case_sync_audits a
left join sync_leases l on l.audit_id = a.id
where a.clinic_id = @clinic_id and a.parent_id is null
    and (@sync_type::text = '' or a.sync_type = @sync_type)
    and (@status::text = '' or a.status = @status)
    and (@code::text = '' or a.error_code = @code)
    and a.created_at >= @since::timestamptz
    and (a.created_at, a.id) < (@before_at::timestamptz, @before_id::uuid)
order by a.created_at desc, a.id desc
limit @up_to;

-- name: AuditsAcross :many
-- Crosses clinics (R41), all or those named.
select sqlc.embed(a), l.progress
from case_sync_audits a
left join sync_leases l on l.audit_id = a.id
where (sqlc.narg('clinics')::uuid[] is null or a.clinic_id = any(sqlc.narg('clinics'))) and a.parent_id is null
    and (@sync_type::text = '' or a.sync_type = @sync_type)
    and (@status::text = '' or a.status = @status)
    and (@code::text = '' or a.error_code = @code)
    and a.created_at >= @since::timestamptz
    and (a.created_at, a.id) < (@before_at::timestamptz, @before_id::uuid)
order by a.created_at desc, a.id desc
limit @up_to;

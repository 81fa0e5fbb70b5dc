-- Links to practices' pages. Whoever opens one names no clinic: the lookup crosses clinics
-- (R41).

-- name: StatusLinks :many
select * from pims_sync_status_links where clinic_id = @clinic_id order by created_at, id;

-- name: StatusLinksByHash :many
-- Several presented links at once.
select * from pims_sync_status_links where token_hash = any (@hashes::text[]);

-- name: InsertStatusLink :one
insert into pims_sync_status_links (id, clinic_id, name, token_hash, created_by, created_at)
values (@id, @clinic_id, @name, @token_hash, @created_by, @created_at)
returning *;

-- name: TouchStatusLink :exec
update pims_sync_status_links set last_used_at = @last_used_at
where id = @id and (last_used_at is null or last_used_at < @before);

-- name: StatusLinkClinic :one
select clinic_id from pims_sync_status_links where id = @id;

-- name: RevokeStatusLink :one
update pims_sync_status_links set is_active = false where id = @id and clinic_id = @clinic_id
returning *;

-- The outcomes of a clinic's syncs since a moment, the oldest first. A phase of a full sync
-- counts with it. What our side refused was no check.
-- name: PracticeOutcomes :many
select coalesce(started_at, created_at)::timestamptz as at, status = 'completed' as completed
from case_sync_audits
where clinic_id = @clinic_id and parent_id is null and created_at >= @since
    and status in ('completed', 'failed') and not coalesce((request->>'dryRun')::boolean, false)
    and (error_code is null or error_code <> all(@refused::text[]))
order by created_at
limit 10000;

-- name: DeleteEndedSessions :exec
delete from people_sessions where expires_at <= @now or seen_at <= @idle_since;

-- name: InsertSession :exec
insert into people_sessions (token_hash, person_id, os_user, method, began_at, began_from, seen_at, expires_at)
values (@token_hash, @person_id, @os_user, @method, @began_at, @began_from, @seen_at, @expires_at);

-- name: SessionsByToken :many
-- Several presented sessions at once.
select * from people_sessions where token_hash = any (@tokens::bytea[]);

-- name: PeopleByID :many
select * from people where id = any (@ids::uuid[]);

-- name: TouchSession :exec
update people_sessions set seen_at = @seen_at where token_hash = @token_hash and seen_at < @seen_at;

-- name: EndSession :exec
delete from people_sessions where token_hash = @token_hash;

-- name: SessionsOf :many
-- Those that have not ended, of a person or of a user of the operating system.
select * from people_sessions
where (person_id = sqlc.narg('person_id') or os_user = sqlc.narg('os_user')) and expires_at > @now and seen_at > @idle_since
order by began_at desc;

-- name: EndOtherSessions :execrows
delete from people_sessions
where (person_id = sqlc.narg('person_id') or os_user = sqlc.narg('os_user')) and token_hash <> @token_hash;

-- name: DeleteOldLinks :exec
delete from pims_sync_people_links where expires_at <= @now and made_at <= @before;

-- name: InsertLink :exec
insert into pims_sync_people_links (token_hash, person_id, os_user, made_at, expires_at)
values (@token_hash, @person_id, @os_user, @made_at, @expires_at);

-- name: Link :one
select * from pims_sync_people_links where token_hash = @token_hash;

-- name: UseLink :one
update pims_sync_people_links set expires_at = made_at - interval '1 day'
where token_hash = @token_hash and expires_at > @now returning *;

-- name: NoteLink :execrows
update pims_sync_people_links set noted_at = @now::timestamptz
where token_hash = @token_hash and (noted_at is null or noted_at <= @before::timestamptz);

-- name: DeleteOldTries :exec
delete from pims_sync_people_tries where last_at < @before;

-- name: LockTries :many
-- Makes the rows where they are missing, locks and returns them, always in the same order.
insert into pims_sync_people_tries (key_hash, failed, last_at)
select key_hash, 0, @last_at from unnest(@keys::bytea[]) as key_hash order by key_hash
on conflict (key_hash) do update set failed = pims_sync_people_tries.failed
returning *;

-- name: SetTries :exec
update pims_sync_people_tries set failed = @failed, last_at = @last_at where key_hash = @key_hash;

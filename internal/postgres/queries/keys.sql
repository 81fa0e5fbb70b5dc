-- name: InsertKey :one
insert into clinic_api_keys (id, clinic_id, name, key_prefix, key_hash, permissions, is_active, expires_at, created_at)
values (@id, @clinic_id, @name, @key_prefix, @key_hash, @permissions, @is_active, @expires_at, @created_at)
returning *;

-- name: KeysByHash :many
-- Crosses clinics (R41): the key decides the clinic (R38). Several presented keys at once.
select * from clinic_api_keys where left(lower(key_hash), 64) = any (@hashes::text[]) order by id;

-- name: Keys :many
-- Crosses clinics (R41).
select * from clinic_api_keys order by clinic_id, created_at, id;

-- name: Key :one
-- Crosses clinics (R41).
select * from clinic_api_keys where id = @id;

-- name: KeysOfClinic :many
select * from clinic_api_keys where clinic_id = @clinic_id order by created_at, id;

-- name: TouchKey :exec
-- Crosses clinics (R41).
update clinic_api_keys set last_used_at = @last_used_at
where id = @id and (last_used_at is null or last_used_at < @last_used_at);

-- name: RevokeKey :execrows
-- Crosses clinics (R41).
update clinic_api_keys set is_active = false where id = @id;

-- name: KeyChecks :many
-- Crosses clinics (R41).
select * from encryption_keys order by key_id;

-- name: InsertKeyCheck :exec
-- Crosses clinics (R41).
insert into encryption_keys (key_id, sealed, created_at) values (@key_id, @sealed, @created_at)
on conflict (key_id) do nothing;

-- Fleet keys belong to no clinic: each of these statements crosses clinics (R41).

-- name: FleetKeys :many
select * from fleet_keys order by created_at, id;

-- name: FleetKeysByHash :many
-- Several presented keys at once.
select * from fleet_keys where key_hash = any (@hashes::text[]);

-- name: InsertFleetKey :one
insert into fleet_keys (id, name, key_prefix, key_hash, scope, clinics, is_active, expires_at, created_by, created_at)
values (@id, @name, @key_prefix, @key_hash, @scope, sqlc.narg('clinics')::uuid[], @is_active, @expires_at, @created_by, @created_at)
returning *;

-- name: TouchFleetKey :exec
update fleet_keys set last_used_at = @last_used_at
where id = @id and (last_used_at is null or last_used_at < @last_used_at);

-- name: RevokeFleetKey :one
update fleet_keys set is_active = false where id = @id
returning *;

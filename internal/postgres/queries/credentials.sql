-- name: Credential :one
select * from pims_credentials where clinic_id = @clinic_id;

-- name: DeleteCredential :execrows
-- The session goes with it.
delete from pims_credentials where clinic_id = @clinic_id;

-- name: InsertCredential :exec
insert into pims_credentials (id, clinic_id, provider, sealed, created_at, updated_at)
values (@id, @clinic_id, @provider, @sealed, @created_at, @created_at);

-- name: SuspendCredential :execrows
update pims_credentials set suspended_at = @suspended_at, suspended_reason = @suspended_reason, updated_at = @suspended_at
where clinic_id = @clinic_id and id = @id and suspended_at is null;

-- name: DeleteSessionOf :exec
delete from pims_sessions where clinic_id = @clinic_id and credential_id = @credential_id;

-- name: ResumeCredential :execrows
update pims_credentials set suspended_at = null, suspended_reason = null, updated_at = @updated_at
where clinic_id = @clinic_id;

-- name: Session :one
select * from pims_sessions where clinic_id = @clinic_id;

-- name: PutSession :exec
-- The credential is locked, so that its suspension or removal comes before or
-- after, never between.
with credential as (
    select p.id from pims_credentials p
    where p.clinic_id = @clinic_id and p.id = @credential_id and p.suspended_at is null
    for share
)
insert into pims_sessions (clinic_id, credential_id, sealed, logged_in_at, used_at)
select @clinic_id, credential.id, @sealed, @logged_in_at, @used_at from credential
on conflict (clinic_id) do update set
    credential_id = excluded.credential_id, sealed = excluded.sealed,
    logged_in_at = excluded.logged_in_at, used_at = excluded.used_at
where pims_sessions.logged_in_at < excluded.logged_in_at;

-- name: UpdateSession :exec
update pims_sessions set sealed = @sealed, used_at = @used_at
where clinic_id = @clinic_id and credential_id = @credential_id and logged_in_at = @logged_in_at;

-- name: DeleteSession :exec
delete from pims_sessions
where clinic_id = @clinic_id and credential_id = @credential_id and logged_in_at = @logged_in_at;

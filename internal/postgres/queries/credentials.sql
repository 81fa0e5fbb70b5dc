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

-- name: NoteTest :exec
-- No other content: updated_at stays.
update pims_credentials set tested_at = @tested_at, test_outcome = @test_outcome
where clinic_id = @clinic_id and id = @id;

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

-- name: SealedRecords :many
-- Crosses clinics (R41): rotation. The credentials and sessions of the next clinics.
with page as (
    select p.clinic_id, p.id, p.provider, p.sealed from pims_credentials p
    where p.clinic_id > @after order by p.clinic_id limit @clinics
)
select 'pims_credentials'::text as table_name, page.clinic_id, page.provider, page.id as row_id, page.sealed from page
union all
select 'pims_sessions', page.clinic_id, page.provider, page.id, s.sealed
from page join pims_sessions s on s.clinic_id = page.clinic_id and s.credential_id = page.id
order by clinic_id, table_name;

-- name: SealedCredential :one
select sealed from pims_credentials where clinic_id = @clinic_id and id = @id;

-- name: SealedSession :one
select sealed from pims_sessions where clinic_id = @clinic_id and credential_id = @credential_id;

-- name: ResealCredential :execrows
-- Another key is no other content: updated_at stays.
update pims_credentials set sealed = @resealed::bytea
where clinic_id = @clinic_id and id = @id and sealed = @sealed::bytea;

-- name: ResealSession :execrows
update pims_sessions set sealed = @resealed::bytea
where clinic_id = @clinic_id and credential_id = @credential_id and sealed = @sealed::bytea;

-- name: CredentialsByKey :many
-- Crosses clinics (R41): rotation. Keys are told by the head of what they sealed;
-- what has none, or a key that was never enrolled, is damaged and nobody's.
select k.key_id, count(*)::int as credentials
from encryption_keys k
join pims_credentials p
    on case when length(p.sealed) > 1 then substring(p.sealed from 3 for get_byte(p.sealed, 1)) end = convert_to(k.key_id, 'UTF8')
group by k.key_id;

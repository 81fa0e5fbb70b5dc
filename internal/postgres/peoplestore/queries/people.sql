-- name: People :many
select * from people order by email;

-- name: Person :one
select * from people where id = @id;

-- name: PersonByEmail :one
select * from people where email = @email;

-- name: LockPerson :one
select * from people where id = @id for update;

-- name: InsertPerson :execrows
insert into people (id, email, name, role, clinics, password_hash, issuer, subject, created_at, updated_at, last_signed_in_at)
values (@id, @email, @name, @role, @clinics, @password_hash, @issuer, @subject, @created_at, @updated_at, @last_signed_in_at)
on conflict (email) do nothing;

-- name: UpdatePerson :exec
update people set email = @email, name = @name, role = @role, clinics = @clinics, password_hash = @password_hash,
    issuer = @issuer, subject = @subject, updated_at = @updated_at, last_signed_in_at = @last_signed_in_at
where id = @id;

-- name: DeletePerson :one
delete from people where id = @id returning *;

-- name: EndSessionsOf :exec
delete from people_sessions where person_id = @person_id;

-- name: ExpireLinksOf :exec
update pims_sync_people_links set expires_at = made_at - interval '1 day' where person_id = @person_id;

-- name: SignedInFrom :many
select distinct origin from operator_events
where who_id = @who_id::uuid and action = 'person.sign_in' and outcome = 'done' and at > @since;

-- name: SignedIn :exec
update people set last_signed_in_at = @last_signed_in_at where id = @id;

-- name: CaseEvents :many
select id, at, actor, action, field, before, after
from case_events
where clinic_id = @clinic_id and case_id = @case_id and id > @after_id
order by id
limit @up_to;

-- name: CaseExists :one
select id from cases where id = @id and clinic_id = @clinic_id;

-- name: ClinicOfCase :one
-- Crosses clinics (R41).
select clinic_id from cases where id = @id;

-- name: ClinicOfHistory :one
-- Crosses clinics (R41). A case that was removed has its events still.
select c.clinic_id from cases c where c.id = @case_id
union all
select e.clinic_id from case_events e where e.case_id = @case_id
limit 1;

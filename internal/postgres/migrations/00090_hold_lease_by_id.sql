-- The plan of the fence is kept, so nothing may lead it to another index than the one of the
-- id: as a text, the clinic leads to none.

-- +goose Up
-- +goose StatementBegin
create or replace function hold_lease(sync_id uuid, of_clinic uuid, at_attempt integer) returns void language plpgsql as $$
begin
    perform from public.case_sync_audits
    where id = sync_id and clinic_id::text = of_clinic::text and attempt = at_attempt and status = 'in_progress'
    for share;
    if not found then
        raise exception 'the lease of the sync is lost' using errcode = 'PS001';
    end if;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function hold_lease(sync_id uuid, of_clinic uuid, at_attempt integer) returns void language plpgsql as $$
begin
    perform from public.case_sync_audits
    where id = sync_id and clinic_id = of_clinic and attempt = at_attempt and status = 'in_progress'
    for share;
    if not found then
        raise exception 'the lease of the sync is lost' using errcode = 'PS001';
    end if;
end
$$;
-- +goose StatementEnd

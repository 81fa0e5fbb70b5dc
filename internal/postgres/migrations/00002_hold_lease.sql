-- The fence of a sync's writes, as a statement that fails (R30): so a batch of
-- statements travels in one round trip, and nothing of it is done where the lease
-- is lost.

-- +goose Up
-- +goose StatementBegin
create function hold_lease(sync_id uuid, of_clinic uuid, at_attempt integer) returns void language plpgsql as $$
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

-- +goose Down
drop function hold_lease(uuid, uuid, integer);

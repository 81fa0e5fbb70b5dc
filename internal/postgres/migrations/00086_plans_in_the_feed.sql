-- What plan.opened says (R47): the moment as everywhere, RFC 3339 in UTC with milliseconds, and
-- a number of cases only where the plan lists cases. The plan of a guard that refused a whole
-- calendar lists none.

-- +goose Up
-- +goose StatementBegin
create or replace function pims_sync_feed_of_plans() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into public.pims_sync_feed_pending (clinic_id, type, data)
        values (new.clinic_id, 'plan.opened', jsonb_build_object(
            'planId', new.id, 'syncId', new.sync_id, 'type', new.sync_type, 'code', new.code,
            'expiresAt', to_char(new.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
            || case when jsonb_array_length(new.cases) > 0 then jsonb_build_object('cases', jsonb_array_length(new.cases)) else '{}' end);
    else
        insert into public.pims_sync_feed_pending (clinic_id, type, data)
        values (new.clinic_id, 'plan.decided', jsonb_build_object('planId', new.id, 'syncId', new.sync_id, 'status', new.status));
    end if;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function pims_sync_feed_of_plans() returns trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into public.pims_sync_feed_pending (clinic_id, type, data)
        values (new.clinic_id, 'plan.opened', jsonb_build_object(
            'planId', new.id, 'syncId', new.sync_id, 'type', new.sync_type, 'code', new.code,
            'cases', jsonb_array_length(new.cases), 'expiresAt', new.expires_at));
    else
        insert into public.pims_sync_feed_pending (clinic_id, type, data)
        values (new.clinic_id, 'plan.decided', jsonb_build_object('planId', new.id, 'syncId', new.sync_id, 'status', new.status));
    end if;
    return null;
end
$$;
-- +goose StatementEnd

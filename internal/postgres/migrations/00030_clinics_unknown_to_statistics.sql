-- The planner's statistics never know the clinics that were added since the last ANALYZE:
-- it takes such a clinic to have one case, and then reads all of them by another index than
-- the one that finds the row. Without statistics of these columns it takes every clinic to
-- have a two hundredth of the rows, and prefers the index that finds one. Those that exist
-- are removed: a column that is given its type again loses them, and nothing is rewritten.
-- Where a policy needs the column, they stay until the next time that it is without one.

-- +goose Up
-- +goose StatementBegin
do $$
declare
    which text;
begin
    foreach which in array array['cases', 'case_sync_audits'] loop
        execute format('alter table public.%I alter column clinic_id set statistics 0', which);
        begin
            execute format('alter table public.%I alter column clinic_id type uuid', which);
        exception when feature_not_supported then
            raise notice 'the statistics of %.clinic_id stay', which;
        end;
    end loop;
end
$$;
-- +goose StatementEnd

-- +goose Down
alter table cases alter column clinic_id set statistics -1;
alter table case_sync_audits alter column clinic_id set statistics -1;

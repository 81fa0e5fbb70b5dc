-- Whether a sync worked on every day that its type works on by default, or on those that
-- the clinic's schedule names: only such a sync tells that the data is fresh. An
-- approval counts as the sync whose plan it carries out. Of an older sync, the options tell: one that names days, or fewer
-- days than the default, does not count. A row made by hand counts unless it says otherwise.

-- +goose Up
alter table case_sync_audits add column covers_default boolean not null default true;
alter table deletion_plans add column covers_default boolean not null default true;

update case_sync_audits set covers_default = false
where request ?| array['startDate', 'endDate'] and sync_type <> 'reconciliation'
    or jsonb_path_exists(request, '$.daysAhead ? (@ < 7)') and sync_type in ('inbound', 'full') and trigger <> 'schedule'
    or jsonb_path_exists(request, '$.lookbackDays ? (@ < 7)') and sync_type in ('reconciliation', 'full') and trigger <> 'schedule'
    or request @> '{"dryRun": true}';
update deletion_plans p set covers_default = false
from case_sync_audits a where a.id = p.sync_id and not a.covers_default;
update case_sync_audits a set covers_default = false
from deletion_plans p where a.request ->> 'approval' = p.id::text and not p.covers_default;

-- +goose Down
alter table deletion_plans drop column covers_default;
alter table case_sync_audits drop column covers_default;

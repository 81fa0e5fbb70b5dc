-- Totals cross clinics (R41). Dry runs count for nothing, phases with their full sync. No
-- sync is later than twenty days, which fits into the milliseconds of an integer.

-- name: CountDays :exec
insert into daily_totals (day, completed, failed, cancelled, clinics_synced, clinics_failed, logins_refused, cases_created, cases_updated,
    cases_enriched, cases_deleted, cases_restored, took_p50_ms, took_p95_ms, late_p50_ms, late_p95_ms, counted_at)
select (created_at at time zone 'UTC')::date,
    count(*) filter (where status = 'completed'),
    count(*) filter (where status = 'failed'),
    count(*) filter (where status = 'cancelled'),
    count(distinct clinic_id) filter (where status = 'completed'),
    count(distinct clinic_id) filter (where status = 'failed'),
    count(*) filter (where error_code in ('pims_auth_rejected', 'pims_auth_challenge', 'credentials_suspended')),
    sum(cases_created), sum(cases_updated), sum(cases_enriched), sum(cases_deleted), sum(cases_restored),
    coalesce(1000 * percentile_cont(0.5) within group (order by extract(epoch from completed_at - started_at)) filter (where status = 'completed'), 0),
    coalesce(1000 * percentile_cont(0.95) within group (order by extract(epoch from completed_at - started_at)) filter (where status = 'completed'), 0),
    coalesce(1000 * percentile_cont(0.5) within group (order by least(1728000, greatest(0, extract(epoch from started_at - due_at)))), 0),
    coalesce(1000 * percentile_cont(0.95) within group (order by least(1728000, greatest(0, extract(epoch from started_at - due_at)))), 0),
    @counted_at::timestamptz
from case_sync_audits
where parent_id is null and status in ('completed', 'failed', 'cancelled') and not coalesce((request->>'dryRun')::boolean, false)
    and created_at >= @since::timestamptz and created_at < @until::timestamptz
group by 1
on conflict (day) do update set
    completed = excluded.completed, failed = excluded.failed, cancelled = excluded.cancelled,
    clinics_synced = excluded.clinics_synced, clinics_failed = excluded.clinics_failed, logins_refused = excluded.logins_refused,
    cases_created = excluded.cases_created, cases_updated = excluded.cases_updated, cases_enriched = excluded.cases_enriched,
    cases_deleted = excluded.cases_deleted, cases_restored = excluded.cases_restored,
    took_p50_ms = excluded.took_p50_ms, took_p95_ms = excluded.took_p95_ms,
    late_p50_ms = excluded.late_p50_ms, late_p95_ms = excluded.late_p95_ms, counted_at = excluded.counted_at;

-- name: LatestDays :many
select day from daily_totals order by day desc limit 1;

-- name: Totals :many
select * from daily_totals where day >= @since order by day;

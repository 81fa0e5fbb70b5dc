-- What all syncs of a day came to, so that trends cost the same at any size. Housekeeping
-- counts a day until it is over, and the day before once more.

-- +goose Up
create table daily_totals (
    day date primary key, -- in UTC: the clinics have days of their own
    completed integer not null,
    failed integer not null,
    cancelled integer not null,
    clinics_synced integer not null, -- with a sync that completed
    clinics_failed integer not null, -- with a sync that failed
    logins_refused integer not null, -- syncs that failed because no login was possible
    cases_created integer not null,
    cases_updated integer not null,
    cases_enriched integer not null,
    cases_deleted integer not null,
    cases_restored integer not null,
    took_p50_ms integer not null, -- of those that completed
    took_p95_ms integer not null,
    late_p50_ms integer not null, -- from the tick to the begin, of those that a schedule started
    late_p95_ms integer not null,
    counted_at timestamptz not null
);

-- +goose Down
drop table daily_totals;

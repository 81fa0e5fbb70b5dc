-- name: ReserveRequest :one
-- The next free moment, by the database's clock (R3, R32): an interval after the
-- last one, or now where that is past. So an idle time saves up nothing. A request
-- that counts more than once occupies further intervals. The host may be followed
-- by a space and a bucket.
insert into pims_rate_limits (host, next_at)
values (@host, clock_timestamp() + make_interval(secs => @further_seconds::float8))
on conflict (host) do update set
    next_at = greatest(clock_timestamp(), pims_rate_limits.next_at + make_interval(secs => @interval_seconds::float8))
        + make_interval(secs => @further_seconds::float8)
returning (extract(epoch from next_at - clock_timestamp())::float8 - @further_seconds::float8)::float8 as wait_seconds;

-- Files beside the zones of a machine (leapseconds, tzdata.zi, zone.tab) and paths to zones
-- (./localtime, /etc/localtime) are refused, too: no name of a zone has a dot, begins or ends
-- with a slash, or has two in a row (R1).

-- +goose Up
-- +goose StatementBegin
create or replace function pims_zone_is_everywhere_the_same() returns trigger language plpgsql as $$
begin
    if new.timezone ~* '^(local|localtime|posixrules|factory|leapseconds|right/.*|posix/.*|/.*|.*/|.*//.*|.*\..*)$' then
        raise exception 'clinics.timezone is "%", which is not an IANA time zone such as America/Chicago', new.timezone
            using errcode = 'check_violation', hint = 'Write the zone of the practice as Area/City.';
    end if;
    return new;
end
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
create or replace function pims_zone_is_everywhere_the_same() returns trigger language plpgsql as $$
begin
    if new.timezone ~* '^(local|localtime|posixrules|factory|right/.*|posix/.*)$' then
        raise exception 'clinics.timezone is "%", which is not an IANA time zone such as America/Chicago', new.timezone
            using errcode = 'check_violation', hint = 'Write the zone of the practice as Area/City.';
    end if;
    return new;
end
$$;
-- +goose StatementEnd

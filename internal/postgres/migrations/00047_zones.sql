-- A clinic's zone means the same on every machine (R1): names that stand for the server's
-- own zone, or for another way to count seconds, are refused whoever writes them. Rows that
-- have such a name keep it until it is written again; their syncs are refused.

-- +goose Up
-- +goose StatementBegin
create function pims_zone_is_everywhere_the_same() returns trigger language plpgsql as $$
begin
    if new.timezone ~* '^(local|localtime|posixrules|factory|right/.*|posix/.*)$' then
        raise exception 'clinics.timezone is "%", which is not an IANA time zone such as America/Chicago', new.timezone
            using errcode = 'check_violation', hint = 'Write the zone of the practice as Area/City.';
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger pims_zone_is_everywhere_the_same before insert or update of timezone on clinics
    for each row execute function pims_zone_is_everywhere_the_same();

-- +goose Down
drop trigger pims_zone_is_everywhere_the_same on clinics;
drop function pims_zone_is_everywhere_the_same();

-- +goose Up
-- A key is looked up by its hash (R39): many keys may have one prefix. Hashes that were stored
-- by hand may be in capitals.
create index clinic_api_keys_hash on clinic_api_keys (left(lower(key_hash), 64));

-- +goose Down
drop index clinic_api_keys_hash;

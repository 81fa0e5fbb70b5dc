-- The fleet shows which clinics' PIMS returns another form than before (R51): few rows of many.

-- +goose Up
create index pims_fields_told on pims_fields (clinic_id) where told <> '{}';

-- +goose Down
drop index pims_fields_told;

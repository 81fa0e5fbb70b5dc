-- The clinic's day on which its notes were last looked through for late corrections
-- (R19). A look is no change of a case, so it is kept apart (R12).

-- +goose Up
create table pims_sync_looks (
    clinic_id uuid not null references clinics (id) on delete cascade,
    provider  text not null,
    looked_on date not null,
    primary key (clinic_id, provider)
);

-- +goose Down
drop table pims_sync_looks;

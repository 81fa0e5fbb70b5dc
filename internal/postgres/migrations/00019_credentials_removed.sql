-- Since when a clinic has no credentials any more. Of those that lost theirs before,
-- it is known for now only.

-- +goose Up
alter table clinics add column credentials_removed_at timestamptz;
update clinics c set credentials_removed_at = now()
where not exists (select from pims_credentials p where p.clinic_id = c.id)
    and exists (select from case_sync_audits a where a.clinic_id = c.id and a.started_at is not null);

-- +goose StatementBegin
create function pims_credentials_removed() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        update public.clinics set credentials_removed_at = now() where id = old.clinic_id;
    else
        update public.clinics set credentials_removed_at = null where id = new.clinic_id and credentials_removed_at is not null;
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger pims_credentials_removed after insert or delete on pims_credentials
    for each row execute function pims_credentials_removed();

-- +goose Down
drop trigger pims_credentials_removed on pims_credentials;
drop function pims_credentials_removed();
alter table clinics drop column credentials_removed_at;

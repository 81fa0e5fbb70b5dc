-- What is different about one practice (R50): its settings, and the words that it uses.

-- +goose Up

-- The form of clinics.settings: an object of statuses, types and filters, as docs/first-contact.md
-- describes it. Twice the same word and too many words are refused by the program.
create function pims_sync_settings_valid(s jsonb) returns boolean language sql immutable parallel safe
    set search_path = pg_catalog as $$
    select coalesce(
        jsonb_typeof(s) = 'object'
        and s - '{statuses,types,filters}'::text[] = '{}'
        and coalesce(jsonb_typeof(s -> 'statuses'), 'object') = 'object'
        and coalesce(jsonb_typeof(s -> 'types'), 'object') = 'object'
        and coalesce(jsonb_typeof(s -> 'filters'), 'object') = 'object'
        and not exists (
            select from jsonb_each(case jsonb_typeof(s -> 'statuses') when 'object' then s -> 'statuses' else '{}' end) as w (word, meaning)
            where meaning not in ('"scheduled"', '"checked_in"', '"in_progress"', '"completed"', '"cancelled"', '"no_show"'))
        and not exists (
            select from jsonb_each(case jsonb_typeof(s -> 'types') when 'object' then s -> 'types' else '{}' end) as w (word, meaning)
            where meaning not in ('"checkup"', '"surgery"', '"other"'))
        and not exists (
            select from jsonb_each(case jsonb_typeof(s -> 'filters') when 'object' then s -> 'filters' else '{}' end) as f (name, words)
            where name not in ('types', 'rooms', 'statuses') or jsonb_typeof(words) <> 'array'
                or exists (
                    select from jsonb_array_elements(case jsonb_typeof(words) when 'array' then words else '[]' end) as e (word)
                    where jsonb_typeof(word) <> 'string')),
        false)
$$;

alter table clinics add column settings jsonb not null default '{}' check (pims_sync_settings_valid(settings));

-- The status words, type words and rooms that a practice uses, each in the form in which
-- words are compared (R8). They are no change of a case, so they are kept apart (R12).
create table pims_words (
    clinic_id    uuid        not null references clinics (id) on delete cascade,
    provider     text        not null,
    kind         text        not null check (kind in ('status', 'type', 'room')),
    form         text        not null,
    word         text        not null,                      -- in the PIMS's spelling
    meaning      text        not null default '',           -- the provider's; empty: it knows none
    appointments integer     not null,                      -- the most that one sync showed with it
    first_seen   timestamptz not null,
    last_seen    timestamptz not null,                      -- to the day
    primary key (clinic_id, provider, kind, form)
);

-- +goose Down
drop table pims_words;
alter table clinics drop column settings;
drop function pims_sync_settings_valid(jsonb);

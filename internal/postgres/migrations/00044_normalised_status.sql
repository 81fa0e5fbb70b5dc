-- What an appointment's status word means is stored beside the word (R54). These are the
-- words of the one provider that there is so far; a word that is not here has no meaning
-- until the next sync reads it. The history does not change: no case has changed.

-- +goose Up
alter table cases disable trigger case_events_update;
update cases c set metadata = jsonb_set(c.metadata, '{appointment,normalisedStatus}', to_jsonb(w.meaning))
from (values
    ('scheduled', 'scheduled'), ('confirmed', 'scheduled'),
    ('checkedin', 'checked_in'), ('inprogress', 'in_progress'),
    ('readytopay', 'completed'), ('finalized', 'completed'), ('completed', 'completed'), ('discharged', 'completed'),
    ('cancelled', 'cancelled'), ('canceled', 'cancelled'), ('noshow', 'no_show')
) as w (word, meaning)
where c.provider = 'idexx_neo' and c.pims_id is not null
    and translate(lower(btrim(c.metadata #>> '{appointment,status}', E' \t\r\n')), ' _-', '') = w.word
    and c.metadata #> '{appointment,normalisedStatus}' is null;
alter table cases enable trigger case_events_update;

-- +goose Down
alter table cases disable trigger case_events_update;
update cases set metadata = metadata #- '{appointment,normalisedStatus}'
where metadata #> '{appointment,normalisedStatus}' is not null;
alter table cases enable trigger case_events_update;

-- A person sees from which address each of their sessions began (R43). Empty: the session
-- began before this column.

-- +goose Up
alter table people_sessions add column began_from text not null default '';

-- +goose Down
alter table people_sessions drop column began_from;

-- Whoever looks at the own sessions sees from where each began (R43): the address, without a
-- port. Empty: the session began before this column.

-- +goose Up
alter table people_sessions add column began_from text not null default '';

-- +goose Down
alter table people_sessions drop column began_from;

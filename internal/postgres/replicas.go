package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Replicas records which processes work on syncs. All methods cross clinics (R41).
type Replicas struct{ db *DB }

// Replicas returns the store of the replicas.
func (db *DB) Replicas() *Replicas { return &Replicas{db} }

// Seen records that a replica works, by the database's clock (R3), and the ids of its
// encryption keys (R37). It forgets replicas that have not been seen for a day.
func (s *Replicas) Seen(ctx context.Context, name string, keyIDs []string) error {
	return s.db.System(ctx, "report the replica", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			with gone as (delete from replicas where seen_at < statement_timestamp() - interval '1 day')
			insert into replicas (name, seen_at, encryption_keys) values ($1, clock_timestamp(), coalesce($2::text[], '{}'))
			on conflict (name) do update set seen_at = excluded.seen_at, encryption_keys = excluded.encryption_keys`, name, keyIDs)
		return err
	})
}

// Gone records that a replica has stopped.
func (s *Replicas) Gone(ctx context.Context, name string) error {
	return s.db.System(ctx, "sign the replica off", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from replicas where name = $1`, name)
		return err
	})
}

// Alive reports whether any replica has been seen within a time.
func (s *Replicas) Alive(ctx context.Context, within time.Duration) (alive bool, err error) {
	err = s.db.System(ctx, "look for replicas", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select exists (select from replicas where seen_at > statement_timestamp() - make_interval(secs => $1))`,
			within.Seconds()).Scan(&alive)
	})
	return alive, err
}

// Lacking lists the replicas that have been seen within a time and lack an encryption key
// (R37).
func (s *Replicas) Lacking(ctx context.Context, keyID string, within time.Duration) (names []string, err error) {
	err = s.db.System(ctx, "look which replicas have the encryption key", func(tx pgx.Tx) error {
		names, err = Query(ctx, tx, `
			select name from replicas
			where seen_at > statement_timestamp() - make_interval(secs => $2) and $1 <> all (encryption_keys)
			order by name`, []any{keyID, within.Seconds()}, pgx.RowTo[string])
		return err
	})
	return names, err
}

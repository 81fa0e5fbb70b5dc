package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// busyTables are those whose rows come and go all the time, so that their indexes grow: the
// queue's, and ours that are written with each sync or change.
var busyTables = []string{
	"river_job", "river_leader", "river_notification", "river_queue",
	"idempotency_keys", "pims_sync_feed_pending", "sync_leases", "webhook_deliveries",
}

// An Index is an index that Maintain built anew, and its size before and after in bytes.
type Index struct {
	Name          string
	Before, After int64
}

// Maintain builds the indexes of the busiest tables anew, one after the other, while
// everything else goes on (R45). The queue's own reindexer is off, because the service does
// not own the tables; the login must be their owner. It first removes what an earlier run
// that was killed has left.
func (db *DB) Maintain(ctx context.Context) (rebuilt []Index, err error) {
	err = db.locked(ctx, func(ctx context.Context) (err error) {
		if err := db.mustOwn(ctx); err != nil {
			return err
		}
		rebuilt, err = db.rebuildIndexes(ctx)
		return err
	})
	return rebuilt, db.Translate(ctx, "rebuild the indexes", err)
}

func (db *DB) rebuildIndexes(ctx context.Context) (rebuilt []Index, err error) {
	left, err := db.busyIndexes(ctx, `not indisvalid and c.relname ~ '_cc(new|old)\d*$'`)
	if err != nil {
		return nil, err
	}
	for _, index := range left {
		if _, err := db.pool.Exec(ctx, "drop index concurrently if exists public."+pgx.Identifier{index.Name}.Sanitize()); err != nil {
			return nil, err
		}
	}
	indexes, err := db.busyIndexes(ctx, "true")
	if err != nil {
		return nil, err
	}
	for _, index := range indexes {
		if _, err := db.pool.Exec(ctx, "reindex index concurrently public."+pgx.Identifier{index.Name}.Sanitize()); err != nil {
			return rebuilt, err
		}
		err := db.pool.QueryRow(ctx, "select pg_relation_size(to_regclass('public.' || quote_ident($1)))", index.Name).Scan(&index.After)
		if err != nil {
			return rebuilt, err
		}
		rebuilt = append(rebuilt, index)
	}
	return rebuilt, nil
}

// busyIndexes lists the indexes of the busy tables that fulfil a condition.
func (db *DB) busyIndexes(ctx context.Context, condition string) ([]Index, error) {
	rows, err := db.pool.Query(ctx, `
		select c.relname::text, pg_relation_size(c.oid), 0::bigint
		from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
		where t.relnamespace = 'public'::regnamespace and t.relname = any($1) and `+condition+` order by 1`, busyTables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Index])
}

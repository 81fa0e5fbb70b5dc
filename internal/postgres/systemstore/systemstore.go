// Package systemstore reads how an installation is from PostgreSQL. It changes nothing.
package systemstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// Read reads how the installation is. It crosses clinics (R41).
func Read(ctx context.Context, db *postgres.DB) (found fleet.System, err error) {
	found.Walled = db.Walled()
	if found.Migration, err = db.Migration(ctx); err != nil {
		return found, err
	}
	if found.Limits, err = limits(ctx, db); err != nil {
		return found, db.Translate(ctx, "look at the rate limits", err)
	}
	err = db.System(ctx, "look at the installation", func(tx pgx.Tx) error {
		var oldest *time.Time
		err := tx.QueryRow(ctx, `
			select split_part(current_setting('server_version'), ' ', 1), pg_database_size(current_database()),
				count(*) filter (where status = 'queued'), count(*) filter (where status = 'in_progress'), min(created_at) filter (where status = 'queued')
			from case_sync_audits where parent_id is null and status in ('queued', 'in_progress')`).
			Scan(&found.Database, &found.Bytes, &found.Queued, &found.Running, &oldest)
		if err != nil {
			return err
		}
		found.Oldest = null.Value(oldest)
		rows, err := tx.Query(ctx, "select name, seen_at, encryption_keys from replicas order by name")
		if err != nil {
			return err
		}
		if found.Replicas, err = pgx.CollectRows(rows, pgx.RowToStructByPos[fleet.Replica]); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, "select key_id, created_at from encryption_keys order by created_at, key_id"); err != nil {
			return err
		}
		found.Keys, err = pgx.CollectRows(rows, pgx.RowToStructByPos[fleet.EncryptionKey])
		return err
	})
	return found, err
}

// limits reads the hosts of PIMS that were asked lately (R32).
func limits(ctx context.Context, db *postgres.DB) ([]fleet.HostLimit, error) {
	rows, err := db.Pool().Query(ctx, "select host, next_at from pims_rate_limits where next_at > now() - interval '10 minutes' order by host")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[fleet.HostLimit])
}

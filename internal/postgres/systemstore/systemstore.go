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
	err = db.System(ctx, "look at the installation", func(tx pgx.Tx) error {
		var oldest *time.Time
		err := tx.QueryRow(ctx, `
			select split_part(current_setting('server_version'), ' ', 1),
				count(*) filter (where status = 'queued'), count(*) filter (where status = 'in_progress'), min(created_at) filter (where status = 'queued')
			from case_sync_audits where parent_id is null and status in ('queued', 'in_progress')`).
			Scan(&found.Database, &found.Queued, &found.Running, &oldest)
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

package syncstore

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// BeginPhase implements casesync.Recorder.
func (s *Audits) BeginPhase(ctx context.Context, lease syncs.Lease, phase syncs.Type, at time.Time) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	err = s.db.Fenced(ctx, "open the audit of a phase", lease, "", func(batch *pgx.Batch) error {
		return postgres.Queued(batch).InsertPhase(ctx, dbsqlc.InsertPhaseParams{
			ID: id, ParentID: lease.AuditID, ClinicID: lease.ClinicID, SyncType: string(phase), StartedAt: at,
		})
	})
	return id, err
}

// EndPhase implements casesync.Recorder.
func (s *Audits) EndPhase(ctx context.Context, lease syncs.Lease, id uuid.UUID, status syncs.Status, result syncs.Result, at time.Time) error {
	row, err := closing(lease, id, status, result, at)
	if err != nil {
		return err
	}
	row.ParentID = &lease.AuditID
	return s.db.Later(ctx, "close the audit of a phase", lease, func(batch *pgx.Batch) error {
		return postgres.Queued(batch).CloseAudit(ctx, row)
	})
}

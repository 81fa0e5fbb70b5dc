package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// AuditsAcross lists the syncs of several clinics, the newest first, without phases: of all
// clinics where clinics is nil, else of those named. It crosses clinics (R41, R42).
func (s *Audits) AuditsAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (list syncs.List[syncs.Audit], err error) {
	before, err := parseCursor(filter.Cursor, latest)
	if err != nil {
		return list, err
	}
	limit := limitOf(filter.Page)
	err = s.db.askSystem(ctx, "list syncs of several clinics", func(q *dbsqlc.Queries) error {
		rows, err := q.AuditsAcross(ctx, dbsqlc.AuditsAcrossParams{
			Clinics: clinics, SyncType: string(filter.Type), Status: string(filter.Status),
			BeforeAt: before.at, BeforeID: before.id, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		audits := convert(rows, func(row dbsqlc.AuditsAcrossRow) syncs.Audit { return auditOf(row.CaseSyncAudit, row.Progress) })
		list = pageOf(audits, limit, func(a syncs.Audit) cursor { return cursor{a.CreatedAt, a.ID} })
		return err
	})
	return list, err
}

// PlansAcross lists the plans of several clinics, the newest first, with the syncs that
// carry them out: of all clinics where clinics is nil, else of those named. It crosses
// clinics (R41, R42).
func (s *Plans) PlansAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.PlanFilter) (list syncs.List[syncs.Plan], err error) {
	before, err := parseCursor(filter.Cursor, latest)
	if err != nil {
		return list, err
	}
	limit, now := limitOf(filter.Page), s.db.now()
	err = s.db.askSystem(ctx, "list plans of several clinics", func(q *dbsqlc.Queries) error {
		rows, err := q.PlansAcross(ctx, dbsqlc.PlansAcrossParams{
			Clinics: clinics, Status: string(filter.Status), At: now,
			BeforeAt: before.at, BeforeID: before.id, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		plans := convert(rows, func(row dbsqlc.DeletionPlan) syncs.Plan { return planOf(row, now) })
		list = pageOf(plans, limit, func(p syncs.Plan) cursor { return cursor{p.CreatedAt, p.ID} })
		if err != nil {
			return err
		}
		a := approvalsOf(list.Items)
		if a.none() {
			return nil
		}
		found, err := q.ExecutionsAcross(ctx, a.clinics, a.moments, a.ids)
		for _, row := range found {
			a.add(dbsqlc.ExecutionsRow(row))
		}
		return err
	})
	return list, err
}

package syncstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// AuditsAcross lists the syncs of several clinics, the newest first, without phases: of all
// clinics where clinics is nil, else of those named. It crosses clinics (R41, R42).
func (s *Audits) AuditsAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (list syncs.List[syncs.Audit], err error) {
	before, err := page.Parse(filter.Cursor, page.Latest)
	if err != nil {
		return list, err
	}
	limit := page.Limit(filter.Page)
	var bytes page.Bytes
	err = s.db.AskPage(ctx, "list syncs of several clinics", postgres.Scope{}, &bytes, func(q *dbsqlc.Queries) error {
		rows, err := q.AuditsAcross(ctx, dbsqlc.AuditsAcrossParams{
			Clinics: clinics, SyncType: string(filter.Type), Status: string(filter.Status), Code: string(filter.Code), Since: filter.Since,
			BeforeAt: before.At, BeforeID: before.ID, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		audits := values.Convert(rows, func(row dbsqlc.AuditsAcrossRow) syncs.Audit { return auditOf(row.CaseSyncAudit, row.Progress) })
		list = page.Of(audits, limit, &bytes, func(a syncs.Audit) string { return page.Cursor{At: a.CreatedAt, ID: a.ID}.String() })
		return err
	})
	return list, err
}

// PlansAcross lists the plans of several clinics, the newest first, with the syncs that
// carry them out: of all clinics where clinics is nil, else of those named. It crosses
// clinics (R41, R42).
func (s *Plans) PlansAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.PlanFilter) (list syncs.List[syncs.Plan], err error) {
	before, err := page.Parse(filter.Cursor, page.Latest)
	if err != nil {
		return list, err
	}
	limit, now := page.Limit(filter.Page), s.db.Now()
	var bytes page.Bytes
	err = s.db.AskPage(ctx, "list plans of several clinics", postgres.Scope{}, &bytes, func(q *dbsqlc.Queries) error {
		rows, err := q.PlansAcross(ctx, dbsqlc.PlansAcrossParams{
			Clinics: clinics, Status: string(filter.Status), At: now,
			BeforeAt: before.At, BeforeID: before.ID, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		plans := values.Convert(rows, func(row dbsqlc.DeletionPlan) syncs.Plan { return planOf(row, now) })
		list = page.Of(plans, limit, &bytes, func(p syncs.Plan) string { return page.Cursor{At: p.CreatedAt, ID: p.ID}.String() })
		return err
	})
	a := approvalsOf(list.Items)
	if err != nil || a.none() {
		return list, err
	}
	return list, s.db.AskSystem(ctx, "list how plans of several clinics were carried out", func(q *dbsqlc.Queries) error {
		found, err := q.ExecutionsAcross(ctx, a.clinics, a.moments, a.ids)
		for _, row := range found {
			a.add(dbsqlc.ExecutionsRow(row))
		}
		return err
	})
}

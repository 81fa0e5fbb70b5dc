package syncstore

import (
	"context"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Audit reads one sync of the clinic, or one phase of a full sync, with its progress while
// it runs, and with the phases of its last attempt. The error is CodeNotFound where the
// clinic has no such sync.
func (s *Audits) Audit(ctx context.Context, clinicID, id uuid.UUID) (audit syncs.Audit, err error) {
	err = s.db.AskInClinic(ctx, "read the sync", clinicID, func(q *dbsqlc.Queries) error {
		row, err := q.Audit(ctx, id, clinicID)
		if err != nil {
			return null.Found(err, errNoSync())
		}
		audit = auditOf(row.CaseSyncAudit, row.Progress)
		if audit.Type != syncs.TypeFull {
			return nil
		}
		phases, err := q.Phases(ctx, &id, clinicID, row.CaseSyncAudit.Attempt)
		for _, phase := range phases {
			audit.Children = append(audit.Children, auditOf(phase.CaseSyncAudit, nil))
		}
		return err
	})
	return audit, err
}

// Audits lists the clinic's syncs, the newest first, without phases.
func (s *Audits) Audits(ctx context.Context, clinicID uuid.UUID, filter syncs.AuditFilter) (list syncs.List[syncs.Audit], err error) {
	before, err := page.Parse(filter.Cursor, page.Latest)
	if err != nil {
		return list, err
	}
	limit := page.Limit(filter.Page)
	var bytes page.Bytes
	err = s.db.AskPage(ctx, "list syncs", postgres.Scope{ClinicID: clinicID, Ordered: true}, &bytes, func(q *dbsqlc.Queries) error {
		rows, err := q.Audits(ctx, dbsqlc.AuditsParams{
			ClinicID: clinicID, SyncType: string(filter.Type), Status: string(filter.Status), Code: string(filter.Code), Since: filter.Since,
			BeforeAt: before.At, BeforeID: before.ID, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		audits := values.Convert(rows, func(row dbsqlc.AuditsRow) syncs.Audit { return auditOf(row.CaseSyncAudit, row.Progress) })
		list = page.Of(audits, limit, &bytes, func(a syncs.Audit) string { return page.Cursor{At: a.CreatedAt, ID: a.ID}.String() })
		return err
	})
	return list, err
}

// ClinicOf returns which clinic a sync belongs to, for a command that names only
// the sync. It crosses clinics (R41).
func (s *Audits) ClinicOf(ctx context.Context, id uuid.UUID) (clinicID uuid.UUID, err error) {
	err = s.db.AskSystem(ctx, "find the sync", func(q *dbsqlc.Queries) error {
		clinicID, err = q.ClinicOfAudit(ctx, id)
		return null.Found(err, syncs.Fail(syncs.CodeNotFound, "there is no such sync"))
	})
	return clinicID, err
}

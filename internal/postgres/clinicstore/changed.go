package clinicstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
)

// changedSQL lists the clinics of whose rows one has a time after a moment. Of the audits it
// uses case_sync_audits_old and case_sync_audits_running; the other tables have few rows of
// a clinic. A phase of a running sync counts as soon as it has ended, so clinics that sync
// now are listed too.
const changedSQL = `
	select clinic_id from case_sync_audits where parent_id is null and not shortened and completed_at > $1
	union
	select clinic_id from case_sync_audits where parent_id is null and status = 'in_progress'
	union
	select clinic_id from deletion_plans where created_at > $1
	union
	select clinic_id from pims_credentials where greatest(updated_at, tested_at, suspended_at) > $1
	union
	select clinic_id from clinic_schedule_configs where updated_at > $1
	union
	select id from clinics where greatest(updated_at, created_at, credentials_removed_at) > $1`

// Changed implements scheduler.ClinicStore. It crosses clinics (R41).
func (s *Clinics) Changed(ctx context.Context, since time.Time) ([]uuid.UUID, error) {
	return postgres.ReadSystem(ctx, s.db, "look which clinics changed", changedSQL, []any{since}, pgx.RowTo[uuid.UUID])
}

// ClinicsAfter implements scheduler.ClinicStore. It crosses clinics (R41).
func (s *Clinics) ClinicsAfter(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	return postgres.ReadSystem(ctx, s.db, "list clinics", "select id from clinics where id > $1 order by id limit $2", []any{after, limit}, pgx.RowTo[uuid.UUID])
}

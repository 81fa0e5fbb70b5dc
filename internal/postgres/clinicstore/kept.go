package clinicstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// Kept reads a clinic, its credential and its session in one round trip, for a connection
// with its PIMS. The error is clinic.ErrNotFound where there is no such clinic.
func (s *Clinics) Kept(ctx context.Context, clinicID uuid.UUID) (clinic.Kept, error) {
	if clinicID == uuid.Nil {
		return clinic.Kept{}, clinic.ErrNotFound
	}
	found, err := postgres.ReadInClinic(ctx, s.db, "read the clinic", clinicID, `
		select c.id, c.name, c.timezone, c.is_active, c.deletion_limits, c.created_at, c.updated_at, c.disabled_at, c.credentials_removed_at, c.settings,
			p.id, p.provider, p.sealed, p.suspended_at, p.suspended_reason, p.created_at, p.updated_at, p.tested_at, p.test_outcome,
			s.credential_id, s.sealed, s.logged_in_at, s.used_at
		from clinics c
		left join pims_credentials p on p.clinic_id = c.id
		left join pims_sessions s on s.clinic_id = c.id
		where c.id = $1`, []any{clinicID}, scanKept)
	if err != nil {
		return clinic.Kept{}, err
	}
	if len(found) == 0 {
		return clinic.Kept{}, clinic.ErrNotFound
	}
	return found[0], nil
}

func scanKept(row pgx.CollectableRow) (kept clinic.Kept, err error) {
	var c dbsqlc.Clinic
	var id, of *uuid.UUID
	var provider, reason, outcome *string
	var suspended, created, updated, tested, loggedIn, used *time.Time
	var credential, session []byte
	err = row.Scan(&c.ID, &c.Name, &c.Timezone, &c.IsActive, &c.DeletionLimits, &c.CreatedAt, &c.UpdatedAt, &c.DisabledAt, &c.CredentialsRemovedAt, &c.Settings,
		&id, &provider, &credential, &suspended, &reason, &created, &updated, &tested, &outcome,
		&of, &session, &loggedIn, &used)
	if err != nil {
		return kept, err
	}
	kept.Clinic = ClinicOf(c)
	if id != nil {
		kept.Credential = &clinic.StoredCredential{
			ID: *id, ClinicID: c.ID, Provider: null.Value(provider), Sealed: credential, SuspendedAt: null.Value(suspended),
			SuspendedReason: null.Value(reason), TestedAt: null.Value(tested), TestOutcome: null.Value(outcome),
			CreatedAt: null.Value(created), UpdatedAt: null.Value(updated),
		}
	}
	if of != nil {
		kept.Session = &clinic.StoredSession{ClinicID: c.ID, CredentialID: *of, Sealed: session, LoggedInAt: null.Value(loggedIn), UsedAt: null.Value(used)}
	}
	return kept, nil
}

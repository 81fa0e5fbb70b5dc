package clinicstore

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// Credentials stores the clinics' sealed credentials (R37).
type Credentials struct{ db *postgres.DB }

// NewCredentials returns the store of the credentials.
func NewCredentials(db *postgres.DB) *Credentials { return &Credentials{db} }

var _ clinic.CredentialStore = (*Credentials)(nil)

// Credential implements clinic.CredentialStore.
func (s *Credentials) Credential(ctx context.Context, clinicID uuid.UUID) (c clinic.StoredCredential, err error) {
	err = s.db.AskInClinic(ctx, "read the credentials", clinicID, func(q *dbsqlc.Queries) error {
		row, err := q.Credential(ctx, clinicID)
		c = clinic.StoredCredential{
			ID:              row.ID,
			ClinicID:        row.ClinicID,
			Provider:        row.Provider,
			Sealed:          row.Sealed,
			SuspendedAt:     null.Value(row.SuspendedAt),
			SuspendedReason: null.Value(row.SuspendedReason),
			TestedAt:        null.Value(row.TestedAt),
			TestOutcome:     null.Value(row.TestOutcome),
			CreatedAt:       row.CreatedAt,
			UpdatedAt:       row.UpdatedAt,
		}
		return null.Found(err, clinic.ErrCredentialsMissing)
	})
	return c, err
}

// ReplaceCredential stores a clinic's credential in place of the old one, and removes the
// old one's session and suspension (R32, R36). The error is clinic.ErrNotFound where there
// is no such clinic.
func (s *Credentials) ReplaceCredential(ctx context.Context, c clinic.StoredCredential) error {
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.db.Now()
	}
	return s.db.InClinic(ctx, "store the credentials", c.ClinicID, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		if _, err := q.DeleteCredential(ctx, c.ClinicID); err != nil {
			return err
		}
		err := q.InsertCredential(ctx, dbsqlc.InsertCredentialParams{
			ID: c.ID, ClinicID: c.ClinicID, Provider: c.Provider, Sealed: c.Sealed, CreatedAt: c.CreatedAt,
		})
		if postgres.Violates(err, "pims_credentials_clinic_id_fkey") {
			return clinic.ErrNotFound
		}
		return err
	})
}

// SuspendCredential implements clinic.CredentialStore.
func (s *Credentials) SuspendCredential(ctx context.Context, clinicID, credentialID uuid.UUID, reason string, at time.Time) error {
	return s.db.InClinic(ctx, "suspend the credentials", clinicID, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		n, err := q.SuspendCredential(ctx, dbsqlc.SuspendCredentialParams{
			ClinicID: clinicID, ID: credentialID, SuspendedReason: null.Text(reason), SuspendedAt: &at,
		})
		if err != nil || n == 0 {
			return err
		}
		return q.DeleteSessionOf(ctx, clinicID, credentialID)
	})
}

// NoteTest implements clinic.CredentialStore.
func (s *Credentials) NoteTest(ctx context.Context, clinicID, credentialID uuid.UUID, outcome string, at time.Time) error {
	return s.db.AskInClinic(ctx, "note the test of the credentials", clinicID, func(q *dbsqlc.Queries) error {
		return q.NoteTest(ctx, dbsqlc.NoteTestParams{ClinicID: clinicID, ID: credentialID, TestOutcome: null.Text(outcome), TestedAt: &at})
	})
}

// ResumeCredential lifts a suspension (R32). The error is clinic.ErrCredentialsMissing
// where the clinic has no credentials. Where they are not suspended, only the time changes.
func (s *Credentials) ResumeCredential(ctx context.Context, clinicID uuid.UUID) error {
	return s.db.AskInClinic(ctx, "resume the credentials", clinicID, func(q *dbsqlc.Queries) error {
		n, err := q.ResumeCredential(ctx, s.db.Now(), clinicID)
		return values.Changed(n, err, clinic.ErrCredentialsMissing)
	})
}

// RemoveCredential removes the clinic's credentials and their session. The error is
// clinic.ErrCredentialsMissing where there are none.
func (s *Credentials) RemoveCredential(ctx context.Context, clinicID uuid.UUID) error {
	return s.db.AskInClinic(ctx, "remove the credentials", clinicID, func(q *dbsqlc.Queries) error {
		n, err := q.DeleteCredential(ctx, clinicID)
		return values.Changed(n, err, clinic.ErrCredentialsMissing)
	})
}

// Sessions stores the sealed states of the clinics' logins (R36).
type Sessions struct{ db *postgres.DB }

// NewSessions returns the store of the sessions.
func NewSessions(db *postgres.DB) *Sessions { return &Sessions{db} }

var _ clinic.SessionStore = (*Sessions)(nil)

// Session implements clinic.SessionStore.
func (s *Sessions) Session(ctx context.Context, clinicID uuid.UUID) (session clinic.StoredSession, err error) {
	err = s.db.AskInClinic(ctx, "read the session", clinicID, func(q *dbsqlc.Queries) error {
		row, err := q.Session(ctx, clinicID)
		session = clinic.StoredSession(row)
		return null.Found(err, clinic.ErrNoSession)
	})
	return session, err
}

// SaveSession implements clinic.SessionStore.
func (s *Sessions) SaveSession(ctx context.Context, session clinic.StoredSession) error {
	return s.db.AskInClinic(ctx, "keep the session", session.ClinicID, func(q *dbsqlc.Queries) error {
		return q.PutSession(ctx, dbsqlc.PutSessionParams{
			ClinicID: session.ClinicID, CredentialID: session.CredentialID, LoggedInAt: session.LoggedInAt,
			Sealed: session.Sealed, UsedAt: session.UsedAt,
		})
	})
}

// UpdateSession implements clinic.SessionStore.
func (s *Sessions) UpdateSession(ctx context.Context, session clinic.StoredSession) error {
	return s.db.AskInClinic(ctx, "keep the session", session.ClinicID, func(q *dbsqlc.Queries) error {
		return q.UpdateSession(ctx, dbsqlc.UpdateSessionParams{
			ClinicID: session.ClinicID, CredentialID: session.CredentialID, LoggedInAt: session.LoggedInAt,
			Sealed: session.Sealed, UsedAt: session.UsedAt,
		})
	})
}

// DropSession implements clinic.SessionStore.
func (s *Sessions) DropSession(ctx context.Context, session clinic.StoredSession) error {
	return s.db.AskInClinic(ctx, "drop the session", session.ClinicID, func(q *dbsqlc.Queries) error {
		return q.DeleteSession(ctx, session.ClinicID, session.CredentialID, session.LoggedInAt)
	})
}

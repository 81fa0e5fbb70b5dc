package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// What is read together is what each store reads by itself.
func TestWhatAConnectionNeedsIsReadTogether(t *testing.T) { // R36, R37
	t.Parallel()
	db := pgtest.New(t)
	clinics, credentials, sessions := clinicstore.NewClinics(db), clinicstore.NewCredentials(db), clinicstore.NewSessions(db)
	id, other := newClinic(t, db), newClinic(t, db)
	owner, err := clinics.Clinic(t.Context(), id)
	require.NoError(t, err)
	kept, err := clinics.Kept(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, clinic.Kept{Clinic: owner}, kept, "nothing is stored")

	credential := uuid.New()
	require.NoError(t, credentials.ReplaceCredential(t.Context(), clinic.StoredCredential{ID: credential, ClinicID: id, Provider: "idexx_neo", Sealed: []byte("sealed")}))
	require.NoError(t, credentials.NoteTest(t.Context(), id, credential, "ok", monday))
	require.NoError(t, sessions.SaveSession(t.Context(), clinic.StoredSession{ClinicID: id, CredentialID: credential, Sealed: []byte("session"), LoggedInAt: monday, UsedAt: monday.Add(time.Minute)}))
	wanted, err := credentials.Credential(t.Context(), id)
	require.NoError(t, err)
	session, err := sessions.Session(t.Context(), id)
	require.NoError(t, err)
	kept, err = clinics.Kept(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, clinic.Kept{Clinic: owner, Credential: &wanted, Session: &session}, kept)

	kept, err = clinics.Kept(t.Context(), other)
	require.NoError(t, err)
	require.Nil(t, kept.Credential)
	require.Nil(t, kept.Session)
	require.NoError(t, credentials.SuspendCredential(t.Context(), id, credential, "refused", monday))
	kept, err = clinics.Kept(t.Context(), id)
	require.NoError(t, err)
	require.True(t, kept.Credential.Suspended())
	require.Nil(t, kept.Session)
	for _, unknown := range []uuid.UUID{uuid.Nil, uuid.New()} {
		_, err = clinics.Kept(t.Context(), unknown)
		require.ErrorIs(t, err, clinic.ErrNotFound)
	}
}

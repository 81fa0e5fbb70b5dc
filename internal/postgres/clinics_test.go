package postgres_test

import (
	"testing"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAClinicIsAddedWithItsSchedulesAndChanged(t *testing.T) { // R33
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	clinics := clinicstore.NewClinics(db)
	added, err := clinics.Add(t.Context(), clinic.Clinic{Name: "Harbour Vets", Timezone: "Europe/Berlin", Active: true})
	require.NoError(t, err)
	require.NotEqual(t, uuid.Nil, added.ID)
	require.True(t, monday.Equal(added.CreatedAt))
	document, err := clinics.Schedules(t.Context(), added.ID)
	require.NoError(t, err)
	require.JSONEq(t, string(clinic.DefaultSchedules()), string(document))

	added.Name, added.Timezone, added.Active, added.DeletionLimits = "Quay Vets", "", false, clinic.DeletionLimits{MaxCases: 7, MinAllowed: 2, Share: 0.25}
	updated, err := clinics.Update(t.Context(), added, monday.Add(time.Hour))
	require.NoError(t, err)
	added.UpdatedAt, added.DisabledAt = monday.Add(time.Hour), monday.Add(time.Hour)
	require.Empty(t, cmp.Diff(added, updated, sameInstant))
	read, err := clinics.Clinic(t.Context(), added.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(added, read, sameInstant))

	_, err = clinics.Add(t.Context(), clinic.Clinic{ID: added.ID, Name: "Twin"})
	require.ErrorContains(t, err, "exists already")
	_, err = clinics.Update(t.Context(), clinic.Clinic{ID: uuid.New()}, monday)
	require.ErrorIs(t, err, clinic.ErrNotFound)
	for _, id := range []uuid.UUID{uuid.New(), uuid.Nil} {
		_, err = clinics.Clinic(t.Context(), id)
		require.ErrorIs(t, err, clinic.ErrNotFound)
	}
	given := clinic.Clinic{ID: uuid.New(), Name: "Alpha Vets", Active: true}
	_, err = clinics.Add(t.Context(), given)
	require.NoError(t, err)
	all, err := clinics.Clinics(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, given.ID, all[0].ID, "by name")
}

func TestSchedulesOfActiveClinicsAreReadTogether(t *testing.T) { // R33
	t.Parallel()
	db := pgtest.New(t)
	clinics := clinicstore.NewClinics(db)
	active, disabled, bare := newClinic(t, db), newClinic(t, db), newClinic(t, db)
	for _, id := range []uuid.UUID{active, disabled} {
		require.NoError(t, clinics.SetSchedules(t.Context(), id, []byte(`[{"type": "full"}]`), monday))
	}
	require.NoError(t, clinics.SetSchedules(t.Context(), active, []byte(`[]`), monday.Add(time.Hour)))
	exec(t, db, "update clinics set is_active = false where id = $1", disabled)

	all, err := clinics.AllSchedules(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, active, all[0].ClinicID)
	require.Equal(t, "America/New_York", all[0].Timezone)
	require.Equal(t, "[]", string(all[0].Document))
	owner, err := clinics.Clinic(t.Context(), active)
	require.NoError(t, err)
	require.True(t, owner.UpdatedAt.Equal(all[0].ChangedAt), "the clinic was changed later than its schedules")
	require.True(t, owner.CreatedAt.Equal(all[0].CreatedAt))
	exec(t, db, `update clinic_schedule_configs set sync_schedules = '[{"type": "full"}]'`)
	all, err = clinics.AllSchedules(t.Context())
	require.NoError(t, err)
	require.True(t, all[0].ChangedAt.After(owner.UpdatedAt), "also by plain SQL")

	none, err := clinics.Schedules(t.Context(), bare)
	require.NoError(t, err)
	require.Nil(t, none)
	require.ErrorIs(t, clinics.SetSchedules(t.Context(), uuid.New(), []byte(`[]`), monday), clinic.ErrNotFound)
}

func TestWhatIsWrittenAgainAsItWasHasNotChanged(t *testing.T) { // R34
	t.Parallel()
	db := pgtest.New(t)
	clinics, id := clinicstore.NewClinics(db), newClinic(t, db)
	changedAt := func() time.Time {
		all, err := clinics.AllSchedules(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
		return all[0].ChangedAt
	}
	require.NoError(t, clinics.SetSchedules(t.Context(), id, []byte(`[{"type": "full"}]`), time.Now()))
	before := changedAt()

	require.NoError(t, clinics.SetSchedules(t.Context(), id, []byte(`[ {"type":"full"} ]`), time.Now().Add(time.Hour)))
	exec(t, db, "update clinic_schedule_configs set sync_schedules = sync_schedules")
	exec(t, db, "update clinics set timezone = timezone, is_active = is_active")
	require.Equal(t, before, changedAt())

	exec(t, db, "update clinics set timezone = 'Europe/Oslo'")
	require.True(t, changedAt().After(before))
}

func TestAKeyIsFoundByItsPrefixUsedAndRevoked(t *testing.T) { // R39
	t.Parallel()
	db := pgtest.New(t)
	keys, clinicID := clinicstore.NewKeys(db), newClinic(t, db)
	row, text := clinic.IssueKey(clinicID, "portal", []clinic.Scope{clinic.ScopeInbound}, monday.AddDate(1, 0, 0), monday)
	added, err := keys.AddKey(t.Context(), row)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(row, added, sameInstant))

	authenticated, err := clinic.Authenticate(t.Context(), text, keys, monday)
	require.NoError(t, err)
	require.Equal(t, clinicID, authenticated.ClinicID)
	touched, err := keys.KeysOf(t.Context(), row.Prefix, row.Hash)
	require.NoError(t, err)
	require.True(t, monday.Equal(touched[0].LastUsedAt))
	require.NoError(t, keys.TouchKey(t.Context(), row.ID, monday.Add(-time.Hour)))
	all, err := keys.Keys(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.True(t, monday.Equal(all[0].LastUsedAt), "an earlier moment changes nothing")

	require.NoError(t, keys.RevokeKey(t.Context(), row.ID))
	require.NoError(t, keys.RevokeKey(t.Context(), row.ID), "a revoked key stays so")
	_, err = clinic.Authenticate(t.Context(), text, keys, monday)
	require.ErrorIs(t, err, clinic.ErrUnauthorized)
	requireCode(t, syncs.CodeNotFound, keys.RevokeKey(t.Context(), uuid.New()))
	row.ID, row.ClinicID = uuid.Nil, uuid.New()
	_, err = keys.AddKey(t.Context(), row)
	require.ErrorIs(t, err, clinic.ErrNotFound)
}

func TestAKeyWithoutPermissionsHasTheFourSyncScopes(t *testing.T) { // R39
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, "insert into clinic_api_keys (clinic_id, key_prefix, key_hash) values ($1, 'abcdefgh', 'x')", newClinic(t, db))
	rows, err := clinicstore.NewKeys(db).KeysOf(t.Context(), "abcdefgh", "x")
	require.NoError(t, err)
	require.Nil(t, rows[0].Permissions)
	require.Equal(t, clinic.SyncScopes(), rows[0].Scopes())
	exec(t, db, "update clinic_api_keys set permissions = '{}'")
	rows, err = clinicstore.NewKeys(db).KeysOf(t.Context(), "abcdefgh", "x")
	require.NoError(t, err)
	require.NotNil(t, rows[0].Permissions)
	require.Empty(t, rows[0].Scopes(), "an empty list is none")
}

func TestAWrongEncryptionKeyIsRefused(t *testing.T) { // R37
	t.Parallel()
	db := pgtest.New(t)
	ring, err := seal.ParseKeyring(seal.NewKey())
	require.NoError(t, err)
	require.NoError(t, ring.Verify(t.Context(), clinicstore.NewKeys(db)))
	require.NoError(t, ring.Verify(t.Context(), clinicstore.NewKeys(db)))
	require.Equal(t, 1, scan[int](t, db, "select count(*) from encryption_keys"))
	other, err := seal.ParseKeyring(seal.NewKey())
	require.NoError(t, err)
	require.ErrorIs(t, other.Verify(t.Context(), clinicstore.NewKeys(db)), seal.ErrWrongKey)
}

func TestACredentialIsReplacedSuspendedResumedAndRemoved(t *testing.T) { // R32, R36
	t.Parallel()
	db := at(t, pgtest.URL(t), monday)
	credentials, sessions, clinicID := clinicstore.NewCredentials(db), clinicstore.NewSessions(db), newClinic(t, db)
	_, err := credentials.Credential(t.Context(), clinicID)
	require.ErrorIs(t, err, clinic.ErrCredentialsMissing)
	require.ErrorIs(t, credentials.ResumeCredential(t.Context(), clinicID), clinic.ErrCredentialsMissing)
	require.ErrorIs(t, credentials.RemoveCredential(t.Context(), clinicID), clinic.ErrCredentialsMissing)
	require.ErrorIs(t, credentials.ReplaceCredential(t.Context(), clinic.StoredCredential{ID: uuid.New(), ClinicID: uuid.New(), Sealed: []byte{1}}), clinic.ErrNotFound)

	first := clinic.StoredCredential{ID: uuid.New(), ClinicID: clinicID, Provider: "idexx", Sealed: []byte("sealed")}
	require.NoError(t, credentials.ReplaceCredential(t.Context(), first))
	require.NoError(t, sessions.SaveSession(t.Context(), login(first, monday)))
	require.NoError(t, credentials.SuspendCredential(t.Context(), clinicID, first.ID, "refused", monday))
	read, err := credentials.Credential(t.Context(), clinicID)
	require.NoError(t, err)
	require.True(t, read.Suspended())
	require.Equal(t, "refused", read.SuspendedReason)
	_, err = sessions.Session(t.Context(), clinicID)
	require.ErrorIs(t, err, clinic.ErrNoSession, "its session is gone")
	require.NoError(t, sessions.SaveSession(t.Context(), login(first, monday)))
	_, err = sessions.Session(t.Context(), clinicID)
	require.ErrorIs(t, err, clinic.ErrNoSession, "and none is kept for a suspended one")
	require.NoError(t, credentials.SuspendCredential(t.Context(), clinicID, first.ID, "again", monday))
	require.Equal(t, "refused", scan[string](t, db, "select suspended_reason from pims_credentials"))
	require.NoError(t, credentials.ResumeCredential(t.Context(), clinicID))
	read, err = credentials.Credential(t.Context(), clinicID)
	require.NoError(t, err)
	first.CreatedAt, first.UpdatedAt = monday, monday
	require.Empty(t, cmp.Diff(first, read, sameInstant))

	require.NoError(t, sessions.SaveSession(t.Context(), login(first, monday)))
	second := clinic.StoredCredential{ID: uuid.New(), ClinicID: clinicID, Provider: "idexx_neo", Sealed: []byte("new")}
	require.NoError(t, credentials.ReplaceCredential(t.Context(), second))
	_, err = sessions.Session(t.Context(), clinicID)
	require.ErrorIs(t, err, clinic.ErrNoSession, "a new credential drops the session")
	require.NoError(t, credentials.SuspendCredential(t.Context(), clinicID, first.ID, "late", monday))
	read, err = credentials.Credential(t.Context(), clinicID)
	require.NoError(t, err)
	require.False(t, read.Suspended(), "what concerns the old one does not hit the new")
	require.NoError(t, credentials.RemoveCredential(t.Context(), clinicID))
	_, err = credentials.Credential(t.Context(), clinicID)
	require.ErrorIs(t, err, clinic.ErrCredentialsMissing)
}

// login is a session of a credential.
func login(c clinic.StoredCredential, at time.Time) clinic.StoredSession {
	return clinic.StoredSession{ClinicID: c.ClinicID, CredentialID: c.ID, Sealed: []byte(at.String()), LoggedInAt: at, UsedAt: at}
}

func TestASessionOfAnotherLoginIsNeverHarmed(t *testing.T) { // R36
	t.Parallel()
	db := pgtest.New(t)
	sessions, clinicID := clinicstore.NewSessions(db), newClinic(t, db)
	credential := clinic.StoredCredential{ID: uuid.New(), ClinicID: clinicID, Provider: "idexx_neo", Sealed: []byte{1}}
	require.NoError(t, clinicstore.NewCredentials(db).ReplaceCredential(t.Context(), credential))
	requireKept := func(want clinic.StoredSession) {
		t.Helper()
		got, err := sessions.Session(t.Context(), clinicID)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got, sameInstant))
	}
	older, newer := login(credential, monday), login(credential, monday.Add(time.Microsecond))
	require.NoError(t, sessions.SaveSession(t.Context(), older))
	requireKept(older)
	require.NoError(t, sessions.SaveSession(t.Context(), newer))
	requireKept(newer)
	require.NoError(t, sessions.SaveSession(t.Context(), older))
	require.NoError(t, sessions.UpdateSession(t.Context(), older))
	require.NoError(t, sessions.DropSession(t.Context(), older))
	requireKept(newer)

	used := newer
	used.Sealed, used.UsedAt = []byte("renewed"), monday.Add(time.Hour)
	require.NoError(t, sessions.UpdateSession(t.Context(), used))
	requireKept(used)
	stranger := login(clinic.StoredCredential{ID: uuid.New(), ClinicID: clinicID}, monday.Add(time.Hour))
	require.NoError(t, sessions.SaveSession(t.Context(), stranger))
	require.NoError(t, sessions.DropSession(t.Context(), stranger))
	requireKept(used)
	require.NoError(t, sessions.DropSession(t.Context(), newer))
	_, err := sessions.Session(t.Context(), clinicID)
	require.ErrorIs(t, err, clinic.ErrNoSession)
}

package postgres_test

import (
	"testing"

	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// keyring is the ring of a text such as ENCRYPTION_KEY has.
func keyring(t *testing.T, text string) *seal.Keyring {
	t.Helper()
	ring, err := seal.ParseKeyring(text)
	require.NoError(t, err)
	return ring
}

// loggedIn gives a clinic credentials and a session, sealed with a ring.
func loggedIn(t *testing.T, db *postgres.DB, ring *seal.Keyring, clinicID uuid.UUID) clinic.StoredCredential {
	t.Helper()
	credential, err := clinic.SealCredential(ring, clinicID, provider, pims.Credentials{pims.FieldUsername: "u", pims.FieldPassword: "p"})
	require.NoError(t, err)
	require.NoError(t, clinicstore.NewCredentials(db).ReplaceCredential(t.Context(), credential))
	state, err := ring.Seal([]byte("a state"), credential.SessionSubject())
	require.NoError(t, err)
	require.NoError(t, clinicstore.NewSessions(db).SaveSession(t.Context(), clinic.StoredSession{
		ClinicID: clinicID, CredentialID: credential.ID, Sealed: state, LoggedInAt: monday, UsedAt: monday,
	}))
	return credential
}

func TestARotationReachesTheCredentialsAndSessionsOfEveryClinic(t *testing.T) { // R37, R41
	t.Parallel()
	db := pgtest.New(t)
	first, second := seal.NewKey(), seal.NewKey()
	oldRing, both, newRing := keyring(t, first), keyring(t, second+","+first), keyring(t, second)
	require.NoError(t, oldRing.Verify(t.Context(), clinicstore.NewKeys(db)))
	require.NoError(t, both.Verify(t.Context(), clinicstore.NewKeys(db)))
	clinics := []uuid.UUID{newClinic(t, db), newClinic(t, db), newClinic(t, db)}
	for _, id := range clinics {
		loggedIn(t, db, oldRing, id)
	}
	suspended := clinics[1]
	exec(t, db, "update pims_credentials set suspended_at = now(), suspended_reason = 'refused' where clinic_id = $1", suspended)
	require.ErrorIs(t, newRing.Cover(t.Context(), clinicstore.NewSeals(db)), seal.ErrKeyInUse)
	before := scan[string](t, db, "select string_agg(concat(id, updated_at, suspended_at), ' ' order by id) from pims_credentials")

	done, err := both.Rotate(t.Context(), clinicstore.NewSeals(db), false)

	require.NoError(t, err)
	require.Equal(t, seal.Rotation{Rotated: 6}, done)
	require.NoError(t, newRing.Cover(t.Context(), clinicstore.NewSeals(db)))
	require.ErrorIs(t, oldRing.Cover(t.Context(), clinicstore.NewSeals(db)), seal.ErrKeyInUse, "who has the old key alone may not start any more")
	require.Equal(t, before, scan[string](t, db, "select string_agg(concat(id, updated_at, suspended_at), ' ' order by id) from pims_credentials"),
		"another key is no other content")
	for _, id := range clinics {
		credential, err := clinicstore.NewCredentials(db).Credential(t.Context(), id)
		require.NoError(t, err)
		opened, err := credential.Open(newRing)
		require.NoError(t, err)
		require.Equal(t, pims.Credentials{pims.FieldUsername: "u", pims.FieldPassword: "p"}, opened)
		session, err := clinicstore.NewSessions(db).Session(t.Context(), id)
		require.NoError(t, err)
		require.True(t, monday.Equal(session.UsedAt))
		state, err := newRing.Open(session.Sealed, credential.SessionSubject())
		require.NoError(t, err)
		require.Equal(t, "a state", string(state))
	}
	done, err = both.Rotate(t.Context(), clinicstore.NewSeals(db), false)
	require.NoError(t, err)
	require.Equal(t, seal.Rotation{Current: 6}, done)
}

func TestASealIsReplacedOnlyWhereItIsStillTheOneThatWasRead(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	seals, ring := clinicstore.NewSeals(db), keyring(t, seal.NewKey())
	mine, other := newClinic(t, db), newClinic(t, db)
	replaced := loggedIn(t, db, ring, mine)
	loggedIn(t, db, ring, other)
	records, err := seals.SealedRecords(t.Context(), uuid.Nil, 10)
	require.NoError(t, err)
	require.Len(t, records, 4)
	loggedIn(t, db, ring, mine) // a new credential, and its session

	for _, record := range records {
		done, err := seals.Reseal(t.Context(), record, []byte("resealed"))
		require.NoError(t, err)
		require.Equal(t, record.ClinicID == other, done, record.Table)
		sealed, err := seals.Sealed(t.Context(), record.Subject)
		require.NoError(t, err)
		if record.RowID == replaced.ID {
			require.Nil(t, sealed, "it is gone")
			continue
		}
		require.Equal(t, "resealed", string(sealed))
		done, err = seals.Reseal(t.Context(), record, []byte("again"))
		require.NoError(t, err)
		require.False(t, done, "it has changed")
	}
}

func TestSealsAreListedByClinicAndPage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	seals, ring := clinicstore.NewSeals(db), keyring(t, seal.NewKey())
	newClinic(t, db) // without credentials
	want := map[uuid.UUID]int{}
	for range 5 {
		id := newClinic(t, db)
		loggedIn(t, db, ring, id)
		want[id] = 2
	}
	got := map[uuid.UUID]int{}
	for last := uuid.Nil; ; {
		page, err := seals.SealedRecords(t.Context(), last, 2)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		require.LessOrEqual(t, len(page), 4)
		for _, record := range page {
			got[record.ClinicID]++
		}
		last = page[len(page)-1].ClinicID
	}
	require.Equal(t, want, got)
}

func TestADamagedCredentialIsOfNoKnownKey(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ring := keyring(t, seal.NewKey())
	require.NoError(t, ring.Verify(t.Context(), clinicstore.NewKeys(db)))
	for _, damage := range []string{"", "\x01", "\x01\xff\xff", "\x01\x02\xff\xfe", "\x01\x04lost and more"} {
		damaged := newClinic(t, db)
		loggedIn(t, db, ring, damaged)
		exec(t, db, "update pims_credentials set sealed = $1 where clinic_id = $2", []byte(damage), damaged)
	}
	loggedIn(t, db, ring, newClinic(t, db))

	counts, err := clinicstore.NewSeals(db).CredentialsByKey(t.Context())

	require.NoError(t, err)
	require.Equal(t, map[string]int{ring.KeyIDs()[0]: 1}, counts)
}

func TestNothingIsSealedInAnotherTable(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	about := seal.Subject{Table: "cases", ClinicID: newClinic(t, db)}
	_, err := clinicstore.NewSeals(db).Sealed(t.Context(), about)
	require.ErrorContains(t, err, `"cases"`)
	_, err = clinicstore.NewSeals(db).Reseal(t.Context(), seal.Record{Subject: about}, nil)
	require.ErrorContains(t, err, `"cases"`)
}
